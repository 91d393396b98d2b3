import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import ApusControl

@Suite struct ControlDatabaseTests {
    private func control(_ place: LedgerPlace) throws -> ControlDatabase {
        try ControlDatabase(
            connector: place.connector, endpoint: Endpoint(ConnectionURL(parsing: place.url), place.connector), patience: 1)
    }

    @Test(arguments: LedgerHome.tested) func `rows and jobs come back as they were put`(_ home: LedgerHome) throws {
        let place = try LedgerPlace(home)
        let control = try control(place)
        let made = try control.create()
        #expect(made.filter { $0.hasPrefix("datax_") }.count == 6)
        // A second time there is nothing to make.
        #expect(try control.create() == [])
        var job = ControlJob(source: "erp", target: "warehouse")
        job.id = 7
        #expect(try control.put([job]) == (1, 0))
        var row = ControlRow("dbo.订单", to: "ods.订单")
        row.jobID = 7
        row.relation = "t left join \"x\" on 1=1"
        row.condition = "a = 'it''s ${x}; \\ \n' and b > ?"
        row.sourceColumns = "id, concat(a, ',', b) as 名"
        row.order = 1.125
        row.etlType = 1
        row.etlColumn = "t.updated_at"
        row.note = nil
        var late = ControlRow("a", to: "b")
        late.order = 2
        #expect(try control.put([late, row]) == (2, 0))
        let rows = try control.rows()
        #expect(rows.map(\.sourceTable) == ["dbo.订单", "a"])
        var expected = row
        expected.id = rows[0].id
        expected.createdAt = rows[0].createdAt
        #expect(rows[0] == expected)
        #expect(rows[0].createdAt?.isEmpty == false)
        // Without an id, source table and job say which row is meant.
        row.targetTable = "ods.other"
        #expect(try control.put([row]) == (0, 1))
        #expect(try control.rows()[0].targetTable == "ods.other")
        #expect(try control.rows()[0].id == expected.id)
        let jobs = try control.jobs()
        #expect(jobs.count == 1 && jobs[0].id == 7 && jobs[0].source == "erp")
        // The counter goes on behind ids that were given.
        #expect(try control.put([ControlJob(source: "x", target: "y")]) == (1, 0))
        #expect(try control.jobs().map(\.id) == [7, 8])
    }

    @Test(.requires(.mariadb)) func `a pydatax database of old, with fewer and other columns, is read and not altered`() throws {
        let server = try MariaDBServer.shared()
        let name = try server.makeDatabase()
        try server.execute(
            """
            CREATE TABLE datax_config (id int auto_increment primary key, type varchar(50), src_table_name varchar(60), json_id int,
              des_table_name varchar(60), split_pk_field varchar(60), relation varchar(1000), dcondition varchar(1000),
              src_table_column varchar(8000), des_table_column varchar(255), server_type int, ordernum decimal(6,3), status int,
              etl_type int, etl_column varchar(2000), owner_of_row varchar(20), unique key (src_table_name, json_id));
            INSERT INTO datax_config (type, src_table_name, json_id, des_table_name, relation, dcondition, src_table_column,
              des_table_column, server_type, ordernum, status, etl_type, owner_of_row)
            VALUES ('1', 'b', 1, 'ods.b', 't', '1=1', '*', '*', 0, 2.500, 1, 0, 'me'), ('1', 'a', 1, 'ods.a', NULL, NULL, 'x', '*', 3, 1, 0, 2, 'you');
            """, database: name)
        let before = try server.query("SHOW CREATE TABLE datax_config", database: name)
        let place = try LedgerPlace(.mariadb, url: server.url(database: name))
        let control = try control(place)
        let rows = try control.rows()
        #expect(rows.map(\.sourceTable) == ["a", "b"])
        #expect(rows[0].serverType == 3 && rows[0].increment == .condition && rows[0].isActive && rows[0].condition == "")
        #expect(rows[1].order == 2.5 && !rows[1].isActive)
        let made = try control.create()
        #expect(!made.contains("datax_config") && made.contains("datax_log"))
        #expect(try server.query("SHOW CREATE TABLE datax_config", database: name) == before)
        #expect(try server.query("SELECT owner_of_row FROM datax_config ORDER BY id", database: name) == [["me"], ["you"]])
    }
}

@Suite struct SelectListTests {
    @Test func `columns are told apart whatever stands in them`() throws {
        let list = try ApusControl.SelectList(
            "id, t.name, concat(a, ',', '(') as 全名, now() etl_time, 'a,b' \"q d\", 状态, case when x=1 then 2 else 3 end as c, a+b, NULL as z, (select max(x) from y) m"
        )
        #expect(
            list.items.map(\.name) == ["id", "name", "全名", "etl_time", "q d", "状态", "c", nil, "z", "m"])
        #expect(
            list.items.map(\.expression) == [
                "id", "t.name", "concat(a, ',', '(')", "now()", "'a,b'", "状态", "case when x=1 then 2 else 3 end", "a+b", "NULL",
                "(select max(x) from y)",
            ])
        #expect(list.items.map(\.isColumn) == [true, true, false, false, false, true, false, false, false, false])
        #expect(try ApusControl.SelectList("*").isStar)
        #expect(try ApusControl.SelectList(" a as b ").items == [.init(expression: "a", name: "b", path: ["a"])])
    }

    @Test(arguments: ["a,,b", "a, 'b", "f(a", "a)", "", "a, /* b"]) func `a broken list is refused`(_ text: String) {
        #expect(throws: ApusError.self) { try ApusControl.SelectList(text) }
    }

    @Test func `a script is cut into statements, not within strings, comments and parentheses`() throws {
        let scan = try SQLScan("a ';' b; -- c; d\n/* ; */ e (f;g) `;` \";\";\n;\n$x$ ; $x$\n# h ; i\n;")
        #expect(scan.statements == ["a ';' b", "-- c; d\n/* ; */ e (f;g) `;` \";\"", "$x$ ; $x$\n# h ; i"])
    }

    @Test func `backslashes are MySQL's where they can be`() throws {
        #expect(try SQLScan("a = '\\'' ; b").statements.count == 2)
        #expect(try SQLScan("a = '\\'; b").statements.count == 2)
    }
}
