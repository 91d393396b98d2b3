import ApusCore
import Tabular

/// Which rows a table gives besides its own, and which it keeps from this user.
extension PostgresSession {
    /// What pg_catalog says of the rows of plain tables, by OID.
    struct RowRules {
        /// All that inherit from the table, however far down; a partitioned table's partitions are no tables of their own.
        var children: [TableName] = []
        /// A policy of row-level security applies to this user.
        var isFiltered = false
    }

    func rowRules(of relations: [Relation]) throws -> [String: RowRules] {
        let parents = relations.filter { $0.kind == "r" }.map { String($0.oid) }
        let tables = relations.filter { $0.kind == "r" || $0.kind == "p" }.map { String($0.oid) }
        guard !tables.isEmpty else { return [:] }
        let tree =
            parents.isEmpty
            ? []
            : [
                """
                SELECT t.parent, n.nspname, c.relname FROM apus_tree t JOIN pg_catalog.pg_class c ON c.oid = t.child
                  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                """
            ]
        let policies =
            version >= 90500
            ? [
                """
                SELECT c.oid, NULL, NULL FROM pg_catalog.pg_class c
                WHERE c.oid IN (\(tables.joined(separator: ","))) AND c.relrowsecurity AND pg_catalog.row_security_active(c.oid)
                """
            ] : []
        let parts = tree + policies
        guard !parts.isEmpty else { return [:] }
        let with =
            parents.isEmpty
            ? ""
            : """
            WITH RECURSIVE apus_tree(parent, child) AS (
              SELECT i.inhparent, i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent IN (\(parents.joined(separator: ",")))
              UNION SELECT t.parent, i.inhrelid FROM apus_tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.child)

            """
        let rows = try run(with + parts.joined(separator: "\nUNION ALL\n") + "\nORDER BY 1, 2, 3", doing: "reading the rules of tables")
            .rows
        var found: [String: RowRules] = [:]
        for row in rows {
            guard let oid = row[0] else { continue }
            if let name = row[2] {
                found[oid, default: RowRules()].children.append(TableName(schema: row[1], name))
            } else {
                found[oid, default: RowRules()].isFiltered = true
            }
        }
        return found
    }

    /// Whether the session asks for the visible rows where policies hide others.
    var readsFiltered: Bool { endpoint.settings["row_security"] == "on" }

    func hiding(_ relation: Relation) -> TableShape.Hiding {
        let table = relation.name.description
        return readsFiltered
            ? TableShape.Hiding(
                "row-level security applies to \(table): only the rows that this user may see are read (row_security=on)",
                isRefused: false)
            : TableShape.Hiding(
                "row-level security may hide rows of \(table) from this user, so that a part of it would be taken for the whole. Connect as its owner or as a role with BYPASSRLS, or let `row_security=on` in the connection's options read the visible rows",
                isRefused: true)
    }

    /// A statement's table without the rows of its children, which are tables of their own. Greenplum 6 keeps a table's
    /// partitions as its children.
    func own(_ table: String, _ relation: Relation?) -> String {
        relation?.kind == "r" && !isGreenplum ? dialect.withoutChildren(table) : table
    }
}
