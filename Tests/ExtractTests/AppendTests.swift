import ApusTesting
import Foundation
import Testing

/// Rows that are added: what was added once must not be added again, whatever ended the run.
@Suite(.requires(.mariadb, .postgres)) struct AppendTests {
    /// Two shards of days; a row of the second one has no name, which the target refuses.
    private static let shards = """
        CREATE TABLE o_0 (id int NOT NULL PRIMARY KEY, name varchar(20), day date NOT NULL);
        CREATE TABLE o_1 LIKE o_0;
        INSERT INTO o_0 VALUES (1, 'a', '2026-11-20'), (2, 'b', '2026-11-20'), (3, 'c', '2026-11-21');
        INSERT INTO o_1 VALUES (11, 'k', '2026-11-20'), (12, NULL, '2026-11-20'), (13, 'm', '2026-11-21');
        """
    private static let target = "CREATE TABLE o (id int NOT NULL, name varchar(20) NOT NULL, day date NOT NULL);"

    private func night(_ kind: Place.Kind, _ targetKind: Place.Kind, column: String = "day", etlType: Int = 1) throws -> (
        Night, erp: Place, dw: Place
    ) {
        let erp = try Place(.mariadb, Self.shards), dw = try Place(targetKind, Self.target), night = try Night(kind)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("o_[0-1]", to: "o", etlType: etlType, column: column)
        return (night, erp, dw)
    }

    @Test(arguments: [Place.Kind.sqlite, .mariadb, .postgres], [Place.Kind.postgres, .mariadb])
    func `an append that failed half-way is gone on with by the next run, of the same day or a later one`(
        _ kind: Place.Kind, _ targetKind: Place.Kind
    ) throws {
        let (night, erp, dw) = try night(kind, targetKind)
        let first = try night.extract("--day", "2026-11-20", "--increment", "append", "--parallel", "1")
        expect(first, 1)
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2"])
        // As long as the fault stays, nothing is added twice.
        expect(try night.extract("--day", "2026-11-20", "--increment", "append"), 1, "which had not come to its end")
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2"])
        try erp.run("UPDATE o_1 SET name = 'l' WHERE id = 12;")
        expect(try night.extract("--day", "2026-11-21", "--increment", "append"), 0, "which had not come to its end")
        #expect(try dw.lines("SELECT id, name FROM o ORDER BY id") == ["1|a", "2|b", "3|c", "11|k", "12|l", "13|m"])
        let log = try night.control.lines("SELECT etl_begintime, etl_endtime, is_finished FROM datax_log ORDER BY dt")
        #expect(log == ["2026-11-20|2026-11-21|1", "2026-11-21|2026-11-22|1"])
        expect(try night.extract("--retry-failed", "--increment", "append"), 0, "nothing is unfinished")
    }

    @Test func `bad rows that are allowed now let the interrupted append come to its end`() throws {
        let (night, _, dw) = try night(.sqlite, .postgres)
        expect(try night.extract("--day", "2026-11-20", "--increment", "append", "--parallel", "1"), 1)
        expect(try night.extract("--retry-failed", "--increment", "append", "--bad-rows", "5"), 0)
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2", "11"])
        #expect(try night.control.lines("SELECT error_num FROM datax_row_error ORDER BY id DESC LIMIT 1") == ["1"])
    }

    @Test func `increments by condition are gone on with too, and what was given up is not`() throws {
        let (night, erp, dw) = try night(.sqlite, .postgres, column: "id < 1000", etlType: 2)
        expect(try night.extract("--day", "2026-11-20", "--parallel", "1"), 1)
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2", "3"])
        let id = try night.control.lines("SELECT run_id FROM apus_run")[0]
        expect(try night.apus("resume", id, "--discard", "--ledger", night.controlURL), 0)
        try erp.run("UPDATE o_1 SET name = 'l' WHERE id = 12; DELETE FROM o_0;")
        expect(try night.extract("--day", "2026-11-20"), 0)
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2", "3", "11", "12", "13"])
    }

    @Test func `a killed append and a later day come to one row each`() throws {
        let rows = 160_000
        let erp = try Place(
            .mariadb,
            """
            CREATE TABLE o (id int NOT NULL PRIMARY KEY, day date NOT NULL, KEY (day));
            INSERT INTO o SELECT seq, DATE '2026-11-20' + INTERVAL (seq MOD 2) DAY FROM seq_1_to_\(rows);
            """)
        let dw = try Place(.postgres), night = try Night(.mariadb)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("o", to: "o", etlType: 1, column: "day", ["split_pk_field": "'id'"])
        let first = try night.start("--day", "2026-11-20", "--increment", "append", "--per-connection", "1", "--rows-per-second", "30000")
        try wait(
            "a slice in the target", until: { try night.control.lines("SELECT count(*) FROM apus_slice WHERE state = 'done'") != ["0"] })
        first.signal(SIGKILL)
        _ = first.wait()
        expect(try night.extract("--day", "2026-11-21", "--increment", "append"), 0)
        #expect(try dw.lines("SELECT count(*), count(DISTINCT id), min(day), max(day) FROM o") == ["\(rows)|\(rows)|2026-11-20|2026-11-21"])
        #expect(try night.control.lines("SELECT count(*) FROM datax_log WHERE is_finished = 1") == ["2"])
    }

    @Test func `two workers of one backfill add each day once`() throws {
        let erp = try Place(
            .mariadb,
            """
            CREATE TABLE o (id int NOT NULL PRIMARY KEY, day date NOT NULL, KEY (day));
            INSERT INTO o SELECT seq, DATE '2026-11-01' + INTERVAL (seq MOD 6) DAY FROM seq_1_to_6000;
            """)
        let dw = try Place(.postgres), night = try Night(.mariadb)
        try night.connections(["erp": erp, "dw": dw])
        try night.job()
        try night.row("o", to: "o", etlType: 1, column: "day")
        let both = try (0..<2).map { _ in
            try night.start("--from", "2026-11-01", "--to", "2026-11-06", "--increment", "append", "--rows-per-second", "4000")
        }
        for worker in both { expect(worker.wait(), 0) }
        #expect(try dw.lines("SELECT count(*), count(DISTINCT id) FROM o") == ["6000|6000"])
        #expect(try night.control.lines("SELECT etl_num FROM datax_config") == ["6"])
    }

    @Test(arguments: [Place.Kind.postgres, .mariadb])
    func `rows that fill one target wait for each other`(_ targetKind: Place.Kind) throws {
        let erp = try Place(.mariadb, Self.shards + "UPDATE o_1 SET name = 'l' WHERE id = 12;")
        let dw = try Place(targetKind, Self.target), night = try Night()
        try night.connections(["erp": erp, "dw": dw])
        for number in 0..<2 {
            try night.job(number + 1)
            try night.row("o_\(number)", to: "o", job: number + 1, etlType: 2, column: "1=1")
        }
        expect(try night.extract("--parallel", "4"), 0, "both fill o")
        #expect(try dw.lines("SELECT id FROM o ORDER BY id") == ["1", "2", "3", "11", "12", "13"])
    }
}
