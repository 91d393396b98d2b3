import ApusCore
import ApusTesting
import Glibc
import MySQLConnector
import Synchronization
import Tabular
import Testing

@Suite(.requires(.mariadb))
struct ConnectionTests {
    private func failure(_ url: String) -> ApusError? {
        apusError { _ = try MySQLConnector().open(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), interrupt: Interrupt()) }
    }

    @Test func `what is wrong with a connection is told precisely, without the password`() throws {
        let server = try MariaDBServer.shared()
        let wrong = failure("mysql://root:hunter2@127.0.0.1:\(server.port)/mysql")
        #expect(wrong?.code == .refused)
        #expect(wrong?.description.contains("hunter2") == false)
        let database = failure(server.url(database: "nowhere"))
        #expect(database?.code == .refused)
        #expect(database?.message.contains("no database `nowhere`") == true)
        let closed = failure("mysql://root:x@127.0.0.1:\(try freePort())/mysql")
        #expect(closed?.code == .unreachable)
        let host = failure("mysql://root:x@no-such-host.invalid/mysql")
        #expect(host?.code == .unreachable)
        #expect(host?.message.contains("no-such-host.invalid") == true)
        #expect(failure(server.url() + "?tls=sometimes")?.code == .configurationInvalid)
        #expect(failure(server.url() + "?tlss=off")?.code == .unknownKey)
        #expect(failure(server.url() + "?time_zone=Asia/Shangai")?.code == .configurationInvalid)
    }

    @Test func `JDBC's parameters and a unix socket are understood`() throws {
        let server = try MariaDBServer.shared()
        let jdbc =
            "jdbc:mysql://127.0.0.1:\(server.port)/mysql?user=root&password=pw&useSSL=false&serverTimezone=Asia/Shanghai&characterEncoding=utf8&zzz=1"
        let endpoint = try Endpoint(ConnectionURL(parsing: jdbc), MySQLConnector())
        #expect(endpoint.ignored == ["zzz"])
        let session = try MySQLConnector().open(endpoint, interrupt: Interrupt()) as! any SQLSession
        #expect(try session.query("SELECT @@time_zone, @@character_set_client") == [["+00:00", "utf8mb4"]])
        #expect(session.banner.hasPrefix("MariaDB 1") || MariaDBServer.isReplaced)
        let socket = try MySQLConnector().open(
            Endpoint(ConnectionURL(parsing: "mysql://root:pw@/mysql?socket=\(server.socketPath)"), MySQLConnector()), interrupt: Interrupt()
        )
        socket.close()
    }

    @Test(.requires(.openssl)) func `TLS is verified, and refused where it must be`() throws {
        let authority = try CertificateAuthority()
        let other = try CertificateAuthority()
        func server(_ identity: CertificateAuthority.Identity?) throws -> MariaDBServer {
            var options = MariaDBServer.Options()
            if let identity { options.tls = (authority, identity) }
            return try MariaDBServer(options)
        }
        func cipher(_ server: MariaDBServer, _ parameters: String, host: String = "localhost") throws -> String? {
            let url = "mysql://root:pw@\(host):\(server.port)/mysql?\(parameters)"
            let session =
                try MySQLConnector().open(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), interrupt: Interrupt())
                as! any SQLSession
            defer { session.close() }
            return try session.query("SHOW STATUS LIKE 'Ssl_cipher'")[0][1]
        }
        func code(_ server: MariaDBServer, _ parameters: String, host: String = "localhost") -> ApusError.Code? {
            apusError { _ = try cipher(server, parameters, host: host) }?.code
        }
        let good = try server(try authority.issue())
        let wrong = try server(try authority.issueForWrongName())
        let plain = try server(nil)
        for mode in ["prefer", "require", "verify-ca&ca=\(authority.certificate)", "verify&ca=\(authority.certificate)"] {
            #expect(try cipher(good, "tls=\(mode)")?.isEmpty == false, "\(mode)")
        }
        #expect(try cipher(good, "tls=verify&ca=\(authority.certificate)", host: "127.0.0.1")?.isEmpty == false)
        #expect(try cipher(good, "tls=off") == "")
        #expect(code(good, "tls=verify&ca=\(other.certificate)") == .tls)
        #expect(code(good, "tls=verify-ca&ca=\(other.certificate)") == .tls)
        #expect(code(good, "tls=verify") == .tls)
        #expect(code(wrong, "tls=verify&ca=\(authority.certificate)") == .tls)
        #expect(try cipher(wrong, "tls=verify-ca&ca=\(authority.certificate)")?.isEmpty == false)
        #expect(try cipher(wrong, "tls=require")?.isEmpty == false)
        #expect(try cipher(plain, "tls=prefer") == "")
        for mode in ["require", "verify-ca&ca=\(authority.certificate)", "verify&ca=\(authority.certificate)"] {
            #expect(code(plain, "tls=\(mode)") == .tls, "\(mode)")
        }
    }

    /// Fires the interrupt after a while and returns how long the call took to end after that.
    private func secondsToStop(_ interrupt: Interrupt, _ body: () throws -> Void) -> (seconds: Double, error: ApusError?) {
        let firedAt = Mutex(ContinuousClock.now)
        let timer = Timer {
            firedAt.withLock { $0 = .now }
            interrupt.fire()
        }
        let error = apusError(body)
        let seconds = firedAt.withLock { $0 }.duration(to: .now) / .seconds(1)
        timer.wait()
        return (seconds, error)
    }

    @Test func `a blocked call ends within a second of its interrupt`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1, 'x')")
        let reading = Interrupt()
        let source = try play.open(interrupt: reading)
        let (readTime, readError) = secondsToStop(reading) { _ = try source.query("SELECT SLEEP(20)") }
        #expect(readTime < 1)
        #expect(readError?.code == .cancelled)

        let locker = try play.open()
        try locker.execute("START TRANSACTION")
        try locker.execute("INSERT INTO t VALUES (2, 'held')")
        let writing = Interrupt()
        let sink = try play.open("load=infile", interrupt: writing)
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        try writer.begin(SinkTests.all, careful: false)
        let (writeTime, writeError) = secondsToStop(writing) {
            _ = try writer.write(SinkTests.batch([(2, "waits for the lock")], try sink.accepts(load)))
            _ = try writer.flush()
        }
        #expect(writeTime < 1)
        #expect(writeError?.code == .cancelled)
        writer.abort()
        writer.close()

        let proxy = try FaultProxy(to: play.server.port)
        defer { proxy.end() }
        proxy.behaviour = .blackHole
        let connecting = Interrupt()
        let (connectTime, connectError) = secondsToStop(connecting) { _ = try play.open(interrupt: connecting, port: proxy.port) }
        #expect(connectTime < 1)
        #expect(connectError?.code == .cancelled)
    }

    @Test(arguments: ["binary", "text"]) func `a read that breaks off never ends well`(_ way: String) throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY, b varchar(200)) SELECT seq AS a, REPEAT('x', 200) AS b FROM seq_1_to_20000")
        let proxy = try FaultProxy(to: play.server.port)
        defer { proxy.end() }
        let source = try play.open("protocol=\(way)", port: proxy.port)
        let read = Read(try source.describe(TableName("t")))
        proxy.cut(after: 1_000_000, .toClient)
        let error = apusError { _ = try texts(read, source) }
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("rows") == true)
        // The session opens another connection by itself.
        #expect(try texts(read, source).count == 20_000)
        // A read that is given up in the middle takes no time.
        let reader = try source.reader(read, SinkTests.all, wire: [])
        _ = try reader.read(into: Batch(schema: read.schema))
        reader.close()
        #expect(try source.query("SELECT COUNT(*) FROM t") == [["20000"]])
    }

    @Test func `a statement that takes too long is a timeout`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY) SELECT seq AS a FROM seq_1_to_1000")
        let source = try play.open("statement_timeout=300ms")
        var read = Read(try source.describe(TableName("t")))
        read.filters = ["SLEEP(0.01) = 0"]
        #expect(apusError { _ = try texts(read, source) }?.code == .timeout)
        #expect(try source.query("SELECT 1") == [["1"]])
    }

    @Test func `a target that dies in mid-load fails the slice as unreachable`() throws {
        let server = try MariaDBServer()
        let play = try Playground(server)
        try play.run("CREATE TABLE t (a int, b text)")
        let sink = try play.open()
        let load = Load(try sink.describe(TableName("t")))
        try sink.lock(load)
        try sink.prepare(load)
        let writer = try sink.writer(load)
        try writer.begin(SinkTests.all, careful: false)
        let batch = SinkTests.batch((0..<4000).map { (Int64($0), String(repeating: "y", count: 100)) }, try sink.accepts(load))
        _ = try writer.write(batch)
        server.kill()
        let error = apusError {
            for _ in 0..<100 { _ = try writer.write(batch) }
            _ = try writer.flush()
        }
        #expect(error?.code == .unreachable)
        writer.abort()
        writer.close()
        try server.start()
        #expect(try play.value("SELECT COUNT(*) FROM t") == "0")
    }

    @Test func `connections of a snapshot see the same rows`() throws {
        let play = try Playground()
        try play.run("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)")
        let sources = try MySQLConnector().openSnapshot(play.endpoint(), count: 3, interrupt: Interrupt())
        try play.run("INSERT INTO t VALUES (2)")
        for source in sources {
            let read = Read(try source.describe(TableName("t")))
            #expect(try texts(read, source) == [["1"]])
            source.close()
        }
        let fresh = try play.open()
        #expect(try texts(Read(try fresh.describe(TableName("t"))), fresh).count == 2)
    }

    @Test func `a snapshot without the privilege is refused with what to grant`() throws {
        let play = try Playground()
        try play.run("CREATE USER 'plain'@'%' IDENTIFIED BY 'p'; GRANT SELECT ON \(play.database).* TO 'plain'@'%'")
        let url = "mysql://plain:p@127.0.0.1:\(play.server.port)/\(play.database)"
        let error = apusError {
            _ = try MySQLConnector().openSnapshot(Endpoint(ConnectionURL(parsing: url), MySQLConnector()), count: 2, interrupt: Interrupt())
        }
        #expect(error?.code == .permission)
        #expect(error?.hint?.contains("RELOAD") == true)
    }
}

/// Runs a closure half a second later on a thread of its own.
private final class Timer: Sendable {
    private let done = Mutex(false)

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Box { [self] in
            usleep(500_000)
            body()
            done.withLock { $0 = true }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        pthread_detach(thread)
    }

    func wait() { while !done.withLock({ $0 }) { usleep(1000) } }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
