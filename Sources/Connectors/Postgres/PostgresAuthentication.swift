import ApusCore
import CPostgres
import Glibc

/// The ways in which a server may have the password proved. libpq answers whatever it is asked; its own `require_auth` came
/// with version 16, and before that ``AuthenticationGate`` reads what the server asks before libpq does.
enum AuthenticationMethod: String, CaseIterable {
    /// The password as it is.
    case password
    case md5
    case scram = "scram-sha-256"
    case gss
    /// The server asks for nothing.
    case none

    /// - parameter isProtected: the connection is a verified TLS one, or a unix socket.
    static func allowed(_ endpoint: Endpoint, isProtected: Bool) throws -> Set<AuthenticationMethod> {
        guard let text = endpoint.settings["require_auth"] else {
            return Set(allCases).subtracting(isProtected ? [] : [.password])
        }
        let named = try text.split(separator: ",").map { name in
            guard let method = AuthenticationMethod(rawValue: String(name.filter { !$0.isWhitespace })) else {
                throw ApusError(
                    .configurationInvalid, "option `require_auth`: `\(name)` is not a method of authentication",
                    hint: "Write some of \(allCases.map(\.rawValue).joined(separator: ", ")).", context: endpoint.label)
            }
            return method
        }
        guard isProtected || !named.contains(.password) else {
            throw ApusError(
                .configurationInvalid, "option `require_auth`: `password` sends it as it is, which needs a verified connection",
                hint: "Add tls=verify and ca=<file>, or connect by unix socket.", context: endpoint.label)
        }
        return Set(named)
    }

    /// Of the `Authentication…` messages (manual, "Message Formats"); nil for those that go on with what was begun.
    init?(code: UInt32) {
        switch code {
        case 0: self = .none
        case 3: self = .password
        case 5: self = .md5
        case 7, 9: self = .gss
        case 10: self = .scram
        default: return nil
        }
    }

    static let isKnownToLibrary: Bool = {
        guard let defaults = PQconndefaults() else { return false }
        defer { PQconninfoFree(defaults) }
        var next = defaults
        while let keyword = next.pointee.keyword {
            if strcmp(keyword, "require_auth") == 0 { return true }
            next += 1
        }
        return false
    }()
}

/// Stands between the socket and libpq until the server has said who is there.
///
/// Each step takes one message from the socket (of TLS: one record), looks at it, and lets libpq read exactly that from a
/// socket pair that takes the socket's number for as long as the step lasts. What libpq has not been given it cannot answer,
/// so there is no race between looking and reading.
final class AuthenticationGate {
    private let connection: OpaquePointer
    private let allowed: Set<AuthenticationMethod>
    private let label: String
    private var unit: [UInt8] = []
    private var parser = Parser()
    private var socketNumber: ino_t = 0

    init(_ connection: OpaquePointer, _ allowed: Set<AuthenticationMethod>, label: String) {
        self.connection = connection
        self.allowed = allowed
        self.label = label
    }

    /// In place of `PQconnectPoll` while the server is to say how it wants the password.
    /// - throws: `connection.refused`, before anything is answered.
    func step() throws -> PostgresPollingStatusType {
        let socket = PQsocket(connection)
        let number = Self.number(socket)
        if number != socketNumber {
            // libpq tries another host, or without TLS.
            (socketNumber, unit, parser) = (number, [], Parser())
        }
        guard try fill(from: socket) else { return unit.isEmpty && isEnded ? PQconnectPoll(connection) : PGRES_POLLING_READING }
        defer { unit = [] }
        return try letIn(socket)
    }

    private var isEnded = false

