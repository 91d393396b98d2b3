import ApusTesting

/// Schemas like those that everybody has: written anew, with what is special about the public ones, and rows made up.
enum PublicSchema: String, CaseIterable, Sendable {
    case rental, partitioned, staff, music

    static func store(_ schema: PublicSchema, _ kind: Kind) throws -> Store {
        switch schema {
        case .rental: return try Store(kind, rentalSQL)
        case .partitioned: return try Store(kind, partitionedSQL)
        case .staff: return try Store(kind, staffSQL)
        case .music:
            guard kind == .postgres else { return try Store(kind, musicSQL) }
            let sql = musicSQL.replacing("NVARCHAR", with: "VARCHAR").replacing("DATETIME", with: "TIMESTAMP")
            return try Store(kind, sql.replacing("'2021-01-01 00:00:00', CASE", with: "TIMESTAMP '2021-01-01 00:00:00', CASE"))
        }
    }
}

/// What a store's own catalogue and client say about its tables: one line for each property, all rows by table.
struct SchemaPicture {
    let properties: Set<String>
    let rows: [String: [String]]

    init(_ store: Store) throws {
        var lines: [String]
        switch store.kind {
        case .mariadb: lines = try store.ask(Self.mariadb).map { $0[0] }
        case .postgres: lines = try store.ask(Self.postgres).map { $0[0] } + Self.counters(store)
        default:
            lines = try store.ask(Self.sqlite).map { $0[0] }
            for row in try store.ask("SELECT name, sql FROM sqlite_master WHERE type = 'table'") {
                if row[0] == "sqlite_sequence" {
                    lines += try store.ask("SELECT name || ' COUNTER ' || (seq + 1) FROM sqlite_sequence").map { $0[0] }
                }
                lines += row[1].matches(of: /CONSTRAINT "(\w+)" CHECK/).map { "\(row[0]) CHECK \($0.1)" }
            }
        }
        properties = Set(lines.filter { !$0.hasPrefix("apus_") }.map(Self.plain))
        var columns: [String: [String]] = [:]
        for row in try store.ask(Self.columns[store.kind]!) where !row[0].hasPrefix("apus_") {
            columns[row[0], default: []].append(Self.expression(row[1], row[2].lowercased(), store.kind))
        }
        rows = try columns.reduce(into: [:]) { rows, table in
            let answer = try store.ask("SELECT \(table.value.joined(separator: ", ")) FROM \"\(table.key)\"")
            rows[table.key] = answer.map { $0.map(Self.value).joined(separator: "|") }.sorted()
        }
    }

