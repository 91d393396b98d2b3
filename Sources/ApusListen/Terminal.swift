import Glibc

/// The terminal behind a file descriptor.
public struct Terminal: Sendable {
    public var descriptor: Int32

    public static let standardError = Terminal(descriptor: 2)
    public static let standardOutput = Terminal(descriptor: 1)

    public init(descriptor: Int32) { self.descriptor = descriptor }

    public struct Size: Sendable, Hashable {
        public var columns: Int
        public var lines: Int

        public init(columns: Int, lines: Int) {
            self.columns = columns
            self.lines = lines
        }
    }

    /// Whether somebody looks: a terminal that can move its cursor.
    public var isInteractive: Bool { isatty(descriptor) != 0 && Terminal.variable("TERM") != "dumb" }

    /// The window's size now: `COLUMNS` and `LINES` if set, else what the terminal says (tty_ioctl(4), TIOCGWINSZ),
    /// else 80 × 24.
    public var size: Size {
        var window = winsize()
        let known = ioctl(descriptor, UInt(TIOCGWINSZ), &window) == 0
        func pick(_ name: String, _ asked: UInt16, _ fallback: Int) -> Int {
            if let set = Terminal.variable(name).flatMap({ Int($0) }), set > 0 { return set }
            return known && asked > 0 ? Int(asked) : fallback
        }
        return Size(columns: pick("COLUMNS", window.ws_col, 80), lines: pick("LINES", window.ws_row, 24))
    }

    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}

/// `auto`, `always` or `never`, as in `--color` and `--progress`.
public enum When: String, Sendable, CaseIterable {
    case auto, always, never

    /// Whether to colour what goes to a terminal. `auto` honours `NO_COLOR` (no-color.org: set and not empty).
    public func colors(_ terminal: Terminal) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto: terminal.isInteractive && (Terminal.variable("NO_COLOR") ?? "").isEmpty
        }
    }

    /// Whether to draw a live display.
    public func draws(on terminal: Terminal) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto: terminal.isInteractive
        }
    }
}

/// The few colours that are used, as SGR codes (ECMA-48 §8.3.117).
public enum Style: String, Sendable {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"

    public func paint(_ text: String, _ colors: Bool) -> String {
        colors && self != .plain && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}
