import ApusCore
import SQLiteConnector
import Tabular
import Testing

@Suite struct `SQLite round trips` {
    private static let types: [(String, ColumnType, [String?])] = [
        ("b", .boolean, ["true", "false", nil]),
        ("i8", .integer(bits: 8, unsigned: false), ["-128", "127", nil]),
        ("u8", .integer(bits: 8, unsigned: true), ["0", "255", nil]),
        ("i16", .int16, ["-32768", "32767", nil]),
        ("i24", .integer(bits: 24, unsigned: false), ["-8388608", "8388607", nil]),
        ("i32", .int32, ["-2147483648", "2147483647", nil]),
        ("u32", .integer(bits: 32, unsigned: true), ["0", "4294967295", nil]),
        ("i64", .int64, ["-9223372036854775808", "9223372036854775807", nil]),
        ("u64", .uint64, ["0", "18446744073709551615", nil]),
        ("f32", .float(bits: 32), ["0.1", "3.4028235e+38", nil]),
        ("f64", .float64, ["0.1", "NaN", "-Infinity"]),
        ("f64b", .float64, ["5e-324", "1.7976931348623157e+308", "0"]),
        ("d10", .decimal(precision: 10, scale: 2), ["12.50", "-99999999.99", "0.10"]),
        ("d15", .decimal(precision: 15, scale: 5), ["1234567890.12345", "-0.00001", "7.00000"]),
        (
            "d65", .decimal(precision: 65, scale: 30),
            [
                "12345678901234567890123456789012345.123456789012345678901234567890",
                "-0.000000000000000000000000000001", nil,
            ]
        ),
        ("dx", .decimal(precision: nil, scale: nil), ["1.10", "NaN", "-Infinity"]),
        ("v", .text(length: 20), ["", "a'b\"c\\d\t\n\\N", "007"]),
        ("t", .text, ["雨燕 🐦", "nul\0inside", "1e5"]),
        ("date", .date, ["0001-01-01", "9999-12-31", "0000-00-00"]),
        ("time", .time(precision: 6), ["00:00:00", "23:59:59.999999", nil]),
        ("dur", .duration(precision: 3), ["-838:59:59", "100:00:00.5", nil]),
        ("ts", .timestamp(precision: 6), ["2024-02-29 12:34:56.789012", "0001-01-01 00:00:00", "infinity"]),
        ("in", .instant(precision: 6), ["2024-02-29 12:34:56.789+00", "1969-12-31 23:59:59.999999+00", "-infinity"]),
        ("js", .json, ["{\"a\": 1.0}", "1.0", "null"]),
        ("uu", .uuid, ["6f1b6c2e-0d0a-4c57-9e6a-6b4f0f1a2b3c", "00000000-0000-0000-0000-000000000000", nil]),
        ("bits", .bits(length: 8), ["00000101", "11111111", nil]),
        ("arr", .array(.text), ["{1,NULL,\"a b\"}", "{}", nil]),
        ("bin", .bytes, ["\\x", "\\x00ff27", nil]),
        ("order by", .text, ["reserved", "quoted \" name", nil]),
        ("名字", .text, ["中文列", nil, ""]),
    ]

    private static func batch() -> Batch {
        let schema = Schema(types.map { Column($0.0, $0.1) })
        let batch = Batch(schema: schema, rowCapacity: 3)
        for row in 0..<3 {
            for (index, (_, type, values)) in types.enumerated() {
                guard var text = values[row] else {
                    batch.columns[index].appendNull()
                    continue
                }
                text.withUTF8 { bytes in
                    switch type {
                    case .boolean: batch.columns[index].append(Parse.boolean(bytes)! ? 1 : 0 as Int64)
                    case .integer(64, true): batch.columns[index].append(Int64(bitPattern: Parse.unsigned(bytes)!))
                    case .integer: batch.columns[index].append(Parse.integer(bytes)!)
                    case .float(let bits):
                        let number = Parse.double(bytes)!
                        batch.columns[index].append(bits == 32 ? Double(Float(number)) : number)
                    case .date: batch.columns[index].append(Parse.date(bytes)!)
                    case .time: batch.columns[index].append(Parse.time(bytes)!)
                    case .duration: batch.columns[index].append(Parse.duration(bytes)!)
                    case .timestamp: batch.columns[index].append(Parse.timestamp(bytes)!)
                    case .instant: batch.columns[index].append(Parse.instant(bytes)!)
                    case .bytes:
                        let room = batch.columns[index].reserve(bytes.count)
                        batch.columns[index].commit(Parse.hex(bytes, to: room)!)
                    default: batch.columns[index].append(String(decoding: bytes, as: UTF8.self))
                    }
                }
            }
            batch.endRow(bytes: 0)
        }
        return batch
    }

