import ApusTesting
import Foundation
import Testing

/// Systems that cannot be reached, refuse the user, or lack what is asked for. The target stays as it was.
@Suite(.requires(.mariadb, .postgres)) struct ReachTests {
    let user: User
    init() throws { user = try User() }

    @Test(arguments: Kind.servers)
    func `a host that nobody knows is named, and the exit code says try again`(_ kind: Kind) throws {
        let scheme = kind == .mariadb ? "mysql" : "postgres"
        let target = try Store(.sqlite)
        try target.fill()
        let before = try target.dump()
        expect(try user.apus("copy", "\(scheme)://u@nowhere.invalid/d", target.url()), 75, "nowhere.invalid", "known", "hint: ")
        expect(try user.apus("copy", target.url(), "\(scheme)://u@nowhere.invalid/d"), 75, "nowhere.invalid", "known", "hint: ")
        expect(try user.apus("conn", "test", "\(scheme)://u@127.0.0.1:1/d"), 75, "127.0.0.1:1", "hint: ")
        #expect(try target.changes(since: before) == [])
    }

    @Test(arguments: Kind.servers)
    func `a wrong password, user or database is a matter of configuration`(_ kind: Kind) throws {
        let store = try Store(kind), target = try Store(.sqlite)
        let wrong = try user.apus("copy", store.url(user: store.kind == .mariadb ? "root" : "postgres", "wr0ng"), target.url())
        expect(wrong, 78, kind == .mariadb ? "user root" : "user \"postgres\"", "password", "hint: ")
        #expect(!(wrong.stdout + wrong.stderr).contains("wr0ng"))
        expect(try user.apus("conn", "test", store.url().replacing(store.database, with: "no_such_db")), 78, "no_such_db", "hint: ")
        #expect(!FileManager.default.fileExists(atPath: target.folder.file("a.db")))
    }

    @Test(arguments: Kind.engines)
    func `a missing table or column is told with the nearest name, and nothing is made`(_ kind: Kind) throws {
        let store = try Store(kind), target = try Store(kind)
        try store.fill()
        try target.fill(1)
        let before = try target.dump()
        expect(try user.apus("copy", store.url(), target.url(), "--table", "ordres"), 78, "`ordres`", "Did you mean `orders`?")
        expect(
            try user.apus("copy", store.url(), target.url(), "--table", "orders", "--columns", "id,amuont"), 78, "orders", "`amuont`", "amount")
        expect(try user.apus("copy", store.url(), target.url(), "--table", "orders", "--where", "nmae = 1"), 78, "orders", "nmae")
        expect(try user.apus("copy", store.url(), target.url(), "--query", "SELECT nope FROM orders", "--to", "x"), 78, "nope")
        expect(try user.apus("copy", store.url(), target.url(), "--table", "orders", "--slice-by", "ide"), 78, "orders", "`ide`", "`id`")
        expect(try user.apus("copy", store.url(), target.url(), "--mode", "upsert", "--key", "amuont"), 78, "orders", "`amuont`")
        expect(try user.apus("copy", store.url(), target.url(), "--mode", "append", "--watermark", "amuont"), 78, "orders", "`amuont`")
        expect(try user.apus("copy", store.url(), target.url(), "--create", "require", "--to", "orderz"), 78, "orderz")
        #expect(try target.changes(since: before) == [])
    }

    @Test(arguments: Kind.servers)
    func `a user who may not read is told which table and which right`(_ kind: Kind) throws {
        let store = try Store(kind), target = try Store(.sqlite)
        try store.fill()
        let name = "reader_\(store.database)"
        switch kind {
        case .mariadb: try store.run("CREATE USER \(name) IDENTIFIED BY 'pw'; GRANT SELECT (id) ON orders TO \(name);")
        default: try store.run("CREATE ROLE \(name) LOGIN PASSWORD 'pw';")
        }
        let result = try user.apus("copy", store.url(user: name, "pw"), target.url(), "--table", "orders", "--where", "name <> ''")
        #expect(result.status == 78 || result.status == 1, "\(result.stderr)")
        expect(result, result.status, "orders", "denied", "rant")
        #expect(try target.dump() == "" || !target.dump().contains("orders"))
    }

    @Test(arguments: Kind.servers)
    func `a user who may not create or write is told so, and the table is as it was`(_ kind: Kind) throws {
        let store = try Store(kind), source = try Store(.sqlite)
        try source.fill()
        try store.fill(1)
        let name = "writer_\(store.database)"
        switch kind {
        case .mariadb: try store.run("CREATE USER \(name) IDENTIFIED BY 'pw'; GRANT SELECT ON \(store.database).* TO \(name);")
        default: try store.run("CREATE ROLE \(name) LOGIN PASSWORD 'pw'; GRANT SELECT ON orders TO \(name);")
        }
        let before = try store.dump()
        for arguments in [["--to", "fresh"], ["--mode", "replace"], ["--mode", "append"], ["--mode", "truncate"], ["--mode", "upsert"]] {
            let result = try user.run(["copy", source.url(), store.url(user: name, "pw"), "--attempts", "1"] + arguments)
            #expect([1, 78].contains(result.status), "\(arguments) \(result.stderr)")
            expect(result, result.status, "object.permission", "rant", "hint: ")
            #expect(!result.stderr.contains("could not be removed"), "\(result.stderr)")
        }
        #expect(try store.changes(since: before) == [])
    }

    @Test(arguments: Kind.engines)
    func `replace does not touch a table that others refer to`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill()
        try target.fill(1)
        try target.run("CREATE TABLE items (id int PRIMARY KEY, orders_id bigint, FOREIGN KEY (orders_id) REFERENCES orders (id)); INSERT INTO items VALUES (1, 1);")
        let before = try target.dump()
        // SQLite checks foreign keys only when it is asked to: emptying the table is no fault there.
        for mode in kind == .sqlite ? ["replace"] : ["replace", "truncate"] {
            let result = try user.apus("copy", source.url(), target.url(), "--table", "orders", "--mode", mode)
            #expect([1, 78].contains(result.status))
            expect(result, result.status, "orders", "items", "target.referenced", "upsert")
            #expect(try target.changes(since: before) == [])
        }
        expect(try user.apus("copy", source.url(), target.url(), "--table", "orders", "--mode", "upsert"), 0)
        #expect(try target.rows() == Store.filled())
    }
}