    /// A default in one spelling.
    private static func plain(_ line: String) -> String {
        guard let place = line.range(of: " DEFAULT ") else { return line.replacing("RESTRICT", with: "NO ACTION") }
        var value = line[place.upperBound...].lowercased()
        if value.contains("nextval") { value = "null" }
        value = value.replacing("'now'::text", with: "current_date").replacing(/::[a-z_ ]+/, with: "").replacing(/[()']/, with: "")
        value = value.replacing(/^now$/, with: "current_timestamp").replacing("curdate", with: "current_date").replacing("true", with: "1")
        value = value.replacing(/current_timestamp[0-9]/, with: "current_timestamp")
        return line[..<place.upperBound] + value
    }

    /// A value in one spelling: without a zone of UTC, midnight and zeros at the end of a fraction.
    private static func value(_ text: String) -> String {
        if text.first?.isNumber == true, text.contains(":") {
            return String(
                text.replacing("T", with: " ").replacing(/(\.\d*?)0*([Z+]|$)/, with: { $0.1 + $0.2 }).replacing(
                    /\.?(Z|\+00(:00)?)?$/, with: ""))
        }
        if text.wholeMatch(of: /-?\d+\.\d+/) != nil { return String(text.replacing(/\.?0+$/, with: "")) }
        return text
    }

    private static func expression(_ name: String, _ type: String, _ kind: Kind) -> String {
        let column = "\"\(name)\""
        if type.contains("blob") || type == "geometry" {
            if kind == .sqlite { return "CASE WHEN \(column) IS NOT NULL THEN lower(hex(\(column))) END" }
            return type == "geometry" ? "lower(concat('00000000', hex(ST_AsWKB(\(column)))))" : "lower(hex(\(column)))"
        }
        if type == "bytea" { return "encode(\(column), 'hex')" }
        if type == "boolean", kind == .postgres { return "\(column)::int" }
        return kind == .postgres && type.hasPrefix("timestamp") ? "timezone('UTC', \(column)::timestamptz)::text" : column
    }

    private static let columns: [Kind: String] = [
        .mariadb: """
        SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position
        """,
        .postgres: """
        SELECT c.relname, a.attname, format_type(a.atttypid, NULL)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0 AND NOT attisdropped
        ORDER BY 1, attnum
        """,
        .sqlite: """
        SELECT t.name, c.name, c.type FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
        ORDER BY t.name, c.cid
        """,
    ]

    // MARK: Catalogues

    private static let mariadb = """
        SELECT concat(c.table_name, '.', c.column_name, if(c.is_nullable = 'NO', ' NOT NULL', ' NULL'), ' DEFAULT ', coalesce(c.column_default, 'NULL'))
        FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE'
        UNION ALL SELECT concat(table_name, '.', column_name, ' COMMENT ', column_comment) FROM information_schema.columns
        WHERE table_schema = database() AND column_comment <> ''
        UNION ALL SELECT concat(table_name, ' COMMENT ', table_comment) FROM information_schema.tables
        WHERE table_schema = database() AND table_type = 'BASE TABLE' AND table_comment <> ''
        UNION ALL SELECT concat(table_name, ' COUNTER ', auto_increment) FROM information_schema.tables
        WHERE table_schema = database() AND auto_increment IS NOT NULL
        UNION ALL SELECT concat(table_name, if(index_name = 'PRIMARY', ' PRIMARY KEY ', if(non_unique, ' INDEX ', ' UNIQUE ')),
          if(index_type = 'BTREE', '', concat(index_type, ' ')), '(', group_concat(column_name ORDER BY seq_in_index SEPARATOR ', '), ')')
        FROM information_schema.statistics WHERE table_schema = database() GROUP BY table_name, index_name, non_unique, index_type
        UNION ALL SELECT concat(k.table_name, ' FOREIGN KEY (', group_concat(k.column_name ORDER BY k.ordinal_position SEPARATOR ', '), ') REFERENCES ',
          k.referenced_table_name, ' (', group_concat(k.referenced_column_name ORDER BY k.ordinal_position SEPARATOR ', '), ') ON UPDATE ',
          r.update_rule, ' ON DELETE ', r.delete_rule)
        FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
          ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
        WHERE k.table_schema = database() GROUP BY k.table_name, k.constraint_name, k.referenced_table_name, r.update_rule, r.delete_rule
        UNION ALL SELECT concat(table_name, ' CHECK ', constraint_name) FROM information_schema.check_constraints
        WHERE constraint_schema = database() AND level = 'Table'
        """

    private static let postgres = """
        WITH t AS (SELECT oid, relname FROM pg_class
          WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition),
          a (k, rule) AS (VALUES ('a', 'NO ACTION'), ('r', 'NO ACTION'), ('c', 'CASCADE'), ('n', 'SET NULL')),
          n (rel, key, names) AS (SELECT c.oid, c.key, (SELECT string_agg(attname, ', ' ORDER BY k) FROM unnest(c.key) WITH ORDINALITY u (i, k)
            JOIN pg_attribute ON attrelid = c.oid AND attnum = i) FROM (
              SELECT conrelid AS oid, conkey AS key FROM pg_constraint WHERE contype = 'f'
              UNION SELECT confrelid, confkey FROM pg_constraint WHERE contype = 'f') c)
        SELECT relname || '.' || attname || CASE WHEN attnotnull THEN ' NOT NULL' ELSE ' NULL' END || ' DEFAULT ' ||
          coalesce(pg_get_expr(adbin, adrelid), 'NULL')
        FROM t JOIN pg_attribute ON attrelid = t.oid LEFT JOIN pg_attrdef ON adrelid = t.oid AND adnum = attnum WHERE attnum > 0 AND NOT attisdropped
        UNION ALL SELECT relname || coalesce('.' || attname, '') || ' COMMENT ' || description FROM t JOIN pg_description ON objoid = t.oid
          AND classoid = 'pg_class'::regclass LEFT JOIN pg_attribute ON attrelid = t.oid AND attnum = objsubid AND objsubid > 0
        UNION ALL SELECT t.relname || CASE WHEN indisprimary THEN ' PRIMARY KEY ' WHEN indisunique THEN ' UNIQUE ' ELSE ' INDEX ' END ||
          CASE WHEN amname = 'btree' THEN '' ELSE upper(amname) || ' ' END ||
          '(' || (SELECT string_agg(trim('"' FROM pg_get_indexdef(indexrelid, k, true)), ', ' ORDER BY k) FROM generate_series(1, indnkeyatts) k) || ')'
        FROM t JOIN pg_index ON indrelid = t.oid JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = i.relam
        UNION ALL SELECT t.relname || ' FOREIGN KEY (' || c.names || ') REFERENCES ' || r.relname || ' (' || p.names || ') ON UPDATE ' || u.rule ||
          ' ON DELETE ' || d.rule
        FROM t JOIN pg_constraint k ON conrelid = t.oid AND contype = 'f' AND convalidated JOIN pg_class r ON r.oid = confrelid
          JOIN n c ON c.rel = conrelid AND c.key = conkey JOIN n p ON p.rel = confrelid AND p.key = confkey
          JOIN a u ON u.k = confupdtype JOIN a d ON d.k = confdeltype
        UNION ALL SELECT relname || ' CHECK ' || conname FROM t JOIN pg_constraint ON conrelid = t.oid AND contype = 'c'
        """

    /// Where identity columns and those that ask a sequence stand.
    private static func counters(_ store: Store) throws -> [String] {
        try store.ask(
            """
            SELECT relname, coalesce(pg_get_serial_sequence(quote_ident(relname), attname), substring(pg_get_expr(adbin, adrelid) FROM '''(.*)'''))
            FROM pg_class c JOIN pg_attribute ON attrelid = c.oid LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
              AND (attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval%')
            """
        ).map { row in
            "\(row[0]) COUNTER " + (try store.ask("SELECT last_value + is_called::int FROM \(row[1])")[0][0])
        }
    }

    private static let sqlite = """
        WITH t AS (SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%')
        SELECT t.name || '.' || c.name || CASE WHEN c."notnull" THEN ' NOT NULL' ELSE ' NULL' END || ' DEFAULT ' || coalesce(c.dflt_value, 'NULL')
        FROM t, pragma_table_info(t.name) c
        UNION ALL SELECT name || ' PRIMARY KEY (' || group_concat(c, ', ') || ')'
        FROM (SELECT t.name, c.name AS c FROM t, pragma_table_info(t.name) c WHERE c.pk > 0 ORDER BY t.name, c.pk) GROUP BY name
        UNION ALL SELECT name || CASE WHEN u THEN ' UNIQUE (' ELSE ' INDEX (' END || group_concat(c, ', ') || ')'
        FROM (SELECT t.name, i.name AS i, i."unique" AS u, c.name AS c FROM t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
          WHERE i.origin <> 'pk' ORDER BY i.name, c.seqno) GROUP BY name, i, u
        UNION ALL SELECT name || ' FOREIGN KEY (' || group_concat(a, ', ') || ') REFERENCES ' || r || ' (' || group_concat(b, ', ') ||
          ') ON UPDATE ' || u || ' ON DELETE ' || d
        FROM (SELECT t.name, k.id, k."from" AS a, k."table" AS r, k."to" AS b, k.on_update AS u, k.on_delete AS d FROM t, pragma_foreign_key_list(t.name) k
          ORDER BY t.name, k.id, k.seq) GROUP BY name, id, r, u, d
        """
}
