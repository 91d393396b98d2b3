import ApusTesting
import Foundation
import Testing

/// Several sources for one row.
@Suite(.requires(.mariadb, .postgres)) struct GroupTests {
    @Test func `branches go into one table with their constants, NULL where a column is missing, and what differs is told`() throws {
        let head = try Place(
            .mariadb,
            "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, name varchar(20), amount decimal(10,2), day date); INSERT INTO orders VALUES (1, '总', 1.5, '2026-11-21'), (2, 'b', NULL, '2026-11-20');"
        )
        let fz = try Place(
            .postgres,
            "CREATE TABLE orders (id int PRIMARY KEY, name text, extra text, day date); INSERT INTO orders VALUES (1, 'fz', 'only here', '2026-11-21')"
        )
        let xm = try Place(
            .mariadb,
            "CREATE TABLE orders (id bigint PRIMARY KEY, amount varchar(9), name varchar(20), day date); INSERT INTO orders VALUES (1, '7.25', 'x''m', '2026-11-21');"
        )
        for kind in Place.Kind.allCases {
            let dw = try Place(kind), night = try Night()
            try night.connections(
                "head: \(head.url())\nfz: \(fz.url())\nxm: \(xm.url())\ndw: \(dw.url())\nbranches:\n  - { connection: head, tenant_id: hq, no: 1 }\n  - { connection: fz, tenant_id: fz, no: 2 }\n  - { connection: xm, tenant_id: \"x'm\", no: 3 }\n"
            )
            try night.job(1, from: "branches")
            try night.row("orders", to: "orders")
            let result = try night.extract()
            expect(result, 0, "only fz has the column `extra`", "`id` is int64 in xm and int32 in head")
            #expect(
                try dw.lines("SELECT tenant_id, no, id, name, amount FROM orders ORDER BY no, id").map {
                    $0.replacing("7.25", with: "7.2500").replacing("1.50", with: "1.5")
                } == ["hq|1|1|总|1.5", "hq|1|2|b|NULL", "fz|2|1|fz|NULL", "x'm|3|1|x'm|7.2500"], "\(kind)")
            // The day of all branches.
            try night.row("orders", to: "of_a_day", job: 2, etlType: 1, column: "t.day")
            try night.job(2, from: "branches")
            for _ in 0..<2 {
                expect(try night.extract("--day", "2026-11-21", "--table", "of_a_day"), 0)
                #expect(try dw.lines("SELECT tenant_id, id FROM of_a_day ORDER BY no") == ["hq|1", "fz|1", "x'm|1"])
            }
        }
    }

    @Test func `a list of columns is NULL where a member lacks one, and case in names does not matter`() throws {
        let head = try Place(
            .mariadb,
            "CREATE TABLE orders (id int NOT NULL PRIMARY KEY, note varchar(20), day date); INSERT INTO orders VALUES (1, 'a', '2026-11-21'), (2, 'b', '2026-11-20');"
        )
        let fz = try Place(.mariadb, "CREATE TABLE orders (id int PRIMARY KEY, day date); INSERT INTO orders VALUES (1, '2026-11-21');")
        let xm = try Place(
            .mariadb,
            "CREATE TABLE orders (ID int PRIMARY KEY, NOTE varchar(20), day date); INSERT INTO orders VALUES (1, 'x', '2026-11-21');")
        let dw = try Place(.postgres), night = try Night()
        try night.connections(
            "head: \(head.url())\nfz: \(fz.url())\nxm: \(xm.url())\ndw: \(dw.url())\nbranches:\n  - { connection: head, tenant: h }\n  - { connection: fz, tenant: fz }\n  - { connection: xm, tenant: xm }\n"
        )
        try night.job(1, from: "branches")
        try night.job(2, from: "branches")
        try night.row(
            "orders", to: "listed", etlType: 1, column: "day",
            ["src_table_column": night.quote("id, t.note, concat(id, ',', day) as both_of, t.day")])
        try night.row("orders", to: "whole", job: 2)
        let result = try night.extract("--day", "2026-11-21")
        expect(result, 0)
        #expect(!(result.stderr + result.stdout).contains("only xm has"), "\(result.stderr)")
        #expect(
            try dw.lines("SELECT tenant, id, note, both_of FROM listed ORDER BY tenant") == [
                "fz|1|NULL|1,2026-11-21", "h|1|a|1,2026-11-21", "xm|1|x|1,2026-11-21",
            ])
        #expect(try dw.lines("SELECT tenant, id, note FROM whole ORDER BY tenant, id") == ["fz|1|NULL", "h|1|a", "h|2|b", "xm|1|x"])
    }

    @Test func `shards of several members go into one table, with constants of any length`() throws {
        func branch(_ first: Int) throws -> Place {
            try Place(
                .mariadb,
                (0..<2).map {
                    "CREATE TABLE orders_0\($0) (id int NOT NULL PRIMARY KEY, v int); INSERT INTO orders_0\($0) VALUES (\(first + $0), 5);"
                }.joined())
        }
        let head = try branch(1), fz = try branch(1), dw = try Place(.postgres), night = try Night()
        try night.connections(
            "head: \(head.url())\nfz: \(fz.url())\ndw: \(dw.url())\nbranches:\n  - { connection: head, tenant: h }\n  - { connection: fz, tenant: fuzhou }\n"
        )
        try night.job(1, from: "branches")
        try night.row("orders_[00-31]", to: "orders")
        expect(try night.extract(), 0)
        #expect(try dw.lines("SELECT tenant, id FROM orders ORDER BY tenant, id") == ["fuzhou|1", "fuzhou|2", "h|1", "h|2"])
    }

    @Test func `shard tables that a pattern or a regular expression means go into one`() throws {
        var sql = "CREATE TABLE orders_99x (id int, v int); INSERT INTO orders_99x VALUES (99, 99);"
        for number in 0..<8 {
            sql +=
                "CREATE TABLE orders_0\(number) (id int NOT NULL PRIMARY KEY, v int); INSERT INTO orders_0\(number) VALUES (\(number), \(number * 10));"
        }
        let erp = try Place(.mariadb, sql), dw = try Place(.postgres), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("orders_[00-31]", to: "by_pattern")
        try night.row("/orders_[0-9]+/", to: "by_expression")
        try night.row("nothing_[00-31]", to: "nothing")
        let result = try night.extract()
        expect(result, 1, "no table of", "nothing_[00-31]")
        for table in ["by_pattern", "by_expression"] {
            #expect(try dw.lines("SELECT id, v FROM \(table) ORDER BY id") == (0..<8).map { "\($0)|\($0 * 10)" })
        }
    }
}
