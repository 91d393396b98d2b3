import ApusCore
import CFetch
import Glibc
import Synchronization

/// A request to the HTTP interface of an FE, which may send it on to another FE or a BE.
struct LoadCall {
    var method: String
    var path: String
    /// Without authorization, which is added for every hop.
    var headers: [(name: String, value: String)] = []
    /// Sent to whoever asks for it with `100 Continue`; FEs never do.
    var body: LoadBody?
    /// The FE itself takes the body, which is no load.
    var bodyGoesToFE = false
    /// The body's octets, where it is complete.
    var length: Int?
    /// Seconds that the last server may take for its answer.
    var patience: Double = 60
    /// What is being done, for errors: `load rows into t`.
    var doing: String
}

/// Why a request has no answer.
struct LoadFault: Error {
    enum Kind {
        /// Nothing was sent: the request can be made again.
        case unreached
        /// Nobody can tell whether the request was heeded.
        case broken
        case refused, stopped, tls, noLibrary, body
    }

    var kind: Kind
    /// `host:port` of the server that it was about.
    var place: String
    var words: String
    /// The place was named by a redirection.
    var isRedirected: Bool
}

/// Sends requests to FEs and follows their redirections itself: the credentials and all headers go to every hop, the
/// body to the last only. One thread at a time.
final class LoadClient {
    private let options: StarRocksOptions
    private let endpoint: Endpoint
    private let interrupt: Interrupt
    private let transfer: OpaquePointer?
    private let authorization: String
    /// The FE that answered last.
    private var first = 0
    private let stop = StopFlag()

    /// - parameter http: to try these FEs alone, without patience.
    init(_ session: StarRocksSession, trying http: [ConnectionURL.Host]? = nil) {
        var options = session.options
        if let http {
            options.http = http
            options.connectTimeout = min(2, options.connectTimeout)
        }
        self.options = options
        endpoint = session.endpoint
        interrupt = session.interrupt
        transfer = apus_transfer_open()
        authorization = "Basic " + Base64Text.encode("\(endpoint.user ?? "root"):\(endpoint.password?.reveal() ?? "")")
    }

    deinit { if let transfer { apus_transfer_close(transfer) } }

    /// Ends the request under way; for any thread.
    var stopper: StopFlag { stop }

    /// - throws: ``LoadFault``.
    func run(_ call: LoadCall) throws -> LoadAnswer {
        guard transfer != nil else { throw LoadFault(kind: .noLibrary, place: "", words: "libcurl is not installed", isRedirected: false) }
        defer { call.body?.finish() }
        guard !options.leavesLoadsOpen else {
            throw ApusError(
                .tls, "loads would send the password over plain HTTP, although SQL goes over TLS (tls=\(options.tls.rawValue))",
                hint: "Add https=true, or https=false where the network between here, the FEs and the BEs is trusted.",
                context: endpoint.label)
        }
        var last: LoadFault?
        for step in 0..<options.http.count {
            let index = (first + step) % options.http.count
            let front = options.http[index]
            let base = "\(options.https ? "https" : "http")://\(Self.place(front))"
            do {
                let answer = try hop(call, base + call.path, isRedirected: false)
                first = index
                return try follow(call, answer, place: Self.place(front))
            } catch let fault as LoadFault where !fault.isRedirected && (fault.kind == .unreached || fault.kind == .broken) {
                // An FE that was asked twice sends on, or repeats what it has done: nothing happens twice.
                last = fault
            }
        }
        throw last!
    }

    /// An address that a BE gave, e.g. that of its log of rejected rows.
    func fetch(_ address: String) throws -> LoadAnswer {
        guard transfer != nil else { throw LoadFault(kind: .noLibrary, place: "", words: "libcurl is not installed", isRedirected: false) }
        let mapped = try mapped(address)
        return try hop(
            LoadCall(method: "GET", path: "", patience: 10, doing: "read why rows were rejected"), mapped.address, isRedirected: true)
    }

