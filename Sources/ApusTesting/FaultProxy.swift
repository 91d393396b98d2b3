import Foundation
import Synchronization

/// A TCP proxy on 127.0.0.1 that stands before any server and misbehaves on demand; switchable while connections run.
///
/// ```swift
/// let proxy = try FaultProxy(to: server.port)
/// proxy.cut(after: 1_000_000, .toClient)          // then connect to proxy.port
/// ```
public final class FaultProxy: Sendable {
    /// What happens to the bytes of all present and coming connections.
    public enum Behaviour: Sendable, Equatable {
        case passThrough
        /// Every piece (at most 64 KiB) waits this long before it goes on.
        case delay(Duration)
        /// Nothing goes on and nothing is closed, as when a cable is pulled.
        case blackHole
        /// Connections under way are cut, new ones are refused (ECONNREFUSED).
        case refuse
    }

    public enum Direction: Sendable {
        case toServer, toClient
    }

    /// When a connection is cut that sends a certain text, see ``cut(_:connectionsSending:times:)``.
    public enum Moment: Sendable, CaseIterable {
        /// The server never sees the text.
        case before
        /// The server has the text, and the connection ends at once.
        case during
        /// The server has answered, and the answer is lost.
        case after
    }

    /// The port to connect to in the server's place.
    public let port: UInt16
    private let target: UInt16
    private let state: Mutex<State>

    private struct State: Sendable {
        var behaviour = Behaviour.passThrough
        var listener: Int32 = -1
        var sockets: [Int: (client: Int32, server: Int32)] = [:]
        var nextConnection = 0
        var toServer: Int64 = 0
        var toClient: Int64 = 0
        var cut: (at: Int64, direction: Direction)?
        var trap: (text: [UInt8], moment: Moment, times: Int)?
        /// Connections whose next answer is lost.
        var mute: Set<Int> = []
        var cuts = 0
        var ended = false
    }

    /// Begins to listen on a free port of 127.0.0.1 and forwards to `target` on 127.0.0.1.
    public init(to target: UInt16) throws {
        self.target = target
        let (descriptor, port) = try Self.listen(port: 0)
        self.port = port
        state = Mutex(State(listener: descriptor))
        acceptConnections(on: descriptor)
    }

    deinit {
        end()
    }

    /// Cuts all connections and listens no more, for good. Connections keep the proxy alive, so a test that leaves some
    /// in a black hole ends it itself.
    public func end() {
        state.withLock { state in
            state.ended = true
            Self.closeListener(&state)
            Self.cutAll(&state)
        }
    }

    /// Bytes forwarded until now from clients to the server.
    public var bytesToServer: Int64 { state.withLock { $0.toServer } }
    /// Bytes forwarded until now from the server to clients.
    public var bytesToClient: Int64 { state.withLock { $0.toClient } }
    /// Connections accepted until now.
    public var connectionCount: Int { state.withLock { $0.nextConnection } }
    /// How often `cut(after:_:)` has struck.
    public var cutCount: Int { state.withLock { $0.cuts } }

    /// What happens to bytes from now on.
    public var behaviour: Behaviour {
        get { state.withLock { $0.behaviour } }
        set {
            var reopened: Int32?
            state.withLock { state in
                state.behaviour = newValue
                if newValue == .refuse {
                    Self.closeListener(&state)
                    Self.cutAll(&state)
                } else if state.listener < 0, !state.ended, let (descriptor, _) = try? Self.listen(port: port) {
                    state.listener = descriptor
                    reopened = descriptor
                }
            }
            if let reopened { acceptConnections(on: reopened) }
        }
    }

    /// Cuts all connections (with a reset) once `count` more bytes have gone in the given direction; connections made
    /// after the cut work again. At most one cut is armed at a time.
    public func cut(after count: Int64, _ direction: Direction) {
        state.withLock { state in
            state.cut = ((direction == .toServer ? state.toServer : state.toClient) + count, direction)
        }
    }

    /// Cuts each connection that sends `text` to the server, so many times in all; other connections live on. The text
    /// must be sent in one piece.
    public func cut(_ moment: Moment, connectionsSending text: String, times: Int = 1) {
        state.withLock { $0.trap = (Array(text.utf8), moment, times) }
    }

    private static func contains(_ text: [UInt8], in piece: ArraySlice<UInt8>) -> Bool {
        guard piece.count >= text.count else { return false }
        return piece.indices.dropLast(text.count - 1).contains { piece[$0...].starts(with: text) }
    }

    /// Cuts one connection, with a reset.
    private static func cut(_ number: Int, _ state: inout State) {
        guard let pair = state.sockets[number] else { return }
        state.cuts += 1
        state.mute.remove(number)
        cut([pair.client, pair.server])
    }

    /// Cuts all connections now.
    public func cutNow() {
        state.withLock { Self.cutAll(&$0) }
    }

