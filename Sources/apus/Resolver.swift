import ApusCore
import ApusFlow
import Glibc

/// The way from what the user writes to connections: the registry, the environment, connections.yaml, the terminal.
enum Resolver {
    /// - parameter zone: see ``ConnectionResolver/zone``.
    static func make(askPassword: Bool = false, zone: String?) -> ConnectionResolver {
        var resolver = make(askPassword: askPassword)
        resolver.zone = zone
        return resolver
    }

    static func make(askPassword: Bool = false) -> ConnectionResolver {
        let asking: @Sendable (String) throws -> Secret? = { try ask($0) }
        var resolver = ConnectionResolver(
            Registry.connectors, file: ConnectionsFile.standard(), askPassword: askPassword ? asking : nil)
        resolver.askMasked = asking
        return resolver
    }

    /// Reads a password at the terminal, unseen. Nil when there is no terminal.
    private static func ask(_ label: String) throws -> Secret? {
        let terminal = Glibc.open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        func say(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) } }
        var shown = termios()
        guard tcgetattr(terminal, &shown) == 0 else { return nil }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        say("Password for \(label): ")
        tcsetattr(terminal, TCSAFLUSH, &hidden)
        defer {
            tcsetattr(terminal, TCSAFLUSH, &shown)
            say("\n")
        }
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            var waiting = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, 200)
            try Program.interrupt.check()
            guard ready > 0 else { continue }
            guard read(terminal, &byte, 1) == 1, byte != 10 else { break }
            bytes.append(byte)
        }
        return Secret(String(decoding: bytes, as: UTF8.self))
    }
}
