import ApusCore
import Glibc
import MySQLClient
import Synchronization
import Tabular

/// Whether a server's `LOAD DATA LOCAL` stores what is sent and can be rolled back: tried with a row of every byte and of
/// characters of one to four bytes, once for each server and version in a process.
///
/// Servers that speak MySQL's protocol differ here without an error: OceanBase 4.3.5 reads `CHARACTER SET binary` as latin1 and
/// stores `00FF` as `00C3BF`, and commits the rows by itself.
enum MySQLLoadProof: Sendable {
    /// The rows came back as they were sent, and were gone after ROLLBACK.
    case sound
    /// They were not.
    case unsound(String)
    /// The user may not make a table to try it with.
    case untried

    private static let known = Mutex<[String: MySQLLoadProof]>([:])

    /// What is known of the session's server, or what a trial shows. The session is outside of a transaction.
    static func of(_ session: MySQLSession, schema: String?) throws -> MySQLLoadProof {
        let server = "\(session.endpoint.label) \(session.server.text)"
        if let proof = known.withLock({ $0[server] }) { return proof }
        let proof = try session.tryLoadData(schema: schema)
        if case .untried = proof { return proof }
        known.withLock { $0[server] = proof }
        return proof
    }
}

extension MySQLSession {
    /// Whether rows go by LOAD DATA LOCAL: where the server allows it and stores what it is sent. Where the user may not make a
    /// table to try it with, MySQL and MariaDB are taken at their word, other products are not.
    func usesLoadData(_ load: Load) throws -> Bool {
        if options.loading == .insert { return false }
        if options.loading == .auto {
            if isInfileRefused { return false }
            let on = try rows("SHOW VARIABLES LIKE 'local_infile'", doing: "ask whether LOAD DATA LOCAL is allowed").first?[1]
            guard on?.uppercased() == "ON" else { return false }
        }
        switch try MySQLLoadProof.of(self, schema: load.target.schema) {
        case .sound: return true
        case .untried: return options.loading == .infile || [.mySQL, .mariaDB].contains(server.product)
        case .unsound where options.loading == .auto: return false
        case .unsound(let reason):
            throw ApusError(
                .unsupported, "rows for \(load.target) cannot go by LOAD DATA LOCAL, as load=infile asks: on \(banner) \(reason)",
                hint: "Use load=auto or load=insert.", context: endpoint.label)
        }
    }

    /// What LOAD DATA is tried with, in the column types that it reads in different ways.
    private static let sample: (bytes: [UInt8], text: String, narrow: String) = (
        (0...255).map { UInt8($0) }, "a\u{e9}\u{4e2d}\u{1F600}\t\\N\n'\"", "\u{e9}\u{fc}"
    )

    func tryLoadData(schema: String?) throws -> MySQLLoadProof {
        guard let table = try makeProofTable(schema) else { return .untried }
        defer { _ = try? attempt("DROP TABLE IF EXISTS \(dialect.quote(table))") }
        do {
            return try tryLoadData(into: table)
        } catch let fault as MySQLFault {
            if fault.isConnectionLost { throw error(fault, doing: "try LOAD DATA LOCAL") }
            // A refusal is met again when rows are loaded, and dealt with there.
            if fault.isInfileRefused { return .untried }
            return .unsound(fault.underlying)
        }
    }

    /// A table of its own for the trial: temporary, or, where the server has none (OceanBase), beside the target.
    private func makeProofTable(_ schema: String?) throws -> TableName? {
        let name = TableName(schema: schema, "apus_proof_\(getpid())_\(UInt32.random(in: 0...UInt32.max))")
        let quoted = dialect.quote(name)
        for kind in ["TEMPORARY TABLE", "TABLE"] {
            // Not every server has other character sets than utf8mb4: OceanBase seekdb has none.
            for narrow in ["latin1", "gbk", "utf8mb4"] {
                do {
                    try attempt(
                        "CREATE \(kind) \(quoted) (bytes LONGBLOB, text LONGTEXT CHARACTER SET utf8mb4, narrow VARCHAR(20) CHARACTER SET \(narrow)) ENGINE=InnoDB"
                    )
                    return name
                } catch let fault as MySQLFault {
                    if fault.isConnectionLost { throw error(fault, doing: "make a table to try LOAD DATA with") }
                }
            }
        }
        return nil
    }

    private func tryLoadData(into table: TableName) throws -> MySQLLoadProof {
        let sample = Self.sample
        func item(_ name: String, _ type: ColumnType, isConverted: Bool = false) -> MySQLTarget.Item {
            MySQLTarget.Item(name: name, type: type, isConverted: isConverted, nullable: true, isYear: false)
        }
        let target = MySQLTarget(
            table,
            [item("bytes", .bytes(length: nil)), item("text", .text(length: nil)), item("narrow", .text(length: nil), isConverted: true)])
        let line = Chunk()
        for (index, value) in [sample.bytes, Array(sample.text.utf8), Array(sample.narrow.utf8)].enumerated() {
            if index > 0 { line.buffer.append(UInt8(ascii: "\t")) }
            value.withUnsafeBufferPointer { bytes in
                let room = line.buffer.room(bytes.count * 2 + 8)
                line.buffer.advance(MySQLEscape.file(bytes, to: room))
            }
        }
        line.buffer.append(UInt8(ascii: "\n"))

        try attempt("START TRANSACTION")
        defer { _ = try? attempt("ROLLBACK") }
        let outcome = LoadOutcome()
        LoadJob(handle, target.loadSQL(Duplicates.fail, run: "proof", dialect), LoadFeed(complete: line), infile, outcome).run()
        infile.feed = nil
        if let fault = outcome.fault { throw fault }
        let doing = "read back what LOAD DATA has stored"
        let stored = try rows(
            "SELECT HEX(bytes), HEX(text), HEX(CONVERT(narrow USING utf8mb4)) FROM \(dialect.quote(table))", doing: doing)
        let sent = [sample.bytes, Array(sample.text.utf8), Array(sample.narrow.utf8)].map { value in
            value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
        }
        guard stored == [sent] else { return .unsound("it stores other bytes than it is sent") }
        try attempt("ROLLBACK")
        let left = try rows("SELECT COUNT(*) FROM \(dialect.quote(table))", doing: doing).first?[0]
        return left == "0" ? .sound : .unsound("it commits rows that are to be rolled back")
    }
}
