import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import PostgresConnector

@Suite struct WriteTests {
    static let checked = "CREATE TABLE b (id int PRIMARY KEY, v text NOT NULL, n int CHECK (n < 100))"

    @Test(.requires(.postgres)) func `a bad row fails a fast slice with row rejected and leaves nothing`() throws {
        let place = try Place()
        try place.sql(
            "\(Self.checked); CREATE TABLE a AS SELECT g AS id, 'v'||g AS v, CASE WHEN g = 700 THEN 100 ELSE 1 END AS n FROM generate_series(1, 2000) g"
        )
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let read = try place.read(source, "a")
        let error = #expect(throws: ApusError.self) { try move(read, from: source, load, to: sink) }
        #expect(error?.code == .rowRejected)
        #expect(error?.description.contains("v700") == false)
        #expect(try place.values("SELECT count(*) FROM b") == ["0"])
        #expect(try sink.marks(load) == [])
        // The same connection goes on with care.
        let copied = try move(read, from: source, load, to: sink, careful: true)
        #expect(copied.written == 1999)
        #expect(copied.rejected.count == 1)
        #expect(copied.rejected.first?.row == 699)
        #expect(copied.rejected.first?.values == #"{"id":700,"v":"v700","n":100}"#)
        #expect(copied.rejected.first?.reason.contains("PG 23514: new row for relation \"b\" violates check constraint") == true)
        #expect(try place.values("SELECT count(*) FROM b WHERE id <> 700") == ["1999"])
        #expect(try sink.marks(load) == [SliceMark(slice: 0, read: 2000, written: 1999, rejected: 1)])
    }

