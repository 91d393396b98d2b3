import ApusTesting
import Foundation
import Testing

/// Tables that PostgreSQL gives with more rows than their own, or with fewer.
@Suite(.requires(.postgres)) struct WholeTableTests {
    let user: User
    init() throws { user = try User() }

    private static let tree = """
        CREATE TABLE par (id int PRIMARY KEY, a int); CREATE TABLE chi (b int) INHERITS (par); CREATE SCHEMA other;
        CREATE TABLE other.grand (c int) INHERITS (chi); CREATE TABLE other.second () INHERITS (par);
        INSERT INTO par VALUES (1, 1), (3, 3), (4, 4); INSERT INTO chi VALUES (2, 2, 2); INSERT INTO other.grand VALUES (5, 5, 5, 5); INSERT INTO other.second VALUES (6, 6);
        CREATE TABLE cut (id int, d date) PARTITION BY RANGE (d);
        CREATE TABLE cut_24 PARTITION OF cut FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        INSERT INTO cut VALUES (1, '2024-05-05'), (2, '2024-06-06');
        """

    @Test func `rows of child tables are copied once: with the children where those are copied too, else with their parent`() throws {
        let source = try Store(.postgres, Self.tree), whole = try Store(.postgres), alone = try Store(.sqlite)
        expect(try user.apus("copy", source.url(), whole.url(), "--strict"), 78, "public.par", "no longer its children")
        expect(try user.apus("copy", source.url(), whole.url()), 0, "no longer its children", "other.second are not copied")
        #expect(try whole.ask("SELECT id FROM par ORDER BY id") == [["1"], ["3"], ["4"]])
        // Of another schema, which this copy does not read: with the parent that it does.
        #expect(try whole.ask("SELECT id, b FROM chi ORDER BY id") == [["2", "2"], ["5", "5"]])
        #expect(try whole.ask("SELECT id FROM cut ORDER BY id") == [["1"], ["2"]])
        expect(try user.apus("copy", source.url(), alone.url(), "--table", "par"), 0)
        #expect(try alone.ask("SELECT id FROM par ORDER BY id") == [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]])
    }

    @Test func `emptying a parent in the target leaves the rows of its children`() throws {
        let source = try Store(.postgres, "CREATE TABLE par (id int PRIMARY KEY, a int); INSERT INTO par VALUES (7, 7)")
        let target = try Store(.postgres, Self.tree)
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "truncate"), 0)
        #expect(try target.ask("SELECT id FROM ONLY par") == [["7"]])
        #expect(try target.ask("SELECT id FROM chi ORDER BY id") == [["2"], ["5"]])
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables: { par: { mode: window, window: id > 0 } }\n", to: "flow.yaml")
        expect(try user.apus("run", flow), 0)
        #expect(try target.ask("SELECT id FROM par ORDER BY id") == [["2"], ["5"], ["6"], ["7"]])
    }

    @Test func `a table whose policies hide rows from the user is refused before anything moves, unless the visible rows are asked for`()
        throws
    {
        let source = try Store(
            .postgres,
            """
            CREATE TABLE t (id int PRIMARY KEY, owner text); INSERT INTO t VALUES (1, 'poor'), (2, 'x'), (3, 'y');
            ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t USING (owner = 'poor');
            CREATE TABLE open (id int); INSERT INTO open VALUES (1), (2);
            """)
        let role = "poor_\(source.database)"
        try source.run("CREATE ROLE \(role) LOGIN PASSWORD 'pw'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO \(role)")
        defer { try? source.run("DROP OWNED BY \(role); DROP ROLE \(role)") }
        let target = try Store(.sqlite, "CREATE TABLE t (id int, owner text); INSERT INTO t VALUES (9, 'old')")
        let poor = source.url(user: role, "pw")
        expect(
            try user.apus("copy", poor, target.url(), "--table", "t"), 78, "row-level security may hide rows of public.t", "row_security=on"
        )
        expect(try user.apus("copy", poor, target.url()), 1, "row-level security may hide rows of public.t", "row_security=on")
        #expect(try target.ask("SELECT id FROM t") == [["9"]])
        let flow = try user.home.write(
            "from: \(poor)\nto: \(target.url())\ntables: { q: { query: SELECT id FROM t WHERE id > 0 } }\n", to: "flow.yaml")
        expect(try user.apus("run", flow), 78, "row_security")
        expect(try user.apus("copy", poor, target.url(), "--table", "open"), 0)
        #expect(try target.ask("SELECT count(*) FROM open") == [["2"]])
        expect(try user.apus("copy", poor + "?row_security=on", target.url(), "--table", "t"), 0, "only the rows that this user may see")
        #expect(try target.ask("SELECT id FROM t") == [["1"]])
        // Whoever sees all rows needs to say nothing.
        expect(try user.apus("copy", source.url(), target.url(), "--table", "t"), 0)
        #expect(try target.ask("SELECT count(*) FROM t") == [["3"]])
    }
}
