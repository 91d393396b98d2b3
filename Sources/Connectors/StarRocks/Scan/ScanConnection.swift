import ApusCore
import Glibc

/// A connection to the scanners of one BE: service `TStarrocksExternalService`, Doris' `TDorisExternalService`, whose
/// calls have the same names and fields.
final class ScanConnection {
    let place: String
    private let interrupt: Interrupt
    private let socket: Int32
    private var sequence: Int32 = 0
    private var input: ThriftInput!
    /// Seconds that the BE may be silent.
    private let patience: Int

    /// What `open_scanner` is told.
    struct Order {
        var database: String
        var table: String
        var tablets: [Int64]
        var plan: String
        var user: String
        var batchRows: Int32
        var keepAliveMinutes: Int16
        var queryTimeout: Int32
        var memoryLimit: Int64
    }

    struct Scanner {
        var context: String
        var columns: [String]
    }

    /// - throws: ``ScanFault/broken(_:)``.
    init(_ host: ConnectionURL.Host, connectTimeout: Int, patience: Int, _ interrupt: Interrupt) throws {
        place = "\(host.name):\(host.port ?? 9060)"
        self.interrupt = interrupt
        self.patience = patience
        socket = try Self.connect(host.name, host.port ?? 9060, seconds: connectTimeout, interrupt)
        let socket = socket
        let limit = patience
        input = ThriftInput { out, count in
            while true {
                try Self.wait(socket, Int16(POLLIN), seconds: limit)
                let got = recv(socket, out, count, 0)
                if got >= 0 { return got }
                guard errno == EINTR || errno == EAGAIN else { throw ScanFault.broken(String(cString: strerror(errno))) }
            }
        }
    }

    deinit {
        interrupt.unregister(socket: socket)
        Glibc.close(socket)
    }

    private static func connect(_ name: String, _ port: Int, seconds: Int, _ interrupt: Interrupt) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, String(port), &hints, &found) == 0 else { throw ScanFault.broken("the host \(name) is not known") }
        defer { freeaddrinfo(found) }
        var words = "no address"
        var next = found
        while let address = next {
            next = address.pointee.ai_next
            let socket = Glibc.socket(
                address.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            guard socket >= 0 else { continue }
            interrupt.register(socket: socket)
            do {
                if Glibc.connect(socket, address.pointee.ai_addr, address.pointee.ai_addrlen) != 0 {
                    guard errno == EINPROGRESS else { throw ScanFault.broken(String(cString: strerror(errno))) }
                    try wait(socket, Int16(POLLOUT), seconds: seconds)
                    var code: Int32 = 0
                    var size = socklen_t(MemoryLayout<Int32>.size)
                    getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size)
                    guard code == 0 else { throw ScanFault.broken(String(cString: strerror(code))) }
                }
                var on: Int32 = 1
                setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
                return socket
            } catch let fault as ScanFault {
                if case .broken(let text) = fault { words = text }
                interrupt.unregister(socket: socket)
                Glibc.close(socket)
            }
        }
        throw ScanFault.broken(words)
    }

    private static func wait(_ socket: Int32, _ events: Int16, seconds: Int) throws {
        var poller = pollfd(fd: socket, events: events, revents: 0)
        while true {
            let got = poll(&poller, 1, Int32(clamping: seconds * 1000))
            if got > 0 { return }
            if got == 0 { throw ScanFault.broken("no answer within \(seconds) s") }
            guard errno == EINTR else { throw ScanFault.broken(String(cString: strerror(errno))) }
        }
    }

    // MARK: Calls

    private func call(_ name: String, _ write: (inout ThriftWriter) -> Void) throws {
        sequence &+= 1
        var writer = ThriftWriter(call: name, sequence: sequence)
        write(&writer)
        writer.end()
        try writer.bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = send(socket, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                if count > 0 {
                    sent += count
                } else if errno == EAGAIN {
                    try Self.wait(socket, Int16(POLLOUT), seconds: patience)
                } else if errno != EINTR {
                    throw ScanFault.broken(String(cString: strerror(errno)))
                }
            }
        }
        input.begin()
        try input.answer(to: name, sequence: sequence)
    }

    /// Reads the result's struct, field 0 of the answer. The status is looked at when the whole answer is read.
    private func result(_ field: (_ id: Int16, _ type: ThriftType) throws -> Bool) throws {
        var code: Int32?
        var words: [String] = []
        try input.structure { id, type in
            guard id == 0, type == .structure else { return false }
            try input.structure { id, type in
                guard id == 1, type == .structure else { return try field(id, type) }
                try status(&code, &words)
                return true
            }
            return true
        }
        guard let code else { throw ScanFault.malformed("an answer without a status") }
        if code != 0 { throw ScanFault.status(code: code, words.joined(separator: "; ")) }
    }

    private func status(_ code: inout Int32?, _ words: inout [String]) throws {
        var found: Int32?
        var texts: [String] = []
        try input.structure { id, type in
            switch (id, type) {
            case (1, .int32): found = try input.integer(Int32.self)
            case (2, .list):
                let (inner, count) = try input.list()
                guard inner == ThriftType.string.rawValue else { throw ScanFault.malformed("a status whose messages are not texts") }
                for _ in 0..<count {
                    let text = try input.string()
                    if texts.count < 4 { texts.append(text) }
                }
            default: return false
            }
            return true
        }
        code = found
        words = texts
    }

    func open(_ order: Order) throws -> Scanner {
        // The password stays here: the field is optional, and no BE looks at it.
        try call("open_scanner") { writer in
            writer.field(1, "default_cluster")
            writer.field(2, order.database)
            writer.field(3, order.table)
            writer.field(4, order.tablets)
            writer.field(5, order.plan)
            writer.field(6, order.batchRows)
            writer.field(9, order.user)
            writer.field(11, order.keepAliveMinutes)
            writer.field(12, order.queryTimeout)
            writer.field(13, order.memoryLimit)
        }
        var scanner = Scanner(context: "", columns: [])
        try result { id, type in
            switch (id, type) {
            case (2, .string): scanner.context = try input.string()
            case (3, .list):
                let (inner, count) = try input.list()
                guard inner == ThriftType.structure.rawValue else { throw ScanFault.malformed("columns that are not structs") }
                for _ in 0..<count {
                    var name = ""
                    try input.structure { id, type in
                        guard id == 1, type == .string else { return false }
                        name = try input.string()
                        return true
                    }
                    scanner.columns.append(name)
                }
            default: return false
            }
            return true
        }
        return scanner
    }

    /// The next batch, an Arrow IPC stream that is valid until the next call; nil = the end.
    func next(_ scanner: Scanner, offset: Int64) throws -> UnsafeRawBufferPointer? {
        try call("get_next") { writer in
            writer.field(1, scanner.context)
            writer.field(2, offset)
        }
        var isEnd = false
        var rows: Range<Int>?
        try result { id, type in
            switch (id, type) {
            case (2, .boolean): isEnd = try input.integer(UInt8.self) != 0
            case (3, .string): rows = try input.binary()
            default: return false
            }
            return true
        }
        if isEnd { return nil }
        return UnsafeRawBufferPointer(start: input.start + (rows?.lowerBound ?? 0), count: rows?.count ?? 0)
    }

    func close(_ scanner: Scanner) throws {
        try call("close_scanner") { $0.field(1, scanner.context) }
        try result { _, _ in false }
    }
}
