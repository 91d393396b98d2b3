import ApusCore
import Tabular

/// The SQL of a control database that differs from system to system: its clock, which all workers share, and counters.
struct ControlClock: Sendable {
    /// Microseconds since 1970, UTC, at the time of the statement.
    let micros: String
    /// Seconds that the server's own time zone is east of UTC, now.
    let offset: String
    private let counter: (@Sendable (_ table: String) -> String)?

    /// nil for a system that holds no control tables.
    init?(_ connector: String) {
        switch connector {
        case "mysql":
            // The session's zone may be another than the server's.
            micros = "CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS SIGNED)"
            offset = "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone))"
            counter = nil
        case "postgres":
            micros = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)"
            // What the server says when nobody sets it: Apus's sessions run in UTC.
            offset = """
                (SELECT CAST(EXTRACT(EPOCH FROM (clock_timestamp() AT TIME ZONE COALESCE(reset_val, 'UTC')) \
                - (clock_timestamp() AT TIME ZONE 'UTC')) AS bigint) FROM pg_settings WHERE name = 'TimeZone')
                """
            counter = { "SELECT setval(pg_get_serial_sequence('\($0.replacing("'", with: "''"))', 'id'), (SELECT MAX(id) FROM \($0)))" }
        case "sqlite":
            // Days in a double are exact to about 40 microseconds.
            micros = "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000"
            offset = "CAST(ROUND((julianday('now', 'localtime') - julianday('now')) * 86400) AS INTEGER)"
            counter = nil
        default: return nil
        }
    }

    /// Moves the counter of a table's ids beyond those that were given.
    func advanceCounter(of table: String) -> String? { counter?(table) }
}
