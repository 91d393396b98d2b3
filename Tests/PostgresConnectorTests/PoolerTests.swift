import ApusCore
import ApusTesting
import Tabular
@testable import PostgresConnector
import Testing

@Suite(.requires(.postgres, .pgbouncer))
struct PoolerTests {
    private func open(_ pooler: PgBouncer, _ database: String) throws -> any SQLSession {
        try PostgresConnector().open(
            Endpoint(ConnectionURL(parsing: pooler.url(database: database)), PostgresConnector()), interrupt: Interrupt())
            as! any SQLSession
    }

    @Test func `a pooler that pools statements is refused at once`() throws {
        let server = try PostgresServer.shared()
        let pooler = try PgBouncer(.statement, before: server)
        let error = #expect(throws: ApusError.self) { try open(pooler, server.makeDatabase()) }
        #expect(error?.code == .unsupported)
        #expect(error?.hint == "Connect to the server itself, or through a pool with pool_mode = session or transaction.")
    }

    private func pooled(_ place: Place, _ options: String = "") throws -> PostgresSession {
        let url = try PgBouncer.shared().url(database: place.database) + options
        return try PostgresSession(Endpoint(ConnectionURL(parsing: url), PostgresConnector()), interrupt: Interrupt())
    }

    @Test func `where transactions are pooled, each has the settings of its connection and leaves none behind`() throws {
        let place = try Place()
        try place.sql("ALTER DATABASE \"\(place.database)\" SET default_transaction_isolation = 'serializable'")
        let options = ["a": "8", "b": "9"].mapValues { "?time_zone=%2B0\($0):00&schema=x&statement_timeout=5\($0)s&lock_timeout=7s" }
        let sessions = try options.values.sorted().map { try pooled(place, $0) }
        let question = """
            SELECT current_setting('transaction_isolation'), current_setting('search_path'), current_setting('statement_timeout'),
              current_setting('lock_timeout'), extract(timezone FROM now())::int / 3600
            """
        for (number, session) in zip([8, 9, 8, 9], sessions + sessions) {
            #expect(try session.query(question, []) == [["read committed", "x", "5\(number)s", "7s", "\(number)"]])
        }
        let plain = try PgBouncer.shared().url(database: place.database)
        let other = try runCommand(
            "psql", ["-XAtc", question.replacing("now()", with: "now() AT TIME ZONE 'UTC' AT TIME ZONE 'UTC'"), plain])
        #expect(other.stdout == "serializable|\"$user\", public|0|0|0\n")
        sessions.forEach { $0.close() }
    }

    @Test(arguments: [LoadMode.append, .replace, .upsert, .truncate])
    func `a load through pooled transactions leaves no lock, no prepared statement and no table`(_ mode: LoadMode) throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE s (id int PRIMARY KEY, v text, at timestamptz); CREATE TABLE t (LIKE s INCLUDING ALL);
            INSERT INTO s SELECT g, repeat('x', g % 50), '2024-06-01 12:00+00'::timestamptz + g * interval '1 s' FROM generate_series(1, 5000) g
            """)
        let source = try pooled(place), sink = try pooled(place), rival = try pooled(place)
        let read = try place.read(source, "s", key: ["id"])
        var load = try place.load(sink, "t", mode: mode, key: ["id"])
        let slices = try source.slices(of: read, wish: SliceWish(channels: 4, count: 4))
        load.slices = slices.count
        #expect(slices.count == 4)
        // With a table that it refers to, or that refers to it.
        if mode == .replace { load.replacedWith = [load.target, TableName("other")] }
        try sink.lock(load)
        var others = load
        others.runID = RunID.make()
        #expect(throws: ApusError.self) { try rival.lock(others) }
        try sink.prepare(load)
        for slice in slices { try move(read, from: source, load, to: sink, slice: slice, passthrough: true) }
        try sink.finish(load)
        try sink.forget(load)
        sink.unlock(load)
        try rival.lock(others)
        rival.unlock(others)
        for session in [source, sink, rival] { session.close() }
        #expect(try place.values("SELECT count(*) FROM (TABLE s EXCEPT TABLE t) d") == ["0"])
        #expect(try place.values("SELECT count(*) FROM t") == ["5000"])
        #expect(try place.values("SELECT relname FROM pg_class WHERE relname LIKE '%apus%'") == [])
        let left = "SELECT (SELECT count(*) FROM pg_prepared_statements), current_setting('application_name')"
        let pool = try PgBouncer.shared().url(database: place.database)
        #expect(try runCommand("psql", ["-XAtc", left, pool]).stdout == "0|psql\n")
        #expect(
            try place.values(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
                == ["0"])
    }

    @Test func `what init_sql sets would stay with others`() throws {
        let error = #expect(throws: ApusError.self) { try pooled(Place(), "?init_sql=SET%20work_mem='7MB'") }
        #expect(error?.code == .unsupported)
    }

    @Test func `where transactions are pooled, what cannot run in one runs without, and half-read rows do no harm`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE s AS SELECT g AS id FROM generate_series(1, 100000) g")
        let session = try pooled(place)
        let read = try place.read(session, "s")
        let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let batch = Batch(schema: read.schema, wire: nil, rowCapacity: 100)
        #expect(try reader.read(into: batch))
        reader.close()
        try session.execute("VACUUM s")
        #expect(try session.query("SELECT count(*) FROM s", []) == [["100000"]])
        #expect(throws: ApusError.self) { try session.execute("DELETE FROM s; SELECT 1 / 0") }
        #expect(try session.query("SELECT count(*) FROM s", []) == [["100000"]])
        session.close()
    }

    @Test func `through a pooler of sessions every connection keeps what it sets`() throws {
        let server = try PostgresServer.shared()
        let pooler = try PgBouncer(.session, before: server), database = try server.makeDatabase()
        let sessions = try (0..<3).map { _ in try open(pooler, database) }
        for (number, session) in sessions.enumerated() { try session.execute("SET work_mem = '\(number + 5)MB'") }
        #expect(try sessions.map { try $0.query("SHOW work_mem") } == [[["5MB"]], [["6MB"]], [["7MB"]]])
        sessions.forEach { $0.close() }
    }
}
