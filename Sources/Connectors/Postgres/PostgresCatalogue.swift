import ApusCore
import Tabular

/// What pg_catalog knows of tables, views and queries.
extension PostgresSession {
    /// A row of pg_class.
    struct Relation {
        var oid: UInt32
        var name: TableName
        /// pg_class.relkind: r, p, v, m, f.
        var kind: String
        var comment: String?
        /// nil = never counted.
        var rows: Int?
        var bytes: Int?

        var shapeKind: TableShape.Kind { kind == "v" || kind == "m" ? .view : .table }
        var summary: TableSummary { TableSummary(name: name, kind: shapeKind, rows: rows, bytes: bytes) }
    }

    /// Nothing here waits for a table's lock, as pg_total_relation_size would.
    private static let relationColumns = """
        SELECT c.oid, n.nspname, c.relname, c.relkind, pg_catalog.obj_description(c.oid, 'pg_class'),
          CASE WHEN c.reltuples > 0 OR c.relpages > 0 THEN c.reltuples::bigint END,
          CASE WHEN c.relpages > 0 THEN (c.relpages + coalesce(o.relpages, 0))::bigint * current_setting('block_size')::bigint END
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_catalog.pg_class o ON o.oid = c.reltoastrelid
        """

    private static func relation(_ row: [String?]) -> Relation? {
        guard let oid = row[0].flatMap({ UInt32($0) }), let name = row[2] else { return nil }
        return Relation(
            oid: oid, name: TableName(schema: row[1], name), kind: row[3] ?? "r", comment: row[4],
            rows: row[5].flatMap { Int($0) }, bytes: row[6].flatMap { Int($0) })
    }

    /// The tables and views of a schema, without those that Apus itself makes.
    func tables(schema: String?) throws -> [TableSummary] {
        try relations(schema: schema).map(\.summary)
    }

    func schemas() throws -> [String] {
        try run(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY nspname",
            doing: "listing schemas"
        ).rows.compactMap { $0[0] }
    }

    private func relations(schema: String?) throws -> [Relation] {
        let place =
            schema.map { "n.nspname = \(dialect.literal($0))" }
            ?? "n.nspname = ANY (pg_catalog.current_schemas(false))"
        let rows = try run(
            """
            \(PostgresSession.relationColumns)
            WHERE \(place) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')\(version >= 100000 ? " AND NOT c.relispartition" : "")
              AND c.relname NOT IN ('\(SliceMark.tableName)', '\(Checkpoint.tableName)') AND c.relname NOT LIKE 'apus\\_stg\\_%' AND c.relname NOT LIKE 'apus\\_old\\_%'
            ORDER BY n.nspname, c.relname
            """, doing: "listing tables"
        ).rows
        return rows.compactMap(PostgresSession.relation)
    }

    /// The relation that a name means here, by the search path if it has no schema; nil when there is none. Without
    /// `isWhole`, neither comment nor sizes are asked for.
    func relation(_ name: TableName, isWhole: Bool = false) throws -> Relation? {
        let text = dialect.literal(dialect.quote(name))
        let columns =
            isWhole
            ? PostgresSession.relationColumns
            : """
            SELECT c.oid, n.nspname, c.relname, c.relkind, NULL, NULL, NULL
            FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            """
        let row = try run(
            "\(columns) WHERE c.oid = pg_catalog.to_regclass(\(text)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
            doing: "looking for \(name)"
        ).rows.first
        return row.flatMap(PostgresSession.relation)
    }

    /// - throws: `object.not_found`.
    func existing(_ name: TableName) throws -> Relation {
        if let relation = try relation(name, isWhole: true) { return relation }
        if let schema = name.schema {
            let schemas = try run("SELECT nspname FROM pg_catalog.pg_namespace", doing: "listing schemas").rows.compactMap { $0[0] }
            guard schemas.contains(schema) else {
                throw ApusError(
                    .notFound, "there is no schema \(schema)",
                    hint: Nearest.hint(for: schema, among: schemas.filter { !$0.hasPrefix("pg_") }), context: endpoint.label)
            }
        }
        let known = try tables(schema: name.schema).map(\.name.name)
        let place = name.schema.map { "in schema \($0)" } ?? "on the search path"
        throw ApusError(
            .notFound, "there is no table \(name.name) \(place)",
            hint: Nearest.name(to: name.name, among: known).map { "Did you mean `\($0)`?" }, context: endpoint.label)
    }

