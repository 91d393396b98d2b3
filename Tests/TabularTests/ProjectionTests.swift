import Tabular
import Testing

@Suite struct ProjectionTests {
    static let source = [
        Column("id", .int64), Column("name", .text), Column("amount", .decimal(precision: nil, scale: nil)),
        Column("flag", .boolean), Column("data", .bytes),
    ]

    static func rows(_ count: Int, _ random: inout Seeded) -> [[Value]] {
        (0..<count).map { _ in
            let number = random.integer() % 3_000
            return [
                Int.random(in: 0..<9, using: &random) == 0 ? .null : .fixed(number),
                Int.random(in: 0..<5, using: &random) == 0
                    ? .null : .text(String(repeating: "ö", count: Int(number.magnitude % 14))),
                .text("\(number).25"), .fixed(number & 1),
                Int.random(in: 0..<3, using: &random) == 0
                    ? .null : .octets(Array(repeating: 200, count: Int(number.magnitude % 3))),
            ]
        }
    }

    @Test(arguments: [false, true])
    func `a projection does to whole columns what a naive one does to each value`(_ sameCapacity: Bool) throws {
        var random = Seeded(21)
        let target = [
            Column("n", .text(length: 10)), Column("id8", .integer(bits: 8, unsigned: false)), Column("id", .int64),
            Column("copy", .int64), Column("amount", .decimal(precision: 6, scale: 1)), Column("data", .bytes),
            Column("raw", .text),
        ]
        let sources = [1, 0, 0, 0, 2, 4, 4]
        let projection = try Projection(from: Schema(Self.source), to: Schema(target), sources: sources)
        #expect(!projection.isPassthrough)
        let output = Batch(schema: projection.to, rowCapacity: sameCapacity ? 500 : 600)
        for round in 0..<20 {
            let rows = Self.rows(Int.random(in: 0...500, using: &random), &random)
            let batch = Batch(Self.source, rows, capacity: 500)
            batch.firstRow = 1_000 * round
            batch.rejected = [RejectedRow(row: 5, column: nil, reason: "ragged line", values: "a,b")]
            var expected: [[Value]] = []
            var rejected = batch.rejected
            for (index, row) in rows.enumerated() {
                var cells: [Value] = []
                var fault: (String, String)?
                for (place, column) in target.enumerated() {
                    let cell = row[sources[place]]
                    if let result = castOne(cell, Self.source[sources[place]].type, column.type) {
                        cells.append(result)
                    } else if fault == nil {
                        fault = (column.name, refusal(cell, Self.source[sources[place]].type, column.type) ?? "")
                    }
                }
                if let fault {
                    rejected.append(
                        RejectedRow(
                            row: batch.firstRow + index, column: fault.0, reason: fault.1,
                            values: batch.json(row: index)))
                } else {
                    expected.append(cells)
                }
            }
            output.reset()
            projection.apply(batch, into: output)
            #expect(output.values == expected)
            #expect(output.rejected == rejected)
            #expect(output.rowCount == expected.count)
            #expect(output.byteCount == rows.count * 10)
            #expect(output.firstRow == 1_000 * round)
            for (place, column) in output.columns.enumerated() {
                #expect(column.count == expected.count)
                #expect(column.nullCount == expected.count { $0[place] == .null })
            }
            // Both batches can be used again.
            batch.reset()
            for row in rows { batch.append(row) }
            #expect(batch.values == rows)
        }
    }

    @Test func `equal columns in place are a passthrough, moved ones are not`() throws {
        let schema = Schema([Column("a", .int32), Column("b", .text(length: 5))])
        let wider = Schema([Column("x", .int64), Column("y", .text)])
        #expect(try Projection(from: schema, to: wider, sources: [0, 1]).isPassthrough)
        #expect(try !Projection(from: wider, to: schema, sources: [0, 1]).isPassthrough)
        let turned = Schema([Column("y", .text), Column("x", .int64)])
        #expect(try !Projection(from: schema, to: turned, sources: [1, 0]).isPassthrough)
    }

