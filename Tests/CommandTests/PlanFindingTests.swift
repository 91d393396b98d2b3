import ApusTesting
import Foundation
import Testing

/// What a run would meet is found by the plan, before anything is touched.
@Suite(.requires(.mariadb, .postgres)) struct PlanFindingTests {
    let user: User
    init() throws { user = try User() }

    private static let orders = "CREATE TABLE orders (id int PRIMARY KEY, name varchar(20)); INSERT INTO orders VALUES (1, 'a'), (2, 'b')"
    private static let kept = "CREATE TABLE orders (id int PRIMARY KEY, name varchar(20)); INSERT INTO orders VALUES (9, 'kept')"

    @Test(arguments: Kind.engines)
    func `a condition or expression that the source refuses is found before the target is emptied`(_ kind: Kind) throws {
        let source = try Store(kind, Self.orders), target = try Store(kind, Self.kept)
        let copy = ["copy", source.url(), target.url(), "--table", "orders", "--before", "DELETE FROM orders"]
        for mode in ["append", "truncate", "replace", "upsert"] {
            expect(
                try user.run(copy + ["--mode", mode, "--where", "id > 0 AND nosuch > 5"]), 78, "orders: the source refuses the SQL",
                "nosuch")
        }
        expect(try user.run(copy + ["--mode", "append", "--where", "id >> > 5"]), 78, "; SQL: SELECT ", "(id >> ▸> 5)")
        expect(try user.run(copy + ["--mode", "append", "--columns", "id,name=upper(nme)"]), 78, "; SQL: SELECT ", "upper(")
        expect(
            try user.run([
                "copy", source.url(), target.url(), "--query", "SELECT id, nme FROM orders", "--to", "orders", "--mode", "truncate",
            ]), 78,
            "; SQL: SELECT id, ")
        let flow = try user.home.write(
            """
            from: \(source.url())
            to: \(target.url())
            before: DELETE FROM orders
            tables: { orders: { mode: append, where: nosuch > 5 } }
            """, to: "flow.yaml")
        expect(try user.apus("plan", flow), 78, "the source refuses the SQL")
        expect(try user.apus("run", flow), 78, "the source refuses the SQL")
        #expect(try target.ask("SELECT id, name FROM orders") == [["9", "kept"]])
        // The same is copied when it is right.
        expect(try user.run(copy + ["--mode", "append", "--where", "id > 1"]), 0)
        #expect(try target.ask("SELECT id, name FROM orders") == [["2", "b"]])
    }

    @Test(arguments: Kind.servers)
    func `a DataX job whose condition the source refuses leaves the target as it is`(_ kind: Kind) throws {
        let source = try Store(kind, Self.orders), target = try Store(kind, Self.kept)
        let desk = try DataXDesk()
        func job(_ filter: String, before: String = "delete from orders") -> String {
            DataXDesk.job(
                source.reader("orders", more: "\"where\": \"\(filter)\","), target.writer("orders", more: "\"preSql\": [\"\(before)\"],"),
                setting: #""speed": {"channel": 1}"#)
        }
        let refused = try desk.run(job("nosuch > 5"))
        #expect(
            refused.status != 0 && (refused.stdout + refused.stderr).contains("the source refuses the SQL"),
            "\(refused.stdout)\(refused.stderr)")
        let wrong = try desk.run(job("id > 1", before: "delete form orders"))
        #expect(wrong.status != 0 && (wrong.stdout + wrong.stderr).contains("SQL: delete "), "\(wrong.stdout)\(wrong.stderr)")
        #expect(try target.ask("SELECT id, name FROM orders") == [["9", "kept"]])
        expect(try desk.run(job("id > 1")), 0)
        #expect(try target.ask("SELECT id, name FROM orders") == [["2", "b"]])
    }

    @Test(arguments: Kind.servers)
    func `statements whose grammar the target does not understand are found before the first one runs`(_ kind: Kind) throws {
        let source = try Store(.sqlite, Self.orders), target = try Store(kind, Self.kept)
        let copy = ["copy", source.url(), target.url(), "--mode", "append", "--before", "DELETE FROM orders"]
        expect(
            try user.run(copy + ["--before", "DELETE FRM orders"]), 78, "the `before` statement cannot be run", "; SQL: DELETE ", "orders")
        expect(
            try user.run(copy + ["--after", "TRUNCATE TABEL orders"]), 78, "the `after` statement cannot be run", "; SQL: TRUNCATE TABEL")
        expect(try user.run(copy + ["--before", "DELETE FROM orders WHERE"]), 78, "; SQL: DELETE FROM orders WHERE▸")
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(target.url())\ntables: { orders: { mode: window, window: nosuch > 0 } }\n", to: "flow.yaml")
        expect(try user.apus("plan", flow), 78, "the target refuses the condition `window`", "nosuch")
        #expect(try target.ask("SELECT id, name FROM orders") == [["9", "kept"]])
        // What a statement names may be made by the one before; several at once, comments and what only the server knows are run.
        let fine = [
            "CREATE TABLE made (id int)", "INSERT INTO made VALUES (1)", "/* all */ DELETE FROM orders", "SET @x = 1", "DROP TABLE made",
        ].filter { kind == .mariadb || !$0.hasPrefix("SET") }
        expect(try user.run(copy + fine.flatMap { ["--before", $0] }), 0)
        #expect(try target.ask("SELECT id, name FROM orders ORDER BY id") == [["1", "a"], ["2", "b"]])
    }

    @Test(arguments: Kind.servers)
    func `a schema that the target does not have is said by the plan, and made when that is asked for`(_ kind: Kind) throws {
        let source = try Store(.sqlite, Self.orders), target = try Store(kind)
        let schema = "\(target.database)_made"
        defer { try? target.run(kind == .mariadb ? "DROP DATABASE \(schema)" : "DROP SCHEMA \(schema) CASCADE") }
        let copy = ["copy", source.url(), target.url(), "--to", "\(schema).{table}"]
        let word = kind == .mariadb ? "database" : "schema"
        expect(try user.run(copy), 78, "orders: the target has no \(word) `\(schema)`", "`--create-schema`")
        expect(try user.run(copy + ["--dry-run", "--create-schema"]), 0, "it will be made")
        expect(try user.run(copy), 78)
        for _ in 1...2 {
            expect(try user.run(copy + ["--create-schema"]), 0)
            #expect(try target.ask("SELECT id, name FROM \(schema).orders ORDER BY id") == [["1", "a"], ["2", "b"]])
        }
        // A flow that makes it by itself is not kept from it.
        try target.run(kind == .mariadb ? "DROP DATABASE \(schema)" : "DROP SCHEMA \(schema) CASCADE")
        expect(try user.run(copy + ["--before", "CREATE \(word) \(schema)"]), 0)
        #expect(try target.ask("SELECT id FROM \(schema).orders ORDER BY id") == [["1"], ["2"]])
    }

    @Test(arguments: Kind.servers)
    func `the schema that a connection names is made before it is used, by a flow and by a plan on another machine`(_ kind: Kind) throws {
        let source = try Store(.sqlite, Self.orders), target = try Store(kind)
        let schema = "\(target.database)_own"
        defer { try? target.run(kind == .mariadb ? "DROP DATABASE IF EXISTS \(schema)" : "DROP SCHEMA IF EXISTS \(schema) CASCADE") }
        let url = kind == .mariadb ? target.url().replacing("/" + target.database, with: "/" + schema) : target.url() + "?schema=" + schema
        expect(try user.apus("copy", source.url(), url), 78, schema, "`--create-schema`")
        let flow = try user.home.write(
            "from: \(source.url())\nto: \(url)\ncreate_schema: true\ntables: { orders: { mode: upsert, watermark: id } }\n", to: "flow.yaml"
        )
        expect(try user.apus("run", flow), 0, "made the")
        #expect(try target.ask("SELECT id, name FROM \(schema).orders ORDER BY id") == [["1", "a"], ["2", "b"]])
        expect(try user.apus("run", flow), 0)
        try target.run(kind == .mariadb ? "DROP DATABASE \(schema)" : "DROP SCHEMA \(schema) CASCADE")
        let plan = user.home.file("plan.json")
        let plain = try user.home.write("from: \(source.url())\nto: ${TARGET}\ncreate_schema: true\n", to: "plain.yaml")
        expect(try user.run(["plan", plain, "-o", plan], with: ["TARGET": url]), 0)
        expect(try user.run(["run", "--plan", plan], with: ["TARGET": url]), 0, "made the")
        #expect(try target.ask("SELECT id, name FROM \(schema).orders ORDER BY id") == [["1", "a"], ["2", "b"]])
    }

    @Test(arguments: Kind.engines)
    func `an error of SQL shows the statement and the place, and hides passwords in it`(_ kind: Kind) throws {
        let store = try Store(kind, Self.orders)
        let result = try user.apus("copy", store.url(), "null:", "--table", "orders", "--where", "name = 'visible' AND nosuch = 'also'")
        expect(result, 78, "; SQL: SELECT ", "name = 'visible' AND ", "nosuch = 'also'")
        #expect(kind == .mariadb || result.stderr.contains("▸nosuch"), "\(result.stderr)")
        let long = (1...60).map { "id <> \($0)" }.joined(separator: " AND ")
        let cut = try user.apus("copy", store.url(), "null:", "--table", "orders", "--where", long + " AND id === 5 AND " + long)
        #expect(cut.stderr.contains("; SQL: …") && cut.stderr.contains("▸=") && cut.stderr.contains("id <> 60 AND id "), "\(cut.stderr)")
        #expect(cut.stderr.split(separator: "\n").filter { $0.contains("; SQL: ") }.allSatisfy { $0.count < 400 })
        for statement in ["ALTER USER u IDENTIFED BY 'hunter2'", "SELECT x FRM f('mysql://u:hunter2@h/d')"] {
            let result = try user.apus("copy", store.url(), store.url(), "--to", "other", "--table", "orders", "--before", statement)
            #expect(result.status != 0)
            #expect(!(result.stdout + result.stderr).contains("hunter2"), "\(result.stderr)")
        }
    }

    @Test(arguments: [Kind.postgres, .sqlite])
    func `indexes whose name the target has for something else are called otherwise, and the plan says so`(_ kind: Kind) throws {
        let source = try Store(
            .mariadb,
            """
            CREATE TABLE a (id int PRIMARY KEY, n int, m int, KEY a_n (n), UNIQUE KEY b (m));
            CREATE TABLE b (id int PRIMARY KEY, n int, KEY a_n (n)); INSERT INTO a VALUES (1, 2, 3); INSERT INTO b VALUES (4, 5);
            """)
        let target = try Store(kind, "CREATE TABLE other (id int, x int); CREATE INDEX b_a_n ON other (x)")
        let copy = ["copy", source.url(), target.url(), "--with", "indexes"]
        expect(try user.run(copy + ["--dry-run"]), 0, "the index b_a_n is called b_a_n_2 here")
        for _ in 1...2 { expect(try user.run(copy), 0) }
        let names =
            kind == .postgres
            ? "SELECT tablename, indexname FROM pg_indexes WHERE indexname NOT LIKE '%pkey' AND schemaname = 'public' ORDER BY 1, 2"
            : "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1, 2"
        #expect(try target.ask(names) == [["a", "a_b"], ["a", "a_n"], ["b", "b_a_n_2"], ["other", "b_a_n"]])
    }

    @Test(arguments: [Kind.postgres, .sqlite])
    func `indexes of one table whose names become one, or the primary key's, are told apart`(_ kind: Kind) throws {
        let source = try Store(
            .mariadb,
            "CREATE TABLE ix1 (id int PRIMARY KEY, a int, b int, KEY x (a), KEY ix1_x (b), KEY ix1_pkey (a, b)); INSERT INTO ix1 VALUES (1, 2, 3);"
        )
        let target = try Store(kind)
        let copy = ["copy", source.url(), target.url(), "--with", "indexes"]
        let plan = try user.run(copy + ["--dry-run"])
        expect(plan, 0, "the index ix1_x is called ix1_x_2 here", "the index ix1_pkey is called ix1_pkey_2 here")
        for more in [[], [], ["--create", "recreate"]] { expect(try user.run(copy + more), 0) }
        let names =
            kind == .postgres
            ? "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
            : "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1"
        #expect(try target.ask(names).map { $0[0] } == (kind == .postgres ? ["ix1_pkey"] : []) + ["ix1_pkey_2", "ix1_x", "ix1_x_2"])
    }

    @Test func `foreign keys of one name in several tables are told apart where a database has each name once`() throws {
        let source = try Store(
            .postgres,
            """
            CREATE TABLE p (id int PRIMARY KEY);
            CREATE TABLE a (id int PRIMARY KEY, p int CONSTRAINT fk_p REFERENCES p); CREATE TABLE b (id int PRIMARY KEY, p int CONSTRAINT fk_p REFERENCES p);
            INSERT INTO p VALUES (1); INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (2, 1);
            """)
        let target = try Store(.mariadb)
        let copy = ["copy", source.url(), target.url(), "--with", "indexes,foreign-keys"]
        expect(try user.run(copy), 0, "public.b: the foreign key fk_p is called b_fk_p here")
        expect(try user.run(copy), 0)
        let names =
            "SELECT table_name, constraint_name FROM information_schema.table_constraints WHERE constraint_schema = DATABASE() AND constraint_type = 'FOREIGN KEY' ORDER BY 1"
        #expect(try target.ask(names) == [["a", "fk_p"], ["b", "b_fk_p"]])
        // Copies beside the first ones in the same database.
        expect(try user.run(copy + ["--to", "c_{table}"]), 0, "the foreign key fk_p is called c_a_fk_p here")
        #expect(try target.ask(names) == [["a", "fk_p"], ["b", "b_fk_p"], ["c_a", "c_a_fk_p"], ["c_b", "c_b_fk_p"]])
    }

    @Test func `what is true of several tables and columns is said once`() throws {
        let tables = (1...7).map {
            "CREATE TABLE t\($0) (id int PRIMARY KEY, a timestamptz, b timestamptz); COMMENT ON TABLE t\($0) IS 'x';"
        }
        let source = try Store(.postgres, tables.joined()), target = try Store(.mariadb), file = try Store(.sqlite)
        let result = try user.apus("copy", source.url(), target.url())
        expect(result, 0, "public.t1.a, public.t1.b, public.t2.a, public.t2.b, public.t3.a, … (14): ")
        #expect(result.stderr.split(separator: "\n").count { $0.contains("becomes what the clock") } == 1, "\(result.stderr)")
        expect(
            try user.apus("copy", source.url(), file.url(), "--with", "indexes"), 0,
            "7 tables (public.t1, public.t2, public.t3, public.t4, public.t5, …): comments are not carried over")
    }

    @Test func `ordinary tables are copied without a warning`() throws {
        let source = try Store(
            .mariadb,
            """
            CREATE TABLE customer (id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, name varchar(50) NOT NULL, vip tinyint(1) DEFAULT 0,
              created datetime NOT NULL DEFAULT current_timestamp, balance decimal(12,2), note text, UNIQUE KEY (name)) DEFAULT CHARSET=latin1;
            CREATE TABLE orders (id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id int unsigned NOT NULL, dt date, amount double,
              KEY (customer_id), FOREIGN KEY (customer_id) REFERENCES customer (id)) DEFAULT CHARSET=utf8;
            INSERT INTO customer (name) VALUES ('x'); INSERT INTO orders (customer_id) VALUES (1);
            """)
        for kind in Kind.allCases {
            let target = try Store(kind), with = kind == .csv ? [] : ["--with", "indexes,foreign-keys"]
            for _ in 1...2 {
                // Two swaps at once of tables that refer to each other may have to be tried again.
                let result = try user.run(["copy", source.url(), target.url(), "--channels", "1"] + with)
                expect(result, 0)
                let warnings = result.stderr.split(separator: "\n").filter {
                    $0.contains("warning") && !$0.contains("the password is written out")
                }
                #expect(warnings.isEmpty, "\(kind): \(warnings)")
            }
        }
    }

    @Test(arguments: [(Kind.mariadb, 1000), (.postgres, 1600), (.csv, 2000)])
    func `planning takes time in proportion to the columns`(_ kind: Kind, _ most: Int) throws {
        /// Seconds of the processor.
        func seconds(_ count: Int) throws -> Double {
            let names = (1...count).map { "column_number_\($0)" }
            func table(_ type: String) -> String { "CREATE TABLE w (\(names.map { "\($0) \(type)" }.joined(separator: ", ")))" }
            let source = try Store(kind), target = try Store(.sqlite, table("integer"))
            if kind == .csv {
                try source.folder.write(
                    names.joined(separator: ",") + "\n" + names.map { _ in "1" }.joined(separator: ",") + "\n", to: "w.csv")
            } else {
                try source.run(table(kind == .mariadb ? "tinyint" : "int"))
            }
            return try (1...3).map { _ in
                let result = try user.shell("TIMEFORMAT=%U; time apus copy \(source.url()) \(target.url()) --dry-run 2>&1 >/dev/null")
                #expect(result.status == 0, "\(result.stdout)\(result.stderr)")
                return Double(result.stderr.split(separator: "\n").last ?? "") ?? .infinity
            }.min()!
        }
        let few = try seconds(most / 8), many = try seconds(most)
        #expect(many < few * 12 + 0.1, "\(few) s for \(most / 8) columns, \(many) s for \(most)")
    }
}