    func find(_ table: TableName) throws -> TableShape? {
        try relation(table, isWhole: true).map { try shapes(of: [$0])[0].named(table) }
    }

    func describe(_ table: TableName) throws -> TableShape {
        let relation = try existing(table)
        // Named as asked: a plan must call a table the same before and after it was made.
        return try shapes(of: [relation])[0].named(table)
    }

    func describeAll(schema: String?, where isWanted: (TableSummary) -> Bool) throws -> [TableShape] {
        try shapes(of: relations(schema: schema).filter { isWanted($0.summary) })
    }

    /// In the order of the relations, in a few queries.
    private func shapes(of relations: [Relation]) throws -> [TableShape] {
        guard !relations.isEmpty else { return [] }
        let oids = relations.map { String($0.oid) }.joined(separator: ",")
        var columns = try columns(of: oids)
        let indexes = try indexes(of: oids), foreignKeys = try foreignKeys(of: oids)
        try details(of: oids, &columns)
        let checks = try checks(of: oids), traits = try traits(of: oids)
        let rules = try rowRules(of: relations)
        return relations.map { relation in
            let oid = String(relation.oid)
            var shape = TableShape(
                name: relation.name, kind: relation.shapeKind, origin: "postgres", columns: columns[oid] ?? [])
            shape.comment = relation.comment
            shape.rows = relation.rows
            shape.bytes = relation.bytes
            let keys = indexes[oid] ?? Keys()
            (shape.primaryKey, shape.primaryKeyDefinition, shape.indexes) = (keys.primary, keys.primaryDefinition, keys.indexes)
            shape.checks = checks[oid]
            if relation.shapeKind == .table { shape.traits = traits[oid] }
            shape.foreignKeys = foreignKeys[oid] ?? []
            if let own = rules[oid] {
                if !own.children.isEmpty { shape.children = own.children }
                if own.isFiltered { shape.hiding = hiding(relation) }
            }
            return shape
        }
    }

    /// By the table's OID.
    private func columns(of oids: String) throws -> [String: [ColumnShape]] {
        var columns: [String: [ColumnShape]] = [:]
        for (oid, column, _) in try typedColumns(of: oids) { columns[oid, default: []].append(column) }
        return columns
    }

    /// - parameter oids: SQL that stands for one OID or several.
    func typedColumns(of oids: String) throws -> [(table: String, column: ColumnShape, type: PostgresType)] {
        let rows = try run(
            """
            SELECT a.attname, a.atttypid, a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull,
              pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.col_description(a.attrelid, a.attnum),
              \(version >= 100000 ? "a.attidentity" : "''"), \(version >= 120000 ? "a.attgenerated" : "''"), a.attrelid
            FROM pg_catalog.pg_attribute a
              LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid IN (\(oids)) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
            """, doing: "reading the columns of tables"
        ).rows
        let types = try types(of: rows.map { (UInt32($0[1]!) ?? 0, Int32($0[2]!) ?? -1) })
        return zip(rows, types).map { row, type in
            var column = ColumnShape(row[0] ?? "", type.type, native: row[3] ?? "", nullable: row[4] != "t")
            column.comment = row[6]
            column.generated = row[8] == "s"
            column.identity = row[7] == "a" || row[7] == "d"
            if let expression = row[5] {
                if column.generated {
                    column.initial = .expression(expression)
                } else if expression.hasPrefix("nextval(") {
                    column.identity = true
                } else {
                    column.initial = PostgresDefault.parse(expression)
                }
            }
            return (row[9] ?? "", column, type)
        }
    }

    private struct Keys {
        var primary: [String] = []
        /// Where it says more than the columns.
        var primaryDefinition: String?
        var indexes: [IndexShape] = []
    }

