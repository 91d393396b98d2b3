import ApusTesting
import Foundation
import Testing

/// Disks that are full.
@Suite(.enabled(if: geteuid() == 0, "only root can mount a small disk"), .requires(.mariadb, .postgres)) struct DiskTests {
    let user: User
    init() throws { user = try User() }

    /// A disk of 4 MiB; nil where mounting is forbidden.
    private func disk(_ store: Store) throws -> String? {
        let path = store.folder.file("disk")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return try runCommand("mount", ["-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", path]).status == 0 ? path : nil
    }

    @Test(arguments: Kind.allCases)
    func `a full disk is said as such, nothing of the failed load is kept, and with room the same run goes on`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill(60_000)
        try source.run(
            "UPDATE orders SET name = name || ' and a long text that fills the disk, a long text that fills the disk, a long text that fills the disk'"
        )
        guard let disk = try disk(target) else { return }
        defer {
            // The shared server must not be left with a tablespace that is gone.
            if kind == .postgres {
                try? PostgresServer.shared().execute("DROP DATABASE \(target.database);\nDROP TABLESPACE small_\(target.database);")
            }
            _ = try? runCommand("umount", ["-l", disk])
        }
        let url: String
        var mode = "replace"
        switch kind {
        case .sqlite: url = "sqlite:\(disk)/a.db"
        case .csv: url = "csv:\(disk)/"
        case .postgres:
            try runCommand("chown", ["postgres", disk])
            let space = "small_\(target.database)"
            try PostgresServer.shared().execute("CREATE TABLESPACE \(space) LOCATION '\(disk)'")
            try PostgresServer.shared().execute("ALTER DATABASE \(target.database) SET default_tablespace = '\(space)'")
            url = target.url()
        case .mariadb:
            mode = "append"
            try target.run(
                "CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, name varchar(200), amount decimal(12,2)) DATA DIRECTORY='\(disk)'")
            url = target.url()
        }
        let before = kind == .sqlite || kind == .csv ? "" : try target.dump()
        let result = try user.apus("copy", source.url(), url, "--table", "orders", "--mode", mode, "--slices", "1", "--attempts", "1")
        expect(result, 1, "orders", "target.full", "hint: ")
        switch kind {
        case .csv: #expect(!FileManager.default.fileExists(atPath: "\(disk)/orders.csv"))
        case .sqlite:
            let tables = try runCommand("sqlite3", ["\(disk)/a.db", "SELECT name FROM sqlite_master"]).stdout
            #expect(!tables.contains("orders\n") || tables.contains("apus_stg"))
        case .mariadb: #expect(try target.rows() == [])
        case .postgres: #expect(try !target.changes(since: before).contains { $0.contains("TABLE public.orders") })
        }
        // There is room again.
        #expect(try runCommand("mount", ["-o", "remount,size=200m", disk]).status == 0)
        expect(try user.apus("resume"), 0)
        let sum = "SELECT count(*), sum(id), sum(length(name)) FROM orders"
        switch kind {
        case .csv: #expect(try String(contentsOfFile: "\(disk)/orders.csv", encoding: .utf8).split(separator: "\n").count == 60_001)
        case .sqlite:
            #expect(
                try runCommand("sqlite3", ["-separator", ",", "\(disk)/a.db", sum]).stdout == source.ask(sum)[0].joined(separator: ",")
                    + "\n")
        default:
            #expect(try target.ask(sum) == source.ask(sum))
            try expectNothingLeft(target)
        }
        if kind == .mariadb { try target.run("DROP TABLE orders") }
    }
}
