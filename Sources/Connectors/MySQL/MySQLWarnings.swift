import CMariaDB
import MySQLClient

extension MySQLSession {
    /// Fails when the last statement changed a value on its way in: a warning, or a note that says so (`Data truncated`).
    /// Returns the number of warnings that the server has kept.
    /// - parameter ignoring: rows whose key is there were to be passed over.
    /// - parameter force: the statement is known to have warned.
    /// - throws: ``MySQLFault``, one of a row.
    @discardableResult
    func refuseChanges(ignoring: Bool, force: Bool = false) throws -> Int {
        guard force || mysql_warning_count(handle) > 0 else { return 0 }
        let warnings = try rows("SHOW WARNINGS", doing: "read the warnings of a load")
        for warning in warnings {
            let number = Int(warning[1] ?? "") ?? 0
            let isRow = MySQLFault.rowFaults.contains(number)
            if ignoring && number == 1062 || Self.harmless.contains(number) || warning[0] == "Note" && !isRow { continue }
            throw MySQLFault(number: isRow ? number : 1366, words: warning[2] ?? "")
        }
        return warnings.count
    }

    /// Deprecations.
    private static let harmless: Set<Int> = [1287, 1681, 3719, 3778]
}