    private func indexes(of oids: String) throws -> [String: Keys] {
        let rows = try run(
            """
            SELECT x.indexrelid, i.relname, x.indisunique, x.indisprimary, pg_catalog.pg_get_indexdef(x.indexrelid), m.amname,
              x.indexprs IS NOT NULL OR x.indpred IS NOT NULL,
              EXISTS (SELECT 1 FROM generate_subscripts(x.indoption, 1) k WHERE x.indoption[k] <> 0)
                OR EXISTS (SELECT 1 FROM generate_subscripts(x.indclass, 1) k JOIN pg_catalog.pg_opclass o
                  ON o.oid = x.indclass[k] WHERE NOT o.opcdefault)
                \(version >= 110000 ? "OR x.indnkeyatts < x.indnatts" : "")
                \(version >= 150000 ? "OR x.indnullsnotdistinct" : ""), x.indrelid, pg_catalog.pg_get_constraintdef(k.oid)
            FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
              JOIN pg_catalog.pg_am m ON m.oid = i.relam
              LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.oid AND k.conrelid = x.indrelid AND k.contype IN ('p', 'u', 'x')
            WHERE x.indrelid IN (\(oids)) AND x.indisvalid ORDER BY i.relname
            """, doing: "reading the indexes of tables"
        ).rows
        let keyCount = version >= 110000 ? "x.indnkeyatts" : "x.indnatts"
        let names = try run(
            """
            SELECT x.indexrelid, a.attname FROM pg_catalog.pg_index x, generate_series(0, 31) k, pg_catalog.pg_attribute a
            WHERE x.indrelid IN (\(oids)) AND k < \(keyCount) AND a.attrelid = x.indrelid AND a.attnum = x.indkey[k]
            ORDER BY x.indexrelid, k
            """, doing: "reading the indexes of tables"
        ).rows
        let columnsOf = Dictionary(grouping: names) { $0[0] }
        var found: [String: Keys] = [:]
        for row in rows {
            let columns = (columnsOf[row[0]] ?? []).compactMap { $0[1] }
            let table = row[8] ?? ""
            if row[3] == "t" {
                found[table, default: Keys()].primary = columns
                // The server quotes names that need it.
                func bare(_ text: String) -> String { text.filter { $0 != "\"" } }
                if let definition = row[9], bare(definition) != bare("PRIMARY KEY (\(columns.joined(separator: ", ")))") {
                    found[table]!.primaryDefinition = definition
                }
                continue
            }
            let isPlainColumns = row[6] != "t" && row[5] == "btree"
            var index = IndexShape(name: row[1] ?? "", columns: isPlainColumns ? columns : [], unique: row[2] == "t")
            if !isPlainColumns || row[7] == "t", let text = row[4], let using = text.firstRange(of: " USING ") {
                index.definition = String(text[using.lowerBound...].dropFirst())
            }
            index.constraint = row[9]
            found[table, default: Keys()].indexes.append(index)
        }
        return found
    }

    private func foreignKeys(of oids: String) throws -> [String: [ForeignKeyShape]] {
        let rows = try run(
            """
            SELECT k.oid, k.conname, n.nspname, c.relname, k.confdeltype, k.confupdtype, k.conrelid,
              CASE WHEN k.condeferred THEN 'DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN 'DEFERRABLE' END
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE k.conrelid IN (\(oids)) AND k.contype = 'f' ORDER BY k.conname
            """, doing: "reading the foreign keys of tables"
        ).rows
        let names = try run(
            """
            SELECT k.oid, a.attname, b.attname FROM pg_catalog.pg_constraint k, generate_series(1, 32) i,
              pg_catalog.pg_attribute a, pg_catalog.pg_attribute b
            WHERE k.conrelid IN (\(oids)) AND k.contype = 'f' AND a.attrelid = k.conrelid AND a.attnum = k.conkey[i]
              AND b.attrelid = k.confrelid AND b.attnum = k.confkey[i] ORDER BY k.oid, i
            """, doing: "reading the foreign keys of tables"
        ).rows
        let actions = ["a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"]
        let pairsOf = Dictionary(grouping: names) { $0[0] }
        var found: [String: [ForeignKeyShape]] = [:]
        for row in rows {
            let pairs = pairsOf[row[0]] ?? []
            var key = ForeignKeyShape(
                name: row[1] ?? "", columns: pairs.compactMap { $0[1] },
                references: TableName(schema: row[2], row[3] ?? ""), referencedColumns: pairs.compactMap { $0[2] })
            key.onDelete = actions[row[4] ?? "a"]
            key.onUpdate = actions[row[5] ?? "a"]
            key.timing = row[7]
            found[row[6] ?? "", default: []].append(key)
        }
        return found
    }
}

extension TableShape {
    fileprivate func named(_ name: TableName) -> TableShape {
        var shape = self
        shape.name = name
        return shape
    }
}
