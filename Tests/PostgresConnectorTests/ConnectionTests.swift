import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import PostgresConnector

@Suite struct ConnectionTests {
    static func open(_ url: String, interrupt: Interrupt = Interrupt()) throws -> PostgresSession {
        try PostgresSession(Endpoint(ConnectionURL(parsing: url), PostgresConnector()), interrupt: interrupt)
    }

    static func error(_ url: String) -> ApusError? {
        do { try Self.open(url).close() } catch { return error as? ApusError }
        return nil
    }

    @Test(.requires(.postgres)) func `every way to be refused has its own code and never shows the password`() throws {
        let server = try PostgresServer.shared()
        let port = server.port
        let wrong = Self.error("postgres://postgres:hunter2@127.0.0.1:\(port)/postgres")
        #expect(wrong?.code == .refused)
        #expect(wrong?.message == "user or password is wrong")
        #expect(wrong?.description.contains("hunter2") == false)
        #expect(Self.error("postgres://nobody:pw@127.0.0.1:\(port)/postgres")?.code == .refused)
        let missing = Self.error("postgres://postgres:pw@127.0.0.1:\(port)/nowhere")
        #expect(missing?.code == .refused)
        #expect(missing?.message == "the database does not exist")
        let host = Self.error("postgres://postgres:pw@no-such-host.invalid/postgres")
        #expect(host?.code == .unreachable)
        #expect(host?.message == "the host name is unknown")
        #expect(Self.error("postgres://postgres:pw@127.0.0.1:1/postgres")?.code == .unreachable)
        #expect(Self.error(server.url() + "?tls=require")?.code == .tls)
        #expect(Self.error(server.url() + "?sslmode=verify-full")?.code == .tls)
        #expect(Self.error(server.url() + "?target_session_attrs=standby")?.code == .refused)
        #expect(Self.error("postgres://postgres@127.0.0.1:\(port)/postgres")?.code == .refused)
        #expect(throws: ApusError.self) { try Self.open(server.url() + "?tsl=off") }
    }

