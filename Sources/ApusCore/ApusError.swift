import Tabular

/// What went wrong, safe to show: no password and no row data stands in `description`.
///
/// The code is API (docs/errors.md lists them), the message is not. A message says what was being done and on which
/// table or file; the hint says what to do next.
public struct ApusError: Error, Sendable, Hashable {
    public var code: Code
    public var message: String
    public var hint: String?
    /// The table, file or connection concerned, when the message does not name it.
    public var context: String?
    /// The driver's own words, e.g. `PG 23505: duplicate key value …`.
    public var underlying: String?
    /// With `connection.other_system`: the scheme by which the server is reached.
    public var system: String?

    public init(
        _ code: Code, _ message: String, hint: String? = nil, context: String? = nil, underlying: String? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.context = context
        self.underlying = underlying
    }

    /// The same error about a table, file or connection.
    public func about(_ context: String) -> ApusError {
        var copy = self
        if copy.context == nil { copy.context = context }
        return copy
    }

    /// A code with dots, e.g. `source.unreachable`.
    public struct Code: Hashable, Sendable, Codable, CustomStringConvertible {
        public let name: String
        public init(_ name: String) { self.name = name }
        public var description: String { name }

        // Configuration: exit code 78.
        public static let configurationInvalid = Code("config.invalid")
        /// The command line is wrong. Exit code 64.
        public static let usage = Code("config.usage")
        public static let unknownKey = Code("config.unknown_key")
        public static let unsetVariable = Code("config.unset_variable")
        public static let unknownConnector = Code("config.unknown_connector")
        public static let columnCount = Code("config.column_count")
        public static let lossyMapping = Code("config.lossy_mapping")
        /// Only of a plan's notes: a conversion asks the run's time zone.
        public static let zoneUsed = Code("config.time_zone")
        // Reaching a system.
        /// No connection could be made, or it broke: may work later. Exit code 75.
        public static let unreachable = Code("connection.unreachable")
        /// User, password, certificate or database refused.
        public static let refused = Code("connection.refused")
        public static let tls = Code("connection.tls")
        /// The server is of a system that another connector is for: ``ApusError/system``.
        public static let otherSystem = Code("connection.other_system")
        // Doing something there.
        public static let notFound = Code("object.not_found")
        public static let exists = Code("object.exists")
        public static let permission = Code("object.permission")
        public static let locked = Code("target.locked")
        public static let interrupted = Code("target.interrupted")
        public static let referenced = Code("target.referenced")
        /// What the target remembers of incremental loads, or holds of them, is not what the last one left.
        public static let changed = Code("target.changed")
        public static let full = Code("target.full")
        /// What a slice of the plan was cut from is not in the source any more.
        public static let sourceChanged = Code("source.changed")
        /// Values of a slice need another form than the one that it was begun in: it is read and loaded again at once.
        public static let formChanged = Code("target.form_changed")
        /// The target does not give back what was loaded into it for a trial.
        public static let unproven = Code("target.unproven")
        /// The server gave up on a statement because it took too long: a read so ended is split.
        public static let timeout = Code("statement.timeout")
        /// Deadlock, lock wait, failover, too many connections: worth another try.
        public static let transient = Code("statement.transient")
        public static let statement = Code("statement.failed")
        public static let unsupported = Code("unsupported")
        // Rows.
        /// The target refused a row: the slice is loaded again with care, to find it.
        public static let rowRejected = Code("row.rejected")
        public static let tooManyRejected = Code("row.too_many_rejected")
        public static let countMismatch = Code("row.count_mismatch")
        /// Rows of a day's load that lie outside of the part of the target that they replace.
        public static let outsideWindow = Code("row.outside_window")
        public static let malformedInput = Code("input.malformed")
        // The run.
        public static let cancelled = Code("run.cancelled")
        public static let failed = Code("run.failed")
        public static let internalFault = Code("internal")
    }

    /// Whether the same work may succeed when tried again after a pause.
    public var isTransient: Bool {
        [.unreachable, .transient, .timeout].contains(code)
    }
}

extension ApusError: CustomStringConvertible {
    /// One paragraph: context, message, the driver's words, the hint.
    public var description: String {
        var text = context.map { "\($0): " } ?? ""
        text += message
        if let underlying { text += " (\(underlying))" }
        if let hint { text += "\n  hint: \(hint)" }
        return text
    }
}

/// How the program ends: every code that it can end with, as docs/errors.md lists them.
public enum ExitCode {
    public static let done: Int32 = 0
    /// Finished, but some tables failed or too many rows were bad.
    public static let failed: Int32 = 1
    /// A comparison found a difference.
    public static let different: Int32 = 2
    public static let usage: Int32 = 64
    public static let unreachable: Int32 = 75
    public static let configuration: Int32 = 78
    public static let interrupted: Int32 = 130
    public static let terminated: Int32 = 143
    /// DataX's own for a wrong command line.
    public static let dataXUsage: Int32 = 255
}

extension ApusError {
    /// The exit code of a program that ends with this error before it could begin its tables: what the user must
    /// mend in flow, command line or rights is 78, what may pass by itself 75.
    public var exitCode: Int32 {
        switch code {
        case .usage: ExitCode.usage
        case .unreachable, .transient, .timeout: ExitCode.unreachable
        case .notFound, .unsupported, .refused, .tls, .permission: ExitCode.configuration
        default: code.name.hasPrefix("config.") ? ExitCode.configuration : ExitCode.failed
        }
    }
}
