import ApusCore
import ApusTesting
import Glibc
import MySQLConnector
import Tabular
import Testing

/// `APUS_MEASURE=1 swift test -c release --filter MeasureTests`: client CPU of reader and writer for a million rows.
@Suite(.enabled(if: getenv("APUS_MEASURE") != nil), .requires(.mariadb))
struct MeasureTests {
    private struct CPU: CustomStringConvertible {
        var user: Double, system: Double
        static func - (a: CPU, b: CPU) -> CPU { CPU(user: a.user - b.user, system: a.system - b.system) }
        var description: String { "\(user + system) = user \(user) + sys \(system)" }
    }

    private func cpu() -> CPU {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return CPU(
            user: Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6,
            system: Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6)
    }

    @Test func `a million rows of eleven columns`() throws {
        let play = try Playground()
        try play.run(
            """
            CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL, name varchar(40) NOT NULL, flag tinyint NOT NULL, price decimal(12,2) NOT NULL, ratio double,
            note varchar(200), created datetime NOT NULL, stamp timestamp(6) NOT NULL DEFAULT '2020-01-01', day date NOT NULL, payload varchar(120) NOT NULL);
            INSERT INTO t SELECT seq, seq * 7919 % 1000003, CONCAT('customer ', seq % 5003), seq % 2, seq % 100000 / 100, IF(seq % 7, seq / 3, NULL),
            IF(seq % 5, CONCAT('注释 ', seq, ' 😀 tab\\t', 'line\\n end'), NULL), '2020-01-01' + INTERVAL seq SECOND, '2021-01-01 00:00:00.123456' + INTERVAL seq SECOND,
            '2000-01-01' + INTERVAL seq % 9000 DAY, REPEAT(CHAR(97 + seq % 26), 80) FROM seq_1_to_1000000;
            CREATE TABLE u LIKE t; ANALYZE TABLE t;
            """)
        for parameters in ["tls=off", "tls=off&protocol=text"] {
            let source = try play.open(parameters)
            let read = Read(try source.describe(TableName("t")))
            let batch = Batch(schema: read.schema)
            for _ in 0..<3 {
                let start = ContinuousClock.now, before = cpu()
                let reader = try source.reader(read, SinkTests.all, wire: [])
                var bytes = 0
                var goesOn = true
                while goesOn {
                    batch.reset()
                    goesOn = try reader.read(into: batch)
                    bytes += batch.byteCount
                }
                print("MEASURE read \(parameters): \(reader.rowsRead) rows, \(bytes) B, cpu \(cpu() - before) s, wall \(start.duration(to: .now))")
                reader.close()
            }
        }
        for way in ["infile", "insert"] {
            let source = try play.open("tls=off")
            let read = Read(try source.describe(TableName("t")))
            let sink = try play.open("tls=off&load=\(way)")
            let load = Load(try sink.describe(TableName("u")))
            try sink.lock(load)
            try sink.prepare(load)
            for round in 0..<3 {
                try play.run("TRUNCATE u; DELETE FROM apus_marks WHERE slice >= 0")
                let start = ContinuousClock.now, before = cpu()
                let result = try move(read, Slice(id: round, bounds: .all), from: source, load, to: sink)
                print("MEASURE copy load=\(way): \(result.written) rows, cpu \(cpu() - before) s, wall \(start.duration(to: .now))")
            }
        }
        #expect(try play.rows("CHECKSUM TABLE t")[0][1] == play.rows("CHECKSUM TABLE u")[0][1])
    }
}
