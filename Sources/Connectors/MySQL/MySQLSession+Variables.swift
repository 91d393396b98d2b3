import ApusCore
import MySQLClient

/// Variables of the session: all in one statement, or only what this server has.
extension MySQLSession {
    /// What a server answers to a variable that it does not have, or that takes no such value: unknown, read only,
    /// not supported, wrong type or value (the manual's "Server Error Message Reference").
    private static let notSettable: Set<Int> = [1193, 1235, 1238, 1231, 1232, 1229, 1064, 1210]

    /// Sets variables of the session. A server that refuses one of them refuses the whole statement; then each is set by
    /// itself, and what this server does not have stays as it is.
    ///
    /// - parameter assignments: `name = value`.
    /// - parameter required: how many of the first ones must hold: without them values would mean something else.
    func setVariables(_ assignments: [String], required: Int = 0) throws {
        let doing = "set up the session"
        guard !assignments.isEmpty else { return }
        do {
            try attempt("SET SESSION " + assignments.joined(separator: ", "))
        } catch let fault as MySQLFault {
            guard Self.notSettable.contains(fault.number) else { throw error(fault, doing: doing) }
            for (index, assignment) in assignments.enumerated() {
                do {
                    try attempt("SET SESSION \(assignment)")
                } catch let fault as MySQLFault where index >= required && Self.notSettable.contains(fault.number) {
                    continue
                } catch let fault as MySQLFault {
                    throw error(fault, doing: doing)
                }
            }
        }
    }

    // MARK: The limit of a statement

    /// The variable that limits a statement's time; nil where the server has none (MySQL before 5.7.8, MariaDB before 10.1.1).
    private var limitVariable: String? {
        switch server.product {
        case .mariaDB: server.version >= 10_01_01 ? "max_statement_time" : nil
        default: server.version >= 5_07_08 ? "max_execution_time" : nil
        }
    }

    /// The assignment that limits a statement to so many seconds; 0 = none.
    /// - throws: `unsupported` where a limit is asked for and the server has none.
    func statementLimit(_ seconds: Double) throws -> String? {
        guard let name = limitVariable else {
            if seconds == 0 { return nil }
            throw ApusError(
                .unsupported, "\(banner) cannot limit the time of a statement",
                hint: "Leave `statement_timeout` out; `read_timeout` limits how long the server may be silent.", context: endpoint.label)
        }
        return server.product == .mariaDB ? "\(name) = \(seconds)" : "\(name) = \(Int(seconds * 1000))"
    }

    /// Runs what must not be cut short by the limit that cuts reads.
    func withoutStatementLimit<T>(_ body: () throws -> T) throws -> T {
        guard let name = limitVariable else { return try body() }
        let limit = try rows("SELECT @@SESSION.\(name)", doing: "look up the limit of a statement").first?[0] ?? "0"
        try run("SET SESSION \(name) = 0", doing: "lift the limit of a statement")
        defer { _ = try? attempt("SET SESSION \(name) = \(limit)") }
        return try body()
    }
}