    @Test(.requires(.postgres)) func `duplicates, NULLs, deferred keys and trigger errors are found one by one`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1);
            CREATE TABLE b (id int PRIMARY KEY, v text NOT NULL, p int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.v = 'secret' THEN RAISE 'no %', NEW.v; END IF; RETURN NEW; END $$;
            CREATE TRIGGER r BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION refuse();
            CREATE TABLE a (id int, v text, p int);
            INSERT INTO a SELECT g, 'x', 1 FROM generate_series(1, 50) g;
            INSERT INTO a VALUES (7, 'again', 1), (51, NULL, 1), (52, 'x', 2), (53, 'secret', 1), (54, 'x', 1)
            """)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let read = try place.read(source, "a")
        let error = #expect(throws: ApusError.self) { try move(read, from: source, load, to: sink) }
        #expect(error?.code == .rowRejected)
        let copied = try move(read, from: source, load, to: sink, careful: true)
        #expect(copied.rejected.map(\.row) == [50, 51, 52, 53])
        #expect(copied.rejected.map { String($0.reason.prefix(8)) } == ["PG 23505", "PG 23502", "PG 23503", "PG P0001"])
        #expect(copied.rejected[1].column == "v")
        #expect(try place.values("SELECT count(*) FROM b") == ["51"])
    }

    @Test(.requires(.postgres)) func `a deferred constraint fails a fast slice before it is marked`() throws {
        let place = try Place()
        try place.sql(
            "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE b (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED); CREATE TABLE a AS SELECT 9 AS p"
        )
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let error = #expect(throws: ApusError.self) { try move(place.read(source, "a"), from: source, load, to: sink) }
        #expect(error?.code == .rowRejected)
        #expect(try place.values("SELECT count(*) FROM b") == ["0"])
    }

    @Test(.requires(.postgres), arguments: [false, true]) func `what PostgreSQL cannot hold is rejected by the encoder`(text: Bool) throws {
        let place = try Place()
        try place.sql("CREATE TABLE b (id int, v text, d date, s timestamp, t time\(text ? ", x inet" : ""))")
        let sink = try place.session()
        let load = try place.load(sink, "b", columns: ["id", "v", "d", "s", "t"] + (text ? ["x"] : []))
        try sink.prepare(load)
        let schema = try sink.accepts(load)
        let batch = Batch(schema: schema, rowCapacity: 10)
        func add(_ id: Int64, _ v: String, _ d: Int64, _ s: Int64, _ t: Int64) {
            batch.columns[0].append(id)
            batch.columns[1].append(v)
            batch.columns[2].append(d)
            batch.columns[3].append(s)
            batch.columns[4].append(t)
            if text { batch.columns[5].appendNull() }
            batch.endRow(bytes: 10)
        }
        add(1, "good", 0, 0, 0)
        add(2, "a\0b", 0, 0, 0)
        add(3, "", Temporal.zeroDate(year: 0, month: 0, day: 0), 0, 0)
        add(4, "", 0, Temporal.zeroTimestamp(year: 2024, month: 2, day: 0, microsecondsOfDay: 5), 0)
        add(5, "", 9_000_000_000, 0, 0)
        add(6, "", 0, 0, -1)
        add(7, "last", Temporal.infinity, Temporal.negativeInfinity, Temporal.microsecondsPerDay)
        let writer = try sink.writer(load)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        let rejected = try writer.write(batch)
        #expect(rejected.map(\.row) == [1, 2, 3, 4, 5])
        #expect(rejected.map(\.column) == ["v", "d", "s", "d", "t"])
        #expect(rejected[1].reason.contains("zero_dates=null"))
        #expect(try writer.flush() == 2)
        try writer.commit(SliceMark(slice: 0, read: 7, written: 2, rejected: 5))
        #expect(
            try place.rows("SELECT id, v, d, s, t FROM b ORDER BY id") == [
                ["1", "good", "1970-01-01", "1970-01-01 00:00:00", "00:00:00"], ["7", "last", "infinity", "-infinity", "24:00:00"],
            ])
        let stripping = try place.session("nul=strip")
        var other = load
        other.runID = "other"
        try stripping.prepare(other)
        let second = try stripping.writer(other)
        try second.begin(Slice(id: 0, bounds: .all), careful: false)
        #expect(try second.write(batch).count == 4)
        #expect(try second.flush() == 3)
        try second.commit(SliceMark(slice: 0, read: 7, written: 3, rejected: 4))
        #expect(try place.values("SELECT v FROM b WHERE id = 2") == ["ab"])
    }

    @Test(.requires(.postgres)) func `a slice whose mark is there is not begun again`() throws {
        let place = try Place()
        try place.sql("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b (x int)")
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b")
        try sink.prepare(load)
        let read = try place.read(source, "a")
        try move(read, from: source, load, to: sink)
        let again = try sink.writer(load)
        #expect(try again.begin(Slice(id: 0, bounds: .all), careful: false) == SliceMark(slice: 0, read: 1, written: 1, rejected: 0))
        again.close()
        #expect(try place.values("SELECT count(*) FROM b") == ["1"])
    }

    @Test(.requires(.postgres)) func `identity ALWAYS takes given values and generated columns are left out`() throws {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE a AS SELECT 41 AS id, 2 AS n;
            CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)
            """)
        try refresh(place, from: "a", to: "b", mode: .append)
        try place.sql("INSERT INTO b (n) VALUES (3)")
        #expect(try place.rows("SELECT * FROM b ORDER BY 1") == [["41", "2", "4"], ["42", "3", "6"]])
        let shape = try place.session().describe(TableName("b"))
        #expect(shape.columns.map(\.identity) == [true, false, false])
        #expect(shape.columns.map(\.generated) == [false, false, true])
    }

    // MARK: Upsert

    @Test(.requires(.postgres), arguments: [false, true]) func `upsert changes rows by key and the last of equal keys wins`(careful: Bool)
        throws
    {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE b (k1 int, k2 text, v text, extra int DEFAULT 5, PRIMARY KEY (k1, k2));
            INSERT INTO b VALUES (1, 'a', 'old', 1), (2, 'b', 'kept', 2);
            CREATE TABLE a (k1 int, k2 text, v text);
            INSERT INTO a VALUES (1, 'a', 'new'), (3, 'c', 'first'), (3, 'c', 'second'), (3, 'c', 'third')
            """)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b", mode: .upsert, key: ["k1", "k2"], columns: ["k1", "k2", "v"])
        try sink.prepare(load)
        let copied = try move(place.read(source, "a"), from: source, load, to: sink, careful: careful, batchRows: 3)
        #expect(copied.written == 4)
        try sink.finish(load)
        #expect(
            try place.rows("SELECT * FROM b ORDER BY 1") == [
                ["1", "a", "new", "1"], ["2", "b", "kept", "2"], ["3", "c", "third", "5"],
            ])
    }

    @Test(.requires(.postgres)) func `upsert keeps every row without a key, rejects what breaks a constraint and wants a unique index`()
        throws
    {
        let place = try Place()
        try place.sql(
            """
            CREATE TABLE b (k int UNIQUE, v int CHECK (v <> 13)); CREATE TABLE plain (k int, v int); CREATE TABLE keys (k int PRIMARY KEY);
            CREATE TABLE a AS SELECT * FROM (VALUES (NULL, 1), (NULL, 2), (1, 13), (1, 14), (2, 13)) t(k, v)
            """)
        let (source, sink) = (try place.session(), try place.session())
        let load = try place.load(sink, "b", mode: .upsert, key: ["k"])
        try sink.prepare(load)
        let read = try place.read(source, "a")
        #expect(throws: ApusError.self) { try move(read, from: source, load, to: sink) }
        let copied = try move(read, from: source, load, to: sink, careful: true)
        #expect(copied.written == 3)
        #expect(copied.rejected.map(\.row) == [2, 4])
        #expect(try place.rows("SELECT * FROM b ORDER BY 1, 2") == [["1", "14"], ["NULL", "1"], ["NULL", "2"]])
        let error = #expect(throws: ApusError.self) { try sink.prepare(place.load(sink, "plain", mode: .upsert, key: ["k"])) }
        #expect(error?.code == .notFound)
        #expect(error?.hint?.contains("CREATE UNIQUE INDEX") == true)
        // A table of nothing but its key has nothing to change.
        try place.sql("INSERT INTO keys VALUES (1); CREATE TABLE c AS SELECT * FROM (VALUES (1), (2), (2)) t(k)")
        let keys = try refresh(place, from: "c", to: "keys", mode: .upsert, key: ["k"])
        #expect(keys.written == 3)
        #expect(try place.values("SELECT k FROM keys ORDER BY 1") == ["1", "2"])
    }
}
