import ApusCore
import ApusTesting
import Foundation
import SQLiteConnector
import Tabular
import Testing

@Suite struct `SQLite in trouble` {
    @Test func `what cannot be opened is told apart`() throws {
        let folder = try TemporaryFolder(prefix: "apus-sqlite")
        let noDatabase = try folder.write(String(repeating: "this is text, no database. ", count: 50), to: "text.db")
        #expect(error { _ = try Database.open("sqlite:\(noDatabase)") }?.code == .malformedInput)
        #expect(error { _ = try Database.open("sqlite:\(folder.path)") }?.message.contains("folder") == true)
        #expect(error { _ = try Database.open("sqlite:\(folder.file("none/a.db"))") }?.code == .notFound)
        let near = error { _ = try Database.open("sqlite:\(folder.file("txt.db"))?mode=rw") }
        #expect(near?.code == .notFound && near?.hint == "Did you mean `text.db`?")
        #expect(error { _ = try Database.open("sqlite::memory:") }?.code == .configurationInvalid)
        let new = try Database.open("sqlite:\(folder.file("new.db"))")
        #expect(error { _ = try new.tables(schema: nil) }?.code == .notFound)
        #expect(!FileManager.default.fileExists(atPath: folder.file("new.db")))
        try new.execute("CREATE TABLE t (i)")
        #expect(try new.tables(schema: nil).count == 1)
        let readOnly = try Database.open("sqlite:\(folder.file("new.db"))?mode=ro")
        #expect(try readOnly.tables(schema: nil).count == 1)
        #expect(error { try readOnly.execute("CREATE TABLE u (i)") }?.code == .permission)
        #expect(error { _ = try readOnly.query("SELECT x FROM t") }?.code == .notFound)
    }

    @Test func `a lock that another process holds is a transient error, and a stop ends the wait`() throws {
        let database = try Database("CREATE TABLE t (i);")
        let holder = try database.open()
        try holder.execute("BEGIN EXCLUSIVE")
        let waiting = error { try database.open("busy_timeout=100ms").execute("INSERT INTO t VALUES (1)") }
        #expect(waiting?.code == .transient && waiting?.isTransient == true)
        let interrupt = Interrupt()
        Thread.detachNewThread {
            usleep(100_000)
            interrupt.fire()
        }
        let start = ContinuousClock.now
        let stopped = error { try database.open(interrupt: interrupt).execute("INSERT INTO t VALUES (1)") }
        #expect(stopped?.code == .cancelled && ContinuousClock.now - start < .seconds(2))
    }

    @Test func `a stop ends a long read`() throws {
        let interrupt = Interrupt()
        let database = try Database("CREATE TABLE t (i);")
        let session = try database.open(interrupt: interrupt)
        Thread.detachNewThread {
            usleep(100_000)
            interrupt.fire()
        }
        let start = ContinuousClock.now
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        #expect(error { _ = try session.query(endless) }?.code == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    @Test func `a full disk is told, and nothing of the slice stays`() throws {
        let database = try Database("PRAGMA journal_mode=wal; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);")
        let session = try database.open("init_sql=PRAGMA%20max_page_count%3D20")
        var load = load(
            "t", [ColumnShape("id", .int64, native: "x"), ColumnShape("name", .text, native: "x")], mode: .append)
        load.shape = try session.describe(TableName("t"))
        try session.prepare(load)
        let rows = batch(try session.accepts(load), (1...200).map { (Int64($0), String(repeating: "x", count: 2000)) })
        let writer = try session.writer(load)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        #expect(error { _ = try writer.write(rows) }?.code == .full)
        writer.abort()
        #expect(try database.cli("SELECT count(*) FROM t") == "0")
        #expect(try session.marks(load) == [])
    }

    @Test func `a process killed while it writes leaves only whole slices`() throws {
        let database = try Database()
        let session = try database.open()
        let load = load(
            "t", [ColumnShape("id", .int64, native: "x"), ColumnShape("name", .text, native: "x")], mode: .append)
        try session.prepare(load)
        try writeSlice(session, load, batch(session.accepts(load), [(1, "whole")]))
        // Another process in the middle of a transaction that has spilled to disk, then killed.
        let victim = try RunningCommand(
            "sqlite3", [database.path],
            stdin: """
                PRAGMA cache_size=5;
                BEGIN IMMEDIATE;
                WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) INSERT INTO t SELECT i, hex(zeroblob(100)) FROM n;
                SELECT 'written';
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;
                """)
        let deadline = ContinuousClock.now + .seconds(20)
        while !victim.outputSoFar.contains("written"), ContinuousClock.now < deadline { usleep(2000) }
        victim.signal(SIGKILL)
        #expect(victim.wait().status == 137)
        let after = try database.open()
        #expect(try after.query("SELECT count(*) FROM t") == [["1"]])
        #expect(try after.marks(load).count == 1)
        try writeSlice(after, load, batch(after.accepts(load), [(2, "next")]), slice: 1)
        try after.finish(load)
        #expect(try database.cli("SELECT count(*) FROM t; PRAGMA integrity_check") == "2\nok")
    }
}