    @Test(.requires(.postgres)) func `aliases, JDBC forms and unix sockets connect with the right session`() throws {
        let server = try PostgresServer.shared()
        let place = try Place(server)
        try place.sql("CREATE SCHEMA \"Odd, one\"; CREATE TABLE \"Odd, one\".t (x int); CREATE SCHEMA two; CREATE TABLE two.u (x int)")
        let session = try Self.open(
            server.url(database: place.database, scheme: "jdbc:postgresql")
                + "&ApplicationName=mover&currentSchema=two&loggerLevel=OFF".replacing("&A", with: "?A"))
        #expect(try session.query("SHOW application_name") == [["mover"]])
        #expect(try session.tables(schema: nil).map(\.name.name) == ["u"])
        #expect(try session.tables(schema: "Odd, one").map(\.name) == [TableName(schema: "Odd, one", "t")])
        let local = try Self.open(
            "pgsql://postgres:pw@\(server.socketFolder.replacing("/", with: "%2F")):\(server.port)/\(place.database)?statement_timeout=2s&init_sql=SET%20work_mem='7MB'&synchronous_commit=local&options=-c%20enable_sort=off%20-c%20timezone=Asia/Tokyo"
        )
        #expect(
            try local.query(
                "SELECT current_setting('statement_timeout'), current_setting('work_mem'), current_setting('synchronous_commit'), current_setting('TimeZone'), current_setting('client_encoding'), current_setting('enable_sort')"
            )
                == [["2s", "7MB", "local", "Asia/Tokyo", "UTF8", "off"]])
        #expect(local.banner.hasPrefix("PostgreSQL "))
        let timeout = #expect(throws: ApusError.self) { try local.query("SELECT pg_sleep(10)") }
        #expect(timeout?.code == .timeout)
    }

    @Test(.requires(.postgres, .openssl)) func `TLS is verified, and refused for another name or an unknown authority`() throws {
        let authority = try CertificateAuthority()
        var options = PostgresServer.Options()
        options.tls = (authority, try authority.issue())
        let server = try PostgresServer(options)
        let ca = "ca=\(authority.certificate)"
        for mode in ["?\(ca)", "?tls=verify&\(ca)", "?sslmode=verify-ca&sslrootcert=\(authority.certificate)", "?tls=require"] {
            let session = try Self.open(server.url() + mode)
            #expect(try session.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [["t"]], "\(mode)")
        }
        #expect(try Self.open(server.url() + "?tls=off").query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [["f"]])
        let unknown = Self.error(server.url() + "?tls=verify")
        #expect(unknown?.code == .tls)
        options.tls = (authority, try authority.issueForWrongName())
        let other = try PostgresServer(options)
        let refused = Self.error(other.url() + "?\(ca)")
        #expect(refused?.code == .tls)
        #expect(refused?.message == "the server's certificate is for another host name")
        _ = try Self.open(other.url() + "?tls=verify-ca&\(ca)")
    }

    @Test(.requires(.postgres)) func `an interrupt ends blocked reads, writes and connects within a second`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE b (x int); CREATE TABLE big AS SELECT generate_series(1, 1000) AS x")
        let interrupt = Interrupt()
        let session = try place.session(interrupt: interrupt)
        var read = try place.read(session, "big")
        read.items[0].expression = "x + length(pg_sleep(0.1)::text)"
        func firing<T>(_ interrupt: Interrupt, _ body: () throws -> T) -> (ApusError?, Double) {
            let start = ContinuousClock.now
            Thread.detachNewThread {
                usleep(200_000)
                interrupt.fire()
            }
            var caught: ApusError?
            do { _ = try body() } catch { caught = error as? ApusError }
            return (caught, Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000)
        }
        // The server begins to send when its buffer is full: opening blocks as well.
        let (error, seconds) = firing(interrupt) {
            let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
            while try reader.read(into: Batch(schema: read.schema)) {}
        }
        #expect(error?.code == .cancelled)
        #expect(seconds < 1)
        // A writer that waits for another's lock.
        let second = Interrupt()
        let sink = try place.session(interrupt: second)
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let writer = try sink.writer(load)
        let batch = Batch(schema: try sink.accepts(load))
        batch.columns[0].append(Int64(1))
        batch.endRow(bytes: 4)
        let holder = try place.session()
        try holder.execute("BEGIN; LOCK TABLE b")
        let (writeError, writeSeconds) = firing(second) {
            try writer.begin(Slice(id: 0, bounds: .all), careful: false)
            _ = try writer.write(batch)
            _ = try writer.flush()
        }
        writer.abort()
        writer.close()
        #expect(writeError?.code == .cancelled)
        #expect(writeSeconds < 1)
        // A server that accepts and says nothing.
        let proxy = try FaultProxy(to: place.server.port)
        proxy.behaviour = .blackHole
        let third = Interrupt()
        let (connectError, connectSeconds) = firing(third) { try Self.open(place.server.url(port: proxy.port), interrupt: third) }
        #expect(connectError?.code == .cancelled)
        #expect(connectSeconds < 1)
        let late = Self.error(place.server.url(port: proxy.port) + "?connect_timeout=300ms")
        #expect(late?.code == .unreachable)
    }

    @Test(.requires(.postgres)) func `a connection lost in mid-copy is transient and leaves nothing`() throws {
        let place = try Place()
        try place.sql(
            "CREATE TABLE a AS SELECT g AS x, repeat('y', 1000) AS y FROM generate_series(1, 100000) g; CREATE TABLE b (x int, y text)")
        let sink = try place.session()
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let writer = try sink.writer(load)
        let batch = Batch(schema: try sink.accepts(load), rowCapacity: 1000)
        for row in 0..<1000 {
            batch.columns[0].append(Int64(row))
            batch.columns[1].append(String(repeating: "z", count: 1000))
            batch.endRow(bytes: 1000)
        }
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        _ = try writer.write(batch)
        try place.sql("SELECT pg_terminate_backend(\(PostgresBackend.pid(sink)))")
        let error = #expect(throws: ApusError.self) {
            for _ in 0..<200 { _ = try writer.write(batch) }
            _ = try writer.flush()
        }
        #expect(error?.isTransient == true, "\(String(describing: error))")
        writer.abort()
        #expect(try place.values("SELECT count(*) FROM b") == ["0"])
        // Reading: the server ends, or the line is cut.
        let source = try place.session()
        let read = try place.read(source, "a")
        func drain(_ reader: any Reader) throws { while try reader.read(into: Batch(schema: read.schema)) {} }
        let reader = try source.reader(read, Slice(id: 0, bounds: .all), wire: [])
        _ = try reader.read(into: Batch(schema: read.schema, rowCapacity: 10))
        try place.sql("SELECT pg_terminate_backend(\(PostgresBackend.pid(source)))")
        let readError = #expect(throws: ApusError.self) { try drain(reader) }
        #expect(readError?.isTransient == true, "\(String(describing: readError))")
        reader.close()
        let proxy = try FaultProxy(to: place.server.port)
        let through = try Self.open(place.server.url(database: place.database, port: proxy.port))
        let second = try through.reader(read, Slice(id: 0, bounds: .all), wire: [])
        proxy.cut(after: 5_000_000, .toClient)
        let cut = #expect(throws: ApusError.self) { try drain(second) }
        #expect(cut?.code == .unreachable)
        second.close()
    }

    @Test(.requires(.postgres)) func `parameters are question marks outside of quotes`() throws {
        let session = try Place().session()
        #expect(
            try session.query("SELECT ?::int + 1, '?', \"?\", $$?$$, E'\\'?', ? /* ? */ -- ?\n FROM (SELECT 1 AS \"?\") q", ["41", nil])
                == [["42", "?", "1", "?", "'?", nil]])
        #expect(try session.execute("CREATE TEMP TABLE t (x bigint, j jsonb)") == 0)
        #expect(try session.query("INSERT INTO t VALUES (?, ?)", ["7", "{}"]) == [])
        #expect(try session.query("SELECT j ? 'a' FROM t") == [["f"]])
        #expect(try session.execute("UPDATE t SET x = 8") == 1)
        let error = #expect(throws: ApusError.self) { try session.execute("SELEC") }
        #expect(error?.code == .statement)
        #expect(throws: ApusError.self) { try session.execute("COPY t TO STDOUT") }
        #expect(throws: ApusError.self) { try session.execute("COPY t FROM STDIN") }
        #expect(try session.query("SELECT x FROM t") == [["8"]])
    }
}

enum PostgresBackend {
    static func pid(_ session: PostgresSession) -> Int32 { session.backendPID ?? 0 }
}
