import ApusCore
import MySQLClient
import Tabular

/// The steps after the slices. Each looks at what is there, so that it can be repeated after a crash between any two
/// statements.
extension MySQLSession {
    func finish(_ load: Load) throws {
        if load.mode == .replace {
            try guardingGroup(load) { try swap(load) }
        } else if load.mode == .window {
            try exchangeWindow(load)
            if !load.exists || load.create == .recreate { try complete(load.shape, load.target, load) }
        } else if !load.exists || load.create == .recreate {
            try complete(load.shape, load.target, load)
        } else if load.mode == .truncate {
            try setCounter(of: load.target, load)
        }
        try saveCheckpoint(load)
    }

    /// The lock's own mark too: a process that was killed after it had told the ledger left it behind.
    func forget(_ load: Load) throws {
        let own = "run_id = \(dialect.literal(load.runID))"
        // Of a target that several runs load at a time, those of a run that may still be alive stay.
        try asPermitted(load) {
            try deleteMarks(
                load, where: load.isShared == true ? "\(own) OR marked_at < NOW(6) - INTERVAL 7 DAY" : "slice <> \(Mark.owner) OR \(own)")
        }
    }

    func discard(_ load: Load) throws {
        if load.isStaged {
            if try tableFacts(load.retired) != nil {
                if try tableFacts(load.target) == nil {
                    try rename([(load.retired, load.target)], doing: "put \(load.target) back in its place")
                } else {
                    try run("DROP TABLE \(dialect.quote(load.retired))", doing: "drop the old \(load.target)")
                }
            }
            // Even for a table that is not there, DROP asks for the right.
            if try tableFacts(load.staging) != nil {
                try run("DROP TABLE IF EXISTS \(dialect.quote(load.staging))", doing: "drop the staging table of \(load.target)")
            }
        }
        try asPermitted(load) {
            try deleteMarks(load, where: "slice <> \(Mark.owner) AND run_id = \(dialect.literal(load.runID))")
        }
    }

    // MARK: The swap

    private func swap(_ load: Load) throws {
        if try tableFacts(load.staging) != nil {
            let target = try tableFacts(load.target)
            if target != nil, load.create != .recreate {
                try refuseReferenced(load)
                if load.replacedWith == nil {
                    try inherit(load, nextIdentity: target?.nextIdentity)
                } else {
                    try withoutForeignKeyChecks { try inherit(load, nextIdentity: target?.nextIdentity) }
                }
            } else if target == nil, try tableFacts(load.retired) != nil {
                // Stopped in the middle of a swap that was not atomic: the staging table is complete.
            } else {
                try complete(load.shape, load.staging, load)
            }
            let moves = (target == nil ? [] : [(load.target, load.retired)]) + [(load.staging, load.target)]
            try rename(moves, doing: "swap \(load.target) for its new rows")
        }
        if load.replacedWith != nil { try bringBackReferences(load) }
        try run("DROP TABLE IF EXISTS \(dialect.quote(load.retired))", doing: "drop the old \(load.target)")
        try restoreForeignKeyNames(load.target)
    }

    private func rename(_ moves: [(TableName, TableName)], doing: String) throws {
        let list = moves.map { "\(dialect.quote($0.0)) TO \(dialect.quote($0.1))" }.joined(separator: ", ")
        try run("RENAME TABLE \(list)", doing: doing)
    }

    /// Gives the staging table what `CREATE TABLE … LIKE` left out or was put off: indexes, foreign keys, the counter.
    private func inherit(_ load: Load, nextIdentity: String?) throws {
        let staging = dialect.quote(load.staging)
        let present = Set(MySQLKeyLine.all(in: try createStatement(load.staging)).map(\.name))
        let missing = MySQLKeyLine.all(in: try createStatement(load.target)).filter { !present.contains($0.name) }
        if !missing.isEmpty {
            try run(
                "ALTER TABLE \(staging) " + missing.map { "ADD \($0.text)" }.joined(separator: ", "),
                doing: "build the indexes of \(load.target)")
        }
        let made = Set(try foreignKeyShapes(load.staging).map(\.name))
        for var key in try foreignKeyShapes(load.target) {
            let name = Self.provisional(key.name)
            if made.contains(name) { continue }
            if key.references.name == load.target.name, key.references.schema == load.target.schema { key.references = load.staging }
            try addForeignKey(key, named: name, to: load.staging, load)
        }
        let counters = [nextIdentity, load.counter].compactMap { $0.flatMap { UInt64($0) } }
        if let next = counters.max() {
            try run("ALTER TABLE \(staging) AUTO_INCREMENT = \(next)", doing: "keep the counter of \(load.target)")
        }
    }

    private func addForeignKey(_ key: ForeignKeyShape, named name: String, to table: TableName, _ load: Load) throws {
        do {
            try attempt("ALTER TABLE \(dialect.quote(table)) ADD \(dialect.foreignKeySQL(key, named: name))")
        } catch let fault as MySQLFault where fault.number == 1452 {
            throw ApusError(
                .statement,
                "the new rows of \(load.target) break its foreign key \(key.name) to \(key.references); the target is as it was",
                hint: "Load \(key.references) first, or drop the foreign key.", context: endpoint.label)
        } catch let fault as MySQLFault {
            throw error(fault, doing: "make the foreign key \(key.name) of \(load.target)")
        }
    }

    /// Names of foreign keys are unique in a database: until the old table is gone, the new one's have others.
    private static func provisional(_ name: String) -> String { String(("apus_fk_" + name).prefix(64)) }

    private func restoreForeignKeyNames(_ table: TableName) throws {
        let keys = try foreignKeyShapes(table).filter { $0.name.hasPrefix("apus_fk_") || $0.name.hasPrefix("apus_fx_") }
        guard !keys.isEmpty else { return }
        try withoutForeignKeyChecks {
            for key in keys {
                let name = String(key.name.dropFirst("apus_fk_".count))
                try run(
                    "ALTER TABLE \(dialect.quote(table)) DROP FOREIGN KEY \(dialect.quote(key.name)), ADD \(dialect.foreignKeySQL(key, named: name))",
                    doing: "give the foreign key \(name) of \(table) its name")
            }
        }
    }

    // MARK: New tables

    /// Secondary indexes of a table that Apus made. Its foreign keys follow when the tables that they refer to are there.
    private func complete(_ shape: TableShape, _ table: TableName, _ load: Load) throws {
        try setCounter(of: table, load)
        guard load.withIndexes else { return }
        let present = Set(try describe(table).indexes.map(\.name))
        for index in shape.indexes where !present.contains(MySQLDialect.shortened(index.name)) {
            var single = shape
            single.indexes = [index]
            for sql in dialect.createIndexes(single, on: table) {
                try run(sql, doing: "make the index \(index.name) of \(load.target)", shows: true)
            }
        }
    }

    /// Where the source's counter stands. The server keeps its own if that is higher.
    private func setCounter(of table: TableName, _ load: Load) throws {
        guard let next = load.counter, UInt64(next) != nil else { return }
        try run("ALTER TABLE \(dialect.quote(table)) AUTO_INCREMENT = \(next)", doing: "set the counter of \(load.target)")
    }
}