    @Test func `a column without a conversion is named`() {
        let error = #expect(throws: ProjectionError.self) {
            try Projection(from: Schema([Column("ok", .boolean)]), to: Schema([Column("on", .date)]), sources: [0])
        }
        #expect(error?.description == "column 'ok' of type boolean cannot be converted to 'on' of type date")
    }

    @Test func `rows taken out leave the others as they were`() {
        var random = Seeded(22)
        for _ in 0..<50 {
            let rows = Self.rows(Int.random(in: 0...60, using: &random), &random)
            let batch = Batch(Self.source, rows, capacity: 70)
            let gone = rows.indices.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
            batch.remove(rows: gone)
            var kept = rows.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
            #expect(batch.values == kept)
            let more = Self.rows(5, &random)
            for row in more { batch.append(row) }
            kept += more
            #expect(batch.values == kept)
        }
    }

    @Test func `a batch cut in halves again and again is still the same rows`() {
        var random = Seeded(23)
        let rows = Self.rows(301, &random)
        let batch = Batch(Self.source, rows)
        batch.firstRow = 40
        func pieces(_ batch: Batch) -> [[Value]] {
            if batch.rowCount <= 3 { return batch.values }
            let middle = batch.rowCount / 2
            var result: [[Value]] = []
            for range in [0..<middle, middle..<batch.rowCount] {
                let half = Batch(schema: batch.schema, rowCapacity: range.count)
                batch.copyRows(range, into: half)
                #expect(half.firstRow == batch.firstRow + range.lowerBound)
                result += pieces(half)
            }
            return result
        }
        #expect(pieces(batch) == rows)
        let whole = Batch(schema: batch.schema, rowCapacity: 301)
        for start in stride(from: 0, to: 301, by: 7) { batch.copyRows(start..<min(start + 7, 301), into: whole) }
        #expect(whole.values == rows)
        #expect(whole.byteCount == batch.byteCount)
    }

    @Test func `a row as JSON can be read again`() {
        let columns = [
            Column("i", .int64), Column("u", .uint64), Column("d", .decimal(precision: nil, scale: nil)),
            Column("f", .float64),
            Column("g", .float64), Column("b", .boolean), Column("t \"quoted\"", .text), Column("x", .bytes),
            Column("n", .text),
            Column("at", .timestamp(precision: 6)), Column("j", .json),
            Column("w", .decimal(precision: nil, scale: nil)),
        ]
        let batch = Batch(
            columns,
            [
                [
                    .fixed(-5), .fixed(-1), .text("-12.50"), .float(1.5e300), .float(.nan), .fixed(1),
                    .text("a\"\\\n\u{1}雨燕😀"),
                    .octets([0, 255]), .null, .fixed(1), .text("{\"k\":[1]}"), .text("NaN"),
                ]
            ])
        let json = batch.json(row: 0)
        #expect(
            json
                == #"{"i":-5,"u":18446744073709551615,"d":-12.50,"f":1.5e+300,"g":"NaN","b":true,"t \"quoted\"":"a\"\\\n\u0001雨燕😀","x":"\\x00ff","n":null,"at":"1970-01-01 00:00:00.000001","j":"{\"k\":[1]}","w":"NaN"}"#
        )
        let members = RowJSON.parse(json)
        #expect(members?.map(\.name) == columns.map(\.name))
        #expect(
            members?.map(\.value) == [
                "-5", "18446744073709551615", "-12.50", "1.5e+300", "NaN", "true", "a\"\\\n\u{1}雨燕😀", "\\x00ff", nil,
                "1970-01-01 00:00:00.000001", "{\"k\":[1]}", "NaN",
            ])
    }

    @Test func `only a whole valid JSON object is read`() {
        #expect(RowJSON.parse(" { } ")?.isEmpty == true)
        #expect(RowJSON.parse(#"{"a":"\u00e4\ud83d\ude00\/\ud800x"}"#)?.first?.value == "ä😀/\u{FFFD}x")
        #expect(RowJSON.parse(#"{"a":[1,{"b":2}],"a":false}"#)?.map(\.value) == ["[1,{\"b\":2}]", "false"])
        for bad in [
            "", "[]", "null", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1}x"#, #"{a:1}"#, #"{"a":"b}"#,
            #"{"a":"\u12"}"#, #"{"a":"\"#,
        ] {
            #expect(RowJSON.parse(bad) == nil, "\(bad)")
        }
    }
}