    private func follow(_ call: LoadCall, _ answer: LoadAnswer, place: String) throws -> LoadAnswer {
        var answer = answer
        var hops = 0
        while let location = answer.location, (300..<400).contains(answer.status) {
            hops += 1
            guard hops <= 4 else { throw LoadFault(kind: .unreached, place: place, words: "redirected too often", isRedirected: true) }
            let next = try mapped(location, call)
            answer = try hop(call, next.address, isRedirected: true)
        }
        return answer
    }

    // MARK: One hop

    private func hop(_ call: LoadCall, _ address: String, isRedirected: Bool) throws -> LoadAnswer {
        let place = Self.place(in: address)
        // The first FE gets no body, not even the promise of one.
        let body = isRedirected || call.bodyGoesToFE ? call.body : nil
        let exchange = Exchange(body, interrupt, stop)
        let lines = call.headers.map { "\($0.name): \($0.value)" } + ["Authorization: \(authorization)"]
        var pointers: [UnsafePointer<CChar>?] = lines.map { UnsafePointer(strdup($0)) }
        pointers.append(nil)
        defer { for pointer in pointers { free(UnsafeMutablePointer(mutating: pointer)) } }
        // Sendable, since the body calls it from the writer's thread: libcurl allows that for this one function.
        let waker = Waker(transfer!)
        body?.onMore { waker.wake() }
        defer { body?.onMore {} }
        var reply = apus_reply()
        address.withCString { address in
            call.method.withCString { method in
                withOptionalCString(options.https ? options.ca : nil) { authorities in
                    pointers.withUnsafeBufferPointer { headers in
                        var request = apus_request()
                        request.method = method
                        request.address = address
                        request.headers = headers.baseAddress
                        request.length = Int64(call.length ?? -1)
                        request.context = Unmanaged.passUnretained(exchange).toOpaque()
                        request.is_stopped = { Exchange.at($0!).isStopped ? 1 : 0 }
                        if body != nil { request.body = { Exchange.at($0!).read($1!, $2) } }
                        request.authorities = authorities
                        request.connect_limit = options.connectTimeout * 1000
                        let patience = Int(call.patience * 1000)
                        request.first_limit =
                            body != nil
                            ? max(5, options.connectTimeout * 3) * 1000
                            : call.body != nil ? max(60, options.connectTimeout * 6) * 1000 : max(5000, patience)
                        request.answer_limit = patience
                        request.keep = 1 << 20
                        withExtendedLifetime(exchange) { apus_transfer_run(transfer, &request, &reply) }
                    }
                }
            }
        }
        defer { apus_reply_release(&reply) }
        let words = withUnsafeBytes(of: reply.error) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        func fault(_ kind: LoadFault.Kind) -> LoadFault { LoadFault(kind: kind, place: place, words: words, isRedirected: isRedirected) }
        switch Int(reply.outcome) {
        case APUS_ANSWERED: break
        case APUS_NO_LIBRARY: throw fault(.noLibrary)
        case APUS_NOT_CONNECTED: throw fault(.unreached)
        case APUS_STOPPED: throw fault(.stopped)
        case APUS_NO_TLS: throw fault(.tls)
        case APUS_NO_BODY: throw fault(.body)
        // Without `100 Continue` no row has left.
        default: throw fault(.broken)
        }
        let text = reply.bytes.map { String(decoding: UnsafeRawBufferPointer(start: $0, count: reply.count), as: UTF8.self) } ?? ""
        let answer = LoadAnswer(
            status: reply.status, text: text, location: reply.location.map { String(cString: $0) }, place: place, isBackEnd: isRedirected)
        // A plan is refused with 403, too, where it is not the user who is.
        if answer.status == 401 || (answer.status == 403 && !call.bodyGoesToFE) {
            throw LoadFault(kind: .refused, place: place, words: answer.message, isRedirected: isRedirected)
        }
        return answer
    }

    /// What the C side's callbacks work on.
    private final class Exchange {
        private let body: LoadBody?
        private let interrupt: Interrupt
        private let stop: StopFlag

        init(_ body: LoadBody?, _ interrupt: Interrupt, _ stop: StopFlag) {
            self.body = body
            self.interrupt = interrupt
            self.stop = stop
        }

