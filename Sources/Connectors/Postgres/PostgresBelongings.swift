import ApusCore
import Tabular

extension PostgresSession {
    /// Statements that give a new table of the same name what hangs on the old one: grants, comments, triggers,
    /// policies, foreign keys to itself, statistics, replica identity. Read before the old table goes.
    func belongings(of target: Relation, _ traits: Set<PostgresTarget.Trait>, _ load: Load) throws -> [String] {
        let name = dialect.quote(load.target)
        let table = dialect.literal(name)
        let oid = target.oid
        var statements: [String] = []
        func add(_ sql: String) throws {
            statements += try run(sql, doing: "reading what belongs to \(load.target)").rows.compactMap { $0[0] }
        }
        if traits.contains(.grants) { try addGrants(oid, table, &statements) }
        if traits.contains(.sequences), version >= 100000 {
            try add(
                """
                SELECT format('GRANT %s ON SEQUENCE %I.%I TO %s%s', x.privilege_type, n.nspname, s.relname, \(Self.grantee), \(Self.option))
                FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
                  JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace, aclexplode(s.relacl) x
                WHERE d.classid = 'pg_class'::regclass AND d.refobjid = \(oid) AND d.deptype = 'i'
                """)
        }
        if traits.contains(.statistics) {
            try add("SELECT pg_catalog.pg_get_statisticsobjdef(oid) FROM pg_catalog.pg_statistic_ext WHERE stxrelid = \(oid)")
        }
        if traits.contains(.comments) {
            try add(
                """
                SELECT format('COMMENT ON TABLE %s IS %L', \(table), d) FROM obj_description(\(oid), 'pg_class') d WHERE d IS NOT NULL
                UNION ALL
                SELECT format('COMMENT ON INDEX %I.%I IS %L', n.nspname, i.relname, obj_description(i.oid, 'pg_class'))
                FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = i.relnamespace
                WHERE x.indrelid = \(oid) AND obj_description(i.oid, 'pg_class') IS NOT NULL
                """)
        }
        for key in traits.contains(.foreignKeys) ? try foreignKeyDefinitions(of: oid, toItself: true) : [] {
            statements.append("ALTER TABLE \(name) ADD CONSTRAINT \(dialect.quote(key.name)) \(key.definition)")
        }
        if traits.contains(.comments) {
            try add(
                """
                SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, \(table), obj_description(oid, 'pg_constraint'))
                FROM pg_catalog.pg_constraint WHERE conrelid = \(oid) AND contype <> 'c' AND obj_description(oid, 'pg_constraint') IS NOT NULL
                """)
        }
        if traits.contains(.triggers) { try addTriggers(oid, table, add) }
        if traits.contains(.policies) { try addPolicies(oid, table, add) }
        if traits.contains(.settings) { try addSettings(oid, table, add) }
        return statements
    }

    private func addSettings(_ oid: UInt32, _ table: String, _ add: (String) throws -> Void) throws {
        try add(
            """
            SELECT format('ALTER TABLE %s REPLICA IDENTITY %s', \(table), CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
              ELSE 'USING INDEX ' || quote_ident((SELECT i.relname FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
                WHERE x.indrelid = c.oid AND x.indisreplident)) END)
            FROM pg_catalog.pg_class c WHERE c.oid = \(oid) AND c.relreplident IN ('f', 'n', 'i')
            UNION ALL
            SELECT format('ALTER TABLE %s CLUSTER ON %I', \(table), i.relname)
            FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = \(oid) AND x.indisclustered
            UNION ALL
            SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', \(table), attname, attstattarget)
            FROM pg_catalog.pg_attribute WHERE attrelid = \(oid) AND attnum > 0 AND NOT attisdropped AND attstattarget > 0
            UNION ALL
            SELECT format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', \(table), attname, array_to_string(attoptions, ', '))
            FROM pg_catalog.pg_attribute WHERE attrelid = \(oid) AND attnum > 0 AND NOT attisdropped AND attoptions IS NOT NULL
            """)
    }

    private static let grantee = "CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END"
    private static let option = "CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END"

    private func addGrants(_ oid: UInt32, _ table: String, _ statements: inout [String]) throws {
        // Default privileges may have given the new table more than the old one has.
        statements.append(
            """
            DO $apus$ DECLARE r record; BEGIN
              FOR r IN SELECT DISTINCT x.grantee FROM pg_catalog.pg_class c, aclexplode(c.relacl) x
                WHERE c.oid = \(table)::regclass AND x.grantee <> c.relowner
              LOOP EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', \(table),
                CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END); END LOOP;
            END $apus$
            """)
        statements += try run(
            """
            SELECT format('REVOKE ALL ON TABLE %s FROM %I', \(table), pg_get_userbyid(relowner))
            FROM pg_catalog.pg_class WHERE oid = \(oid) AND relacl IS NOT NULL
            UNION ALL
            SELECT format('GRANT %s ON TABLE %s TO %s%s', x.privilege_type, \(table), \(Self.grantee), \(Self.option))
            FROM pg_catalog.pg_class c, aclexplode(c.relacl) x WHERE c.oid = \(oid)
            UNION ALL
            SELECT format('GRANT %s (%I) ON TABLE %s TO %s%s', x.privilege_type, a.attname, \(table), \(Self.grantee), \(Self.option))
            FROM pg_catalog.pg_attribute a, aclexplode(a.attacl) x WHERE a.attrelid = \(oid) AND NOT a.attisdropped
            """, doing: "reading the grants of a table"
        ).rows.compactMap { $0[0] }
    }

    private func addTriggers(_ oid: UInt32, _ table: String, _ add: (String) throws -> Void) throws {
        try add(
            "SELECT pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger WHERE tgrelid = \(oid) AND NOT tgisinternal ORDER BY oid")
        try add(
            """
            SELECT format('ALTER TABLE %s %s TRIGGER %I', \(table),
              CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname)
            FROM pg_catalog.pg_trigger WHERE tgrelid = \(oid) AND NOT tgisinternal AND tgenabled <> 'O'
            UNION ALL
            SELECT format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, \(table), obj_description(oid, 'pg_trigger'))
            FROM pg_catalog.pg_trigger WHERE tgrelid = \(oid) AND NOT tgisinternal AND obj_description(oid, 'pg_trigger') IS NOT NULL
            """)
    }

    private func addPolicies(_ oid: UInt32, _ table: String, _ add: (String) throws -> Void) throws {
        let permissive = version >= 100000 ? "CASE WHEN p.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END" : "''"
        try add(
            """
            SELECT format('CREATE POLICY %I ON %s', p.polname, \(table)) || \(permissive)
              || CASE p.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END
              || ' TO ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(p.polroles) r)
              || coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
              || coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
            FROM pg_catalog.pg_policy p WHERE p.polrelid = \(oid)
            UNION ALL SELECT format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', \(table)) FROM pg_catalog.pg_class WHERE oid = \(oid) AND relrowsecurity
            UNION ALL SELECT format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', \(table)) FROM pg_catalog.pg_class WHERE oid = \(oid) AND relforcerowsecurity
            """)
    }
}
