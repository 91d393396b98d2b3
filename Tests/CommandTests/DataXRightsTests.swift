import ApusTesting
import Testing

/// Jobs whose user may do what DataX needs, and no more: nothing is to be made in the target's database.
@Suite(.requires(.mariadb, .postgres)) struct DataXRightsTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    @Test(arguments: Kind.servers, [1, 3])
    func `a user who may only read and write the one table is enough`(_ kind: Kind, _ channels: Int) throws {
        let source = try Store(.mariadb), target = try Store(kind)
        try source.fill(30_000)
        let user = "w\(target.database)"
        try target.run("CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, name varchar(200), amount decimal(12,2))")
        if kind == .mariadb {
            try target.run(
                "CREATE USER \(user)@'127.0.0.1' IDENTIFIED BY 'pw'; GRANT SELECT, INSERT, DELETE ON orders TO \(user)@'127.0.0.1'")
        } else {
            try target.run(
                "CREATE ROLE \(user) LOGIN PASSWORD 'pw'; GRANT SELECT, INSERT, DELETE ON orders TO \(user); REVOKE CREATE ON SCHEMA public FROM public"
            )
        }
        let reader = source.reader("orders", more: #""splitPk": "id","#)
        let writer = """
            {"name": "\(kind == .mariadb ? "mysql" : "postgresql")writer", "parameter": {"username": "\(user)", "password": "pw", "column": ["*"],
              "preSql": ["DELETE FROM @table"], "connection": [{"table": ["orders"], "jdbcUrl": "\(target.jdbc)"}]}}
            """
        let job = DataXDesk.job(reader, writer, setting: "\"speed\": {\"channel\": \(channels)}, \"errorLimit\": {\"record\": 0}")
        for _ in 0..<2 {
            let result = try desk.run(job)
            expect(result, 0)
            #expect(statistic("读出记录总数", in: result.stdout) == "30000")
            #expect(try target.rows() == source.rows())
        }
        try expectNothingLeft(target)
    }
}