    /// Reads the rest of one message or record, and no more. Returns whether it is whole.
    private func fill(from socket: Int32) throws -> Bool {
        while true {
            let wanted = unit.count < 5 ? 5 : whole
            if unit.count >= 5, unit.count >= wanted { return true }
            var piece = [UInt8](repeating: 0, count: wanted - unit.count)
            let count = recv(socket, &piece, piece.count, 0)
            if count > 0 {
                unit += piece[..<count]
            } else if count < 0, errno == EINTR {
                continue
            } else {
                isEnded = count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)
                // A message that breaks off is libpq's to tell of.
                if isEnded { unit = [] }
                return false
            }
        }
    }

    private var isEncrypted: Bool { PQsslInUse(connection) != 0 }

    /// Bytes of the message or record that begins with these five. A message of a length that libpq refuses is its head.
    private var whole: Int {
        if isEncrypted { return 5 + Int(unit[3]) << 8 + Int(unit[4]) }
        let length = unit[1..<5].reduce(0) { $0 << 8 | Int($1) }
        return (4...30_000).contains(length) ? 1 + length : 5
    }

    private func letIn(_ socket: Int32) throws -> PostgresPollingStatusType {
        var pair: [Int32] = [-1, -1]
        let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let kept = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard kept >= 0, socketpair(AF_UNIX, flags, 0, &pair) == 0 else {
            close(kept)
            throw ApusError(.transient, "no descriptor is left to check how the server asks for the password", context: label)
        }
        defer {
            close(pair[1])
            close(kept)
        }
        let ours = pair[1]
        let inside = Self.number(pair[0])
        Self.put(pair[0], at: socket)
        close(pair[0])
        _ = unit.withUnsafeBytes { send(ours, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        do {
            try check()
        } catch {
            Self.put(kept, at: socket)
            throw error
        }
        let state = PQconnectPoll(connection)
        guard PQsocket(connection) == socket, Self.number(socket) == inside else { return state }
        Self.put(kept, at: socket)
        if isEncrypted, let ssl = PQsslStruct(connection, "OpenSSL"), let pending = OpenSSL.pending, pending(ssl) > 0 { throw tooLong }
        try passOn(from: ours, to: socket)
        return state
    }

    private func check() throws {
        guard isEncrypted else { return try parser.read(unit[...], check: check) }
        guard let ssl = PQsslStruct(connection, "OpenSSL"), let peek = OpenSSL.peek, OpenSSL.pending != nil else {
            throw ApusError(
                .unsupported, "this libpq's TLS does not show how the server asks for the password", hint: "Use tls=verify with `ca`.",
                context: label)
        }
        var plain = [UInt8](repeating: 0, count: 1 << 14)
        let count = Int(peek(ssl, &plain, Int32(plain.count)))
        // libpq has room for this much at any time; more would be read in two steps and seen twice here.
        if count > 8192 { throw tooLong }
        if count > 0 { try parser.read(plain[..<count], check: check) }
    }

    private func check(_ method: AuthenticationMethod) throws {
        if allowed.contains(method) { return }
        let hint: String
        switch method {
        case .password:
            hint = "Use tls=verify with `ca`, a unix socket, or have the server ask by scram-sha-256 (pg_hba.conf)."
        default: hint = "`require_auth` lists the methods that may be used."
        }
        throw ApusError(
            .refused,
            method == .password
                ? "the server asks for the password in clear, and the connection is not a verified one"
                : "the server asks for authentication by \(method.rawValue), which is not allowed",
            hint: hint, context: label)
    }

    private var tooLong: ApusError {
        ApusError(.refused, "the server says more than PostgreSQL does before the password was asked for", context: label)
    }

    private func passOn(from box: Int32, to socket: Int32) throws {
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(box, &piece, piece.count, 0)
            guard count > 0 else { return }
            var sent = 0
            while sent < count {
                let done = piece.withUnsafeBytes { send(socket, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL)) }
                if done > 0 {
                    sent += done
                } else if errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR {
                    var waiting = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&waiting, 1, 100)
                } else {
                    // libpq will find the connection broken when it reads.
                    return
                }
            }
        }
    }

    private static func put(_ descriptor: Int32, at number: Int32) {
        dup2(descriptor, number)
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    }

    private static func number(_ descriptor: Int32) -> ino_t {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? status.st_ino : 0
    }

    /// Finds the requests in the stream of messages, whatever pieces it comes in.
    struct Parser {
        private var head: [UInt8] = []
        private var left = 0
        private var isAsked = false

        mutating func read(_ bytes: ArraySlice<UInt8>, check: (AuthenticationMethod) throws -> Void) throws {
            for byte in bytes {
                if left > 0, head.isEmpty {
                    left -= 1
                    continue
                }
                head.append(byte)
                if head.count < 5 { continue }
                if head.count == 5 {
                    left = max(0, head[1..<5].reduce(0) { $0 << 8 | Int($1) } - 4)
                    if head[0] != UInt8(ascii: "R") || left < 4 { head = [] }
                    continue
                }
                left -= 1
                if head.count < 9 { continue }
                let code = head[5..<9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                head = []
                guard let method = AuthenticationMethod(code: code) else { continue }
                if method == .none, isAsked { continue }
                isAsked = true
                try check(method)
            }
        }
    }
}

/// Of the library that libpq itself brings along.
private enum OpenSSL {
    typealias Peek = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int32) -> Int32
    typealias Pending = @convention(c) (UnsafeMutableRawPointer) -> Int32
    static let peek = dlsym(nil, "SSL_peek").map { unsafeBitCast($0, to: Peek.self) }
    static let pending = dlsym(nil, "SSL_pending").map { unsafeBitCast($0, to: Pending.self) }
}
