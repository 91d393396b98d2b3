import ApusCore

/// Materialized views that are defined on a table. A swap makes them inactive (StarRocks#38535): no refresh and no rewrite
/// uses them any more, until `ALTER MATERIALIZED VIEW … ACTIVE`.
struct DependentViews {
    struct View: Hashable {
        var name: TableName
        var isActive: Bool
    }

    let session: StarRocksSession
    let table: TableName

    /// Doris keeps no such state; its views notice a replaced table by themselves.
    static func exist(at session: StarRocksSession) -> Bool { !session.profile.isDoris }

    /// Views whose definition names the table, as far as the user may see them.
    func all() throws -> [View] { try all(among: Self.read(session, table)) }

    func all(among rows: [[String?]]) throws -> [View] {
        let database = try session.requiredDatabase(table.schema)
        return rows.compactMap { row in
            guard let schema = row[0], let name = row[1], let definition = row[3] else { return nil }
            let names = Self.names(in: definition)
            guard
                names.indices.contains(where: {
                    Self.names(names[$0], behind: $0 > 0 ? names[$0 - 1] : [], table.name, of: database, from: schema)
                })
            else { return nil }
            let isActive = ["true", "1"].contains((row[2] ?? "").lowercased())
            return View(name: TableName(schema: schema, name), isActive: isActive)
        }
    }

    /// The catalogue's rows: of views whose definition may name a table, or of all.
    static func read(_ session: StarRocksSession, _ table: TableName? = nil) throws -> [[String?]] {
        guard exist(at: session) else { return [] }
        let condition = table.map { " WHERE locate(\(session.dialect.literal($0.name)), MATERIALIZED_VIEW_DEFINITION) > 0" } ?? ""
        do {
            return try session.rows(
                "SELECT TABLE_SCHEMA, TABLE_NAME, IS_ACTIVE, MATERIALIZED_VIEW_DEFINITION FROM information_schema.materialized_views\(condition)",
                doing: "look for materialized views\(table.map { " of \($0)" } ?? "")")
        } catch let error as ApusError where [.notFound, .permission, .statement].contains(error.code) {
            // A version without that catalogue, or a user who may not read it.
            return []
        }
    }

    /// A name of a definition may be `database.table`, `catalog.database.table`, or either with a column; `table` alone where a
    /// relation stands, since a column may have that name too.
    private static func names(
        _ name: [String], behind last: [String], _ table: String, of database: String, from schema: String
    ) -> Bool {
        if zip(name, name.dropFirst()).contains(where: { $0 == database && $1 == table }) { return true }
        return schema == database && name == [table] && last.count == 1 && ["from", "join"].contains(last[0].lowercased())
    }

    /// The names in a statement, part by part: texts and comments are passed over.
    static func names(in sql: String) -> [[String]] {
        let bytes = Array(sql.utf8)
        var found: [[String]] = []
        var name: [String] = []
        var isOpen = false  // A point has been read: the next part belongs to the name.
        var at = 0
        func text(_ from: Int, _ to: Int) -> String { String(decoding: bytes[from..<to], as: UTF8.self) }
        func take(_ part: String) {
            if !isOpen, !name.isEmpty {
                found.append(name)
                name = []
            }
            name.append(part)
            isOpen = false
        }
        /// Behind the closing quote, doubled ones being text.
        func behind(_ quote: UInt8, _ from: Int) -> Int {
            var at = from
            while at < bytes.count {
                if bytes[at] == UInt8(ascii: "\\"), quote != UInt8(ascii: "`") {
                    at += 2
                } else if bytes[at] == quote {
                    if at + 1 < bytes.count, bytes[at + 1] == quote { at += 2 } else { return at + 1 }
                } else {
                    at += 1
                }
            }
            return bytes.count
        }
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "`"):
                let end = behind(byte, at + 1)
                take(text(at + 1, max(at + 1, end - 1)).replacing("``", with: "`"))
                at = end
            case UInt8(ascii: "'"), UInt8(ascii: "\""): at = behind(byte, at + 1)
            case UInt8(ascii: "-") where at + 1 < bytes.count && bytes[at + 1] == byte:
                at = bytes[at...].firstIndex(of: 10) ?? bytes.count
            case UInt8(ascii: "/") where at + 1 < bytes.count && bytes[at + 1] == UInt8(ascii: "*"):
                at += 2
                while at + 1 < bytes.count, bytes[at] != UInt8(ascii: "*") || bytes[at + 1] != UInt8(ascii: "/") { at += 1 }
                at += 2
            case UInt8(ascii: "."):
                isOpen = !name.isEmpty
                at += 1
            case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
                var end = at
                while end < bytes.count, bytes[end] >= 0x80 || bytes[end] == 95 || bytes[end] == 36 || isWord(bytes[end]) { end += 1 }
                take(text(at, end))
                at = end
            default: at += 1
            }
        }
        return name.isEmpty ? found : found + [name]
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: false
        }
    }

    /// `2.5.7`, `3.0.1` and later know it; older ones answer with an error, which is told.
    func statement(_ view: View) -> String { "ALTER MATERIALIZED VIEW \(session.dialect.quote(view.name)) ACTIVE" }

    /// Activates those that the swap has made inactive.
    ///
    /// - parameter before: the views before the swap; nil where that is not known any more.
    /// - returns: what was done, in sentences.
    func activate(_ before: [View]?) throws -> [String] {
        var told: [String] = []
        for view in try all() where !view.isActive {
            guard let before else {
                told.append(
                    "the materialized view \(view.name) on \(table) is inactive, perhaps by the swap: \(statement(view)); has it refresh again"
                )
                continue
            }
            // One that was inactive before stays so.
            guard before.contains(where: { $0.name == view.name && $0.isActive }) else { continue }
            do {
                try session.run(statement(view), doing: "activate the materialized view \(view.name)")
                told.append("the swap of \(table) made the materialized view \(view.name) inactive; it was activated again")
            } catch let error as ApusError where !error.isTransient && error.code != .cancelled {
                told.append(
                    "the swap of \(table) made the materialized view \(view.name) inactive, and it could not be activated (\(error.underlying ?? error.message)): \(statement(view));"
                )
            }
        }
        return told
    }
}

extension StarRocksSession {
    func consequences(of load: Load) throws -> [String] {
        guard load.mode == .replace, load.exists else { return [] }
        // Once for all tables of a plan.
        let rows = try plannedViews ?? DependentViews.read(self)
        plannedViews = rows
        if rows.isEmpty { return [] }
        return try DependentViews(session: self, table: load.target).all(among: rows).filter(\.isActive).map {
            "the swap makes the materialized view \($0.name) inactive for a moment; it is activated again afterwards"
        }
    }

    func takeRemarks() -> [String] {
        defer { remarks = [] }
        return remarks
    }
}
