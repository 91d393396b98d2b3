import Foundation
import Testing

@testable import ApusTesting

@Suite struct MariaDBServerTests {
    @Test(.requires(.mariadb)) func `the shared MariaDB answers, and text survives the client`() throws {
        let server = try MariaDBServer.shared()
        let database = try server.makeDatabase()
        try server.execute("CREATE TABLE t (a INT, b TEXT)", database: database)
        try server.execute("INSERT INTO t VALUES (1, 'a\\tb\\nc\\\\d 雨燕 🐦'), (2, NULL), (3, '')", database: database)
        let rows = try server.query("SELECT * FROM t ORDER BY a", database: database)
        #expect(rows == [["1", "a\tb\nc\\d 雨燕 🐦"], ["2", "NULL"], ["3", ""]])
        #expect(server.url(database: database) == "mysql://root:pw@127.0.0.1:\(server.port)/\(database)")
    }

    @Test(.requires(.mariadb)) func `an SQL error throws the server's message`() throws {
        let server = try MariaDBServer.shared()
        let error = #expect(throws: KitError.self) { try server.execute("SELECT * FROM nowhere.nothing") }
        #expect(error?.description.contains("nothing") == true)
    }

    @Test(.requires(.mariadb)) func `a MariaDB of one's own restarts, survives a crash and leaves nothing`() throws {
        var options = MariaDBServer.Options()
        options.user = "mover"
        options.password = "s3cret"
        options.arguments = ["--max-connections=17"]
        var server: MariaDBServer? = try MariaDBServer(options)
        let folder = (try #require(server).socketPath as NSString).deletingLastPathComponent
        let first = try #require(server?.pid)
        #expect(try server?.query("SELECT @@max_connections") == [["17"]])
        try server?.execute("CREATE DATABASE kept")
        try server?.restart()
        let second = try #require(server?.pid)
        #expect(kill(first, 0) == -1)
        server?.kill()
        #expect(kill(second, 0) == -1)
        #expect(server?.pid == nil)
        try server?.start()
        #expect(try server?.query("SHOW DATABASES LIKE 'kept'") == [["kept"]])
        let third = try #require(server?.pid)
        server = nil
        #expect(kill(third, 0) == -1)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test(.requires(.mariadb, .openssl)) func `MariaDB speaks TLS with a certificate of a private authority`() throws {
        let authority = try CertificateAuthority()
        var options = MariaDBServer.Options()
        options.tls = (authority, try authority.issue())
        let server = try MariaDBServer(options)
        let arguments = [
            "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--port=\(server.port)", "--user=root",
            "--ssl-ca=\(authority.certificate)", "--ssl-verify-server-cert", "-NBe", "SHOW STATUS LIKE 'Ssl_version'",
        ]
        let verified = try runCommand("mariadb", arguments, environment: ["MYSQL_PWD": "pw"])
        #expect(verified.stdout.contains("TLSv1"), "\(verified.stderr)")
    }
}

@Suite struct PostgresServerTests {
    @Test(.requires(.postgres)) func `the shared PostgreSQL answers, and text survives the client`() throws {
        let server = try PostgresServer.shared()
        let database = try server.makeDatabase()
        try server.execute("CREATE TABLE t (a int, b text)", database: database)
        try server.execute("INSERT INTO t VALUES (1, E'a\\tb\\nc\\\\d 雨燕 🐦'), (2, NULL), (3, '')", database: database)
        let rows = try server.query("SELECT * FROM t ORDER BY a", database: database)
        #expect(rows == [["1", "a\tb\nc\\d 雨燕 🐦"], ["2", "NULL"], ["3", ""]])
        #expect(try server.query("SELECT 1 WHERE false") == [])
    }

    @Test(.requires(.postgres)) func `a PostgreSQL of one's own restarts, survives a crash and leaves nothing`() throws {
        var options = PostgresServer.Options()
        options.user = "mover"
        options.password = "s3cret"
        options.arguments = ["-c", "max_connections=17"]
        var server: PostgresServer? = try PostgresServer(options)
        let folder = try #require(server).socketFolder
        let first = try #require(server?.pid)
        #expect(try server?.query("SHOW max_connections") == [["17"]])
        try server?.execute("CREATE DATABASE kept")
        try server?.restart()
        let second = try #require(server?.pid)
        #expect(kill(first, 0) == -1)
        server?.kill()
        #expect(kill(second, 0) == -1)
        try server?.start()
        #expect(try server?.query("SELECT datname FROM pg_database WHERE datname = 'kept'") == [["kept"]])
        let third = try #require(server?.pid)
        server = nil
        #expect(kill(third, 0) == -1)
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test(.requires(.postgres, .openssl)) func `PostgreSQL's certificate verifies, and a wrong name is refused`() throws {
        let authority = try CertificateAuthority()
        for (identity, accepted) in [(try authority.issue(), true), (try authority.issueForWrongName(), false)] {
            var options = PostgresServer.Options()
            options.tls = (authority, identity)
            let server = try PostgresServer(options)
            let result = try runCommand(
                "psql",
                [
                    "-XAt", "-c", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                    "host=localhost port=\(server.port) user=postgres dbname=postgres sslmode=verify-full "
                        + "sslrootcert=\(authority.certificate)",
                ], environment: ["PGPASSWORD": "pw"])
            #expect((result.stdout == "t\n") == accepted, "\(result.stderr)")
        }
    }
}

@Suite struct WatchdogTests {
    @Test func `when the pipe to its watchdog closes, a server ends and its folder goes`() throws {
        let folder = try TemporaryFolder()
        let server = try ServerProcess(
            folder: folder, program: "/bin/sh", arguments: ["-c", "sleep 60; exit", folder.path], killSignal: SIGKILL)
        try server.start()
        #expect(server.isRunning)
        server.abandon()
        let deadline = ContinuousClock.now + .seconds(10)
        while server.isRunning || access(folder.path, F_OK) == 0, ContinuousClock.now < deadline { usleep(20_000) }
        #expect(!server.isRunning)
        #expect(access(folder.path, F_OK) == -1)
    }
}