    @Test func `every type comes back as the same type and the same value`() throws {
        let database = try Database()
        let session = try database.open()
        let load = load("本 \"table\"", Self.types.map { ColumnShape($0.0, $0.1, native: "x") })
        try session.lock(load)
        try session.prepare(load)
        #expect(try session.accepts(load).types == Self.types.map(\.1))
        #expect(try writeSlice(session, load, Self.batch()) == [])
        try session.finish(load)
        try session.forget(load)
        session.unlock(load)
        let read = try Database.read(session, load.target.name, key: [])
        #expect(read.schema.types == Self.types.map(\.1))
        let expected = Self.batch()
        let found = try rows(session, read)
        #expect(found.rejected == [])
        #expect(found.rows == (0..<3).map { expected.json(row: $0) })
        #expect(try database.cli(".tables") == "本 \"table\"")
    }

    @Test func `another client sees plain numbers, ISO text and octets`() throws {
        let database = try Database()
        let session = try database.open()
        let load = load("t", Self.types.map { ColumnShape($0.0, $0.1, native: "x") })
        try session.prepare(load)
        try writeSlice(session, load, Self.batch())
        try session.finish(load)
        let seen = try database.cli(
            """
            SELECT quote(b), quote(u64), quote(d10), quote(d65), quote(f64), quote(ts), quote("in"), quote(bin), quote(js),
            quote("date"), typeof(u64), typeof(t), length(CAST(t AS BLOB)) FROM t;
            """)
        #expect(
            seen == """
                1|0|12.5|'12345678901234567890123456789012345.123456789012345678901234567890'|0.1|'2024-02-29 12:34:56.789012'\
                |'2024-02-29 12:34:56.789Z'|X''|'{"a": 1.0}'|'0001-01-01'|integer|text|11
                0|'18446744073709551615'|-99999999.99|'-0.000000000000000000000000000001'|'NaN'|'0001-01-01 00:00:00'\
                |'1969-12-31 23:59:59.999999Z'|X'00FF27'|'1.0'|'9999-12-31'|text|text|10
                NULL|NULL|0.1|NULL|-Inf|'infinity'|'-infinity'|NULL|'null'|'0000-00-00'|null|text|3
                """)
    }

    @Test func `a table of SQLite's own keeps its declarations and its generated columns`() throws {
        let source = try Database(
            """
            CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(20,4) DEFAULT 1.5, n VARCHAR(10) COLLATE NOCASE DEFAULT 'it''s',
              x, total REAL AS (price * 2) STORED, at DATETIME DEFAULT CURRENT_TIMESTAMP);
            INSERT INTO t (id, price, n, x, at) VALUES (1, 2.5, 'a', 7, '2024-01-01 00:00:00');
            """)
        let shape = try source.open().describe(TableName("t"))
        #expect(shape.columns.map(\.native) == ["INTEGER", "DECIMAL(20,4)", "VARCHAR(10)", "", "REAL", "DATETIME"])
        #expect(
            shape.columns.map(\.type) == [
                .int64, .decimal(precision: 20, scale: 4), .text(length: 10), .int64, .float64,
                .timestamp(precision: 6),
            ])
        #expect(shape.columns[0].identity && shape.columns[4].generated)
        #expect(shape.columns[2].initial == .literal("it's") && shape.columns[5].initial == .currentTimestamp)
        let target = try Database(
            SQLiteDialect().create(shape, as: TableName("u"))[0] + "; INSERT INTO u (price) VALUES (4);")
        #expect(try target.cli("SELECT id, price, n, total FROM u") == "1|4|it's|8.0")
    }
}