    private static func closeListener(_ state: inout State) {
        guard state.listener >= 0 else { return }
        // The accepting thread wakes up, sees the end and closes the descriptor.
        shutdown(state.listener, Int32(SHUT_RDWR))
        state.listener = -1
    }

    private static func cutAll(_ state: inout State) {
        for pair in state.sockets.values { cut([pair.client, pair.server]) }
    }

    private static func cut(_ descriptors: [Int32]) {
        for descriptor in descriptors {
            // With linger 0 the later close sends a reset instead of an orderly end.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }

    private static func listen(port: UInt16) throws -> (Int32, UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = loopbackAddress(port: port)
        guard withSocketAddress(&address, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 128) == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw KitError("proxy cannot listen: \(reason)")
        }
        return (descriptor, localPort(of: descriptor))
    }

    private func acceptConnections(on listener: Int32) {
        Thread.detachNewThread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    break
                }
                guard let self else {
                    close(client)
                    break
                }
                self.serve(client)
            }
            close(listener)
        }
    }

    private func serve(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopbackAddress(port: target)
        var one: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        setsockopt(server, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        guard withSocketAddress(&address, { connect(server, $0, $1) }) == 0 else {
            close(client)
            close(server)
            return
        }
        let number = state.withLock { state in
            state.nextConnection += 1
            state.sockets[state.nextConnection] = (client, server)
            return state.nextConnection
        }
        let pumps = ArrivalCount()
        for (source, destination, direction) in [(client, server, Direction.toServer), (server, client, .toClient)] {
            Thread.detachNewThread { [self] in
                pump(number, from: source, to: destination, direction)
                guard pumps.arrive() == 2 else { return }
                state.withLock { _ = $0.sockets.removeValue(forKey: number) }
                close(client)
                close(server)
            }
        }
    }

    /// Forwards one direction until its end; an orderly end of one side is passed on as such.
    private func pump(_ number: Int, from source: Int32, to destination: Int32, _ direction: Direction) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            guard waitForLeave(source) else { break }
            if direction == .toClient, state.withLock({ $0.mute.contains(number) }) {
                state.withLock { Self.cut(number, &$0) }
                break
            }
            let moment = direction == .toServer ? trapped(number, buffer[..<count]) : nil
            if moment == .before {
                state.withLock { Self.cut(number, &$0) }
                break
            }
            let (allowed, strikes) = state.withLock { state -> (Int, Bool) in
                var allowed = count
                var strikes = false
                let before = direction == .toServer ? state.toServer : state.toClient
                if let cut = state.cut, cut.direction == direction, before + Int64(count) >= cut.at {
                    allowed = Int(max(0, cut.at - before))
                    strikes = true
                    state.cut = nil
                }
                if direction == .toServer { state.toServer += Int64(allowed) } else { state.toClient += Int64(allowed) }
                return (allowed, strikes)
            }
            var sent = 0
            while sent < allowed {
                let written = buffer[sent..<allowed].withUnsafeBytes {
                    send(destination, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { break }
                sent += written
            }
            if moment == .during { state.withLock { Self.cut(number, &$0) } }
            if strikes {
                state.withLock { state in
                    state.cuts += 1
                    Self.cutAll(&state)
                }
            }
            if sent < count { break }
        }
        shutdown(destination, Int32(SHUT_WR))
        shutdown(source, Int32(SHUT_RD))
    }

    /// Whether the piece holds the text that a connection is cut for.
    private func trapped(_ number: Int, _ piece: ArraySlice<UInt8>) -> Moment? {
        guard let trap = state.withLock({ $0.trap }), Self.contains(trap.text, in: piece) else { return nil }
        return state.withLock { state in
            guard let times = state.trap?.times, times > 0 else { return nil }
            state.trap!.times = times - 1
            if times == 1 { state.trap = nil }
            if trap.moment == .after { state.mute.insert(number) }
            return trap.moment
        }
    }

    /// Waits out a delay or a black hole; false when the connection was cut meanwhile.
    private func waitForLeave(_ descriptor: Int32) -> Bool {
        if case .delay(let duration) = behaviour {
            usleep(UInt32(duration / .microseconds(1)))
        }
        while behaviour == .blackHole {
            if state.withLock({ $0.ended }) { return false }
            var waiting = pollfd(fd: descriptor, events: 0, revents: 0)
            if poll(&waiting, 1, 20) > 0, waiting.revents & Int16(POLLHUP | POLLERR) != 0 { return false }
        }
        return true
    }
}

/// Counts the two pumps of a connection, so that the last one closes its sockets.
private final class ArrivalCount: Sendable {
    private let count = Atomic<Int>(0)
    func arrive() -> Int { count.add(1, ordering: .acquiringAndReleasing).newValue }
}