        static func at(_ context: UnsafeMutableRawPointer) -> Exchange { Unmanaged.fromOpaque(context).takeUnretainedValue() }

        var isStopped: Bool { stop.isRaised || interrupt.isFired }

        func read(_ out: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
            switch body!.read(into: out, room) {
            case .octets(let count): count
            case .later: APUS_BODY_LATER
            case .end: APUS_BODY_END
            case .broken: APUS_BODY_BROKEN
            }
        }
    }

    // MARK: Addresses

    /// The address as it is reached from here, without user and password, which Doris puts into it.
    ///
    /// FEs before StarRocks#59722 decode the path and write it undone into `Location`, where a letter that is not ASCII
    /// comes out as `?`: a path that had to be encoded is taken as it was sent, and only the server from the answer.
    private func mapped(_ location: String, _ call: LoadCall? = nil) throws -> (address: String, place: String) {
        guard let scheme = location.firstRange(of: "://") else {
            throw LoadFault(kind: .unreached, place: location, words: "redirected to what is not an address", isRedirected: true)
        }
        // The password goes along: never from HTTPS to what everybody on the way can read.
        guard !options.https || location[..<scheme.lowerBound].lowercased() == "https" else {
            throw LoadFault(
                kind: .tls, place: Self.place(in: location), words: "redirected from HTTPS to another protocol", isRedirected: true)
        }
        let rest = location[scheme.upperBound...]
        let end = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) ?? rest.endIndex
        let authority = rest[..<end]
        let server = String(authority[(authority.lastIndex(of: "@").map { authority.index(after: $0) } ?? authority.startIndex)...])
        let colon = server.lastIndex(of: ":")
        let host = colon.map { String(server[..<$0]) } ?? server
        let port = colon.flatMap { Int(server[server.index(after: $0)...]) }
        var place = server
        if let other = options.addresses[server] ?? options.addresses[host] {
            place = Self.place(ConnectionURL.Host(other.name, port: other.port ?? port))
        }
        let path = call.flatMap { $0.path.contains("%") ? $0.path[...] : nil } ?? rest[end...]
        return ("\(location[..<scheme.lowerBound])://\(place)\(path)", place)
    }

    static func place(_ host: ConnectionURL.Host) -> String {
        let name = host.name.contains(":") && !host.name.hasPrefix("[") ? "[\(host.name)]" : host.name
        return host.port.map { "\(name):\($0)" } ?? name
    }

    private static func place(in address: String) -> String {
        guard let scheme = address.firstRange(of: "://") else { return address }
        return String(address[scheme.upperBound...].prefix { $0 != "/" })
    }

    /// A name as a part of a path (RFC 3986 §2.3).
    static func escaped(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: text.unicodeScalars.append(UnicodeScalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return text
    }
}

/// Ends a transfer from another thread.
final class StopFlag: Sendable {
    private let raised = Atomic(false)
    var isRaised: Bool { raised.load(ordering: .relaxed) }
    func raise() { raised.store(true, ordering: .relaxed) }
    func reset() { raised.store(false, ordering: .relaxed) }
}

/// Sendable, unchecked: `apus_transfer_wake` is made for other threads, and the body calls it only while the transfer runs.
private struct Waker: @unchecked Sendable {
    private let transfer: OpaquePointer
    init(_ transfer: OpaquePointer) { self.transfer = transfer }
    func wake() { apus_transfer_wake(transfer) }
}

private func withOptionalCString(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Void) {
    if let text { text.withCString { body($0) } } else { body(nil) }
}

/// Base 64 (RFC 4648 §4), for `Authorization: Basic`.
enum Base64Text {
    static func encode(_ text: String) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let bytes = Array(text.utf8)
        var out = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var word = 0
            for index in 0..<3 { word = word << 8 | (index < count ? Int(bytes[start + index]) : 0) }
            for index in 0..<4 { out.append(index <= count ? letters[word >> (18 - 6 * index) & 63] : "=") }
        }
        return out
    }
}
