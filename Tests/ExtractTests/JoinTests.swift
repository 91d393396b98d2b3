import ApusTesting
import Foundation
import Testing

/// Rows whose `relation` joins other tables.
@Suite(.requires(.mariadb, .postgres)) struct JoinTests {
    @Test(arguments: [Place.Kind.mariadb, .postgres, .sqlite])
    func `days are cut by the column of the right table, and a day that runs twice gives the same rows`(_ kind: Place.Kind) throws {
        let erp = try Place(
            kind,
            """
            CREATE TABLE bill (id int NOT NULL PRIMARY KEY, day date, shop int);
            INSERT INTO bill VALUES (1, '2026-11-20', 1), (2, '2026-11-21', 1), (3, '2026-11-21', 2), (4, '2026-11-22', 1);
            CREATE TABLE shop (id int NOT NULL PRIMARY KEY, day date, name varchar(20));
            INSERT INTO shop VALUES (1, '2026-11-21', '一店');
            """)
        let dw = try Place(kind == .postgres ? .mariadb : .postgres), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        for number in 1...3 { try night.job(number) }
        let join = night.quote("t left join shop s on s.id = t.shop")
        try night.row(
            "bill", to: "plain", etlType: 1, column: "t.day", ["relation": join, "src_table_column": night.quote("t.id, t.day, s.name")])
        try night.row(
            "bill", to: "renamed", job: 2, etlType: 1, column: "t.day",
            ["relation": join, "src_table_column": night.quote("t.id, s.day, t.day as bill_day, s.name")])
        try night.row(
            "bill", to: "listed", job: 3, etlType: 1, column: "t.DAY",
            [
                "relation": join, "src_table_column": night.quote("t.id, s.day, t.day"),
                "des_table_column": night.quote("no,shop_day,bill_day"),
            ])
        for day in ["2026-11-20", "2026-11-21", "2026-11-21", "2026-11-20"] { expect(try night.extract("--day", day), 0) }
        #expect(
            try dw.lines("SELECT id, day, name FROM plain ORDER BY id") == ["1|2026-11-20|一店", "2|2026-11-21|一店", "3|2026-11-21|NULL"])
        for (table, key) in [("renamed", "id"), ("listed", "no")] {
            #expect(
                try dw.lines("SELECT \(key), bill_day FROM \(table) ORDER BY \(key)")
                    == ["1|2026-11-20", "2|2026-11-21", "3|2026-11-21"], "\(table)")
        }
    }
}
