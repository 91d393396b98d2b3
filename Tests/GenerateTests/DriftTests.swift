import ApusTesting
import Foundation
import Testing

@Suite(.requires(.mariadb, .postgres)) struct `apus drift` {
    private func desk() throws -> Desk {
        let desk = try Desk(
            .mariadb, to: .postgres, control: .sqlite,
            """
            CREATE TABLE orders (id int NOT NULL PRIMARY KEY, note varchar(40), amount decimal(10,2)); CREATE TABLE plain (id int);
            """)
        try desk.target.run(
            "CREATE TABLE ods_orders (id int NOT NULL PRIMARY KEY, note varchar(40), amount numeric(10,2)); CREATE TABLE ods_plain (id int)"
        )
        expect(try desk.apus("generate", "--from", "erp", "--to", "dw", "--name", "ods_{table}", "--into", "control"), 0)
        return desk
    }

    private func drift(_ desk: Desk, _ arguments: String...) throws -> CommandResult {
        try desk.shell("exec apus drift --control control \"$@\"", arguments)
    }

    @Test func `what agrees is no drift`() throws {
        let desk = try desk()
        expect(try drift(desk), 0, "no drift: 2 rows agree")
    }

    @Test func `changes of the source are told by table and column`() throws {
        let desk = try desk()
        try desk.source.run("ALTER TABLE orders ADD late int, DROP amount, MODIFY note varchar(80); DROP TABLE plain")
        let found = try drift(desk, "--output", "json")
        #expect(found.status == 2)
        let changes = try #require(try JSONSerialization.jsonObject(with: Data(found.stdout.utf8)) as? [[String: String]])
        #expect(
            Set(changes.map { "\($0["kind"]!) \($0["table"]!) \($0["column"] ?? "")" }) == [
                "column.new orders late", "column.gone orders amount", "column.changed orders note", "target.lossy orders note",
                "table.gone plain ",
            ])
        #expect(changes.first { $0["kind"] == "column.changed" }?["detail"] == "varchar(40) is now varchar(80)")
    }

    @Test func `changes of the target are told, also a column that nobody fills`() throws {
        let desk = try desk()
        try desk.target.run("ALTER TABLE ods_orders DROP note, ADD must int NOT NULL, ALTER amount TYPE numeric(5,2); DROP TABLE ods_plain")
        try desk.control.run("UPDATE datax_config SET etl_num = 3 WHERE src_table_name = 'plain'")
        let found = try drift(desk)
        expect(
            found, 2, "target.column_gone", "target.column_unfed", "target.lossy", "target.gone", "after 3 loads",
            "differences in 2 of 2 tables")
    }

    @Test func `a row that the source refuses is told with the source's words`() throws {
        let desk = try desk()
        try desk.control.run("UPDATE datax_config SET src_table_column = 'id, upper(nix) as note, amount' WHERE src_table_name = 'orders'")
        expect(try drift(desk, "--like", "orders"), 2, "row.invalid", "nix")
        try desk.control.run("UPDATE datax_config SET src_table_column = 'id, upper(note' WHERE src_table_name = 'orders'")
        expect(try drift(desk, "--like", "orders"), 2, "row.invalid", "a `)` is missing")
    }

    @Test func `disabled rows and other tables are left out`() throws {
        let desk = try desk()
        try desk.source.run("DROP TABLE plain")
        expect(try drift(desk, "--exclude", "plain"), 0)
        try desk.control.run("UPDATE datax_config SET status = 1 WHERE src_table_name = 'plain'")
        expect(try drift(desk), 0, "1 rows agree")
        expect(try drift(desk, "--like", "plain"), 78, "no active row")
    }
}
