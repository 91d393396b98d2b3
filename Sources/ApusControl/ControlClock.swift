import ApusCore
import Tabular

/// The SQL of a control database that differs from system to system: its clock, which all workers share, and counters.
struct ControlClock: Sendable {
    /// Microseconds since 1970, UTC, at the time of the statement.
    let micros: String
    /// Seconds that the session's time zone is east of UTC, now.
    let offset: String
    /// `type = 1`, which pydatax's scripts ask for, is no question for a text there.
    let hasNumericTypes: Bool
    private let counter: (@Sendable (_ table: String) -> String)?

    /// nil for a system that holds no control tables.
    init?(_ connector: String) {
        switch connector {
        case "mysql":
            micros = "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS SIGNED)"
            offset = "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())"
            counter = nil
            hasNumericTypes = false
        case "postgres":
            micros = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)"
            offset = "CAST(EXTRACT(TIMEZONE FROM clock_timestamp()) AS bigint)"
            hasNumericTypes = true
            counter = { "SELECT setval(pg_get_serial_sequence('\($0.replacing("'", with: "''"))', 'id'), (SELECT MAX(id) FROM \($0)))" }
        case "sqlite":
            // Days in a double are exact to about 40 microseconds.
            micros = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"
            offset = "CAST(ROUND((julianday('now', 'localtime') - julianday('now')) * 86400) AS INTEGER)"
            counter = nil
            hasNumericTypes = false
        default: return nil
        }
    }

    /// Moves the counter of a table's ids beyond those that were given.
    func advanceCounter(of table: String) -> String? { counter?(table) }
}
