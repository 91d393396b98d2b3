import ApusTesting
import Foundation
import Testing

/// What fails is said at once, not when all rows have passed by.
@Suite(.requires(.postgres)) struct EarlyFailureTests {
    @Test(arguments: [true, false])
    func `an error of the first row ends a load long before its last row is read`(_ passesThrough: Bool) throws {
        let typist = try Typist(), source = try Store(.postgres), target = try Store(.postgres)
        // Minutes of rows, of which the first twenty thousand come at once.
        try source.run(
            """
            CREATE FUNCTION slow(i bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN IF i > 20000 AND i % 4 = 0 THEN PERFORM pg_sleep(0.001); END IF; RETURN i; END $$;
            CREATE VIEW t AS SELECT slow(i) AS id, i AS v FROM generate_series(1::bigint, 600000) i;
            """)
        try target.run("CREATE TABLE t (id bigint CHECK (id > 1), v \(passesThrough ? "bigint" : "numeric"))")
        let start = Date()
        let result = try typist.apus(
            "copy", source.url(), target.url(), "--table", "t", "--mode", "append", "--slices", "1", "--ledger", typist.ledger)
        expect(result, 1, "row.too_many_rejected")
        #expect(-start.timeIntervalSinceNow < 50)
        #expect(try target.ask("SELECT count(*) FROM t") == [["0"]])
    }

    @Test func `a rate limit does not delay a failure`() throws {
        let typist = try Typist()
        try typist.sqlite("t.db", "CREATE TABLE t (id integer CHECK (id > 1), v text)")
        _ = try typist.write("id,v\n" + (1...20_000).map { "\($0),x\n" }.joined(), to: "t.csv")
        let start = Date()
        let result = try typist.apus(
            "copy", "csv:" + typist.odd("t.csv"), typist.url("t.db"), "--rows-per-second", "200", "--ledger", typist.ledger)
        expect(result, 1, "row.too_many_rejected")
        #expect(-start.timeIntervalSinceNow < 15)
    }
}
