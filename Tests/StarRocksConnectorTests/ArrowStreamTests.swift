import Foundation
import Tabular
import Testing

@testable import StarRocksConnector

/// Streams made by pyarrow, and answers made by PyPI's thrift (`Tests/Doubles/starrocks/arrow/make.py`).
struct ArrowStreamTests {
    private func bytes(_ name: String) throws -> [UInt8] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try [UInt8](Data(contentsOf: folder.appending(path: "Doubles/starrocks/arrow/\(name)")))
    }

    private let schema = Schema([
        Column("flag", .boolean), Column("tiny", .integer(bits: 8, unsigned: false)), Column("small", .int16), Column("whole", .int32),
        Column("big", .int64), Column("f", .float(bits: 32)), Column("d", .float64), Column("n", .decimal(precision: 38, scale: 10)),
        Column("huge", .decimal(precision: 39, scale: 0)), Column("s", .text), Column("day", .date), Column("at", .timestamp(precision: 6)),
        Column("doc", .json), Column("b", .bytes), Column("day32", .date), Column("at64", .timestamp(precision: 6)),
    ])

    /// All rows of a stream as canonical text.
    private func rows(_ stream: [UInt8]) throws -> [[String?]] {
        try stream.withUnsafeBytes { bytes in
            var arrow = try ArrowStream(bytes)
            var found: [[String?]] = []
            let batch = Batch(schema: schema)
            while let next = try arrow.next() {
                batch.reset()
                for (index, column) in schema.columns.enumerated() {
                    let field = arrow.fields[index]
                    guard field.name == column.name, let form = ScanColumn(field.type, as: column.type) else {
                        throw ScanFault.unsupported("\(field)")
                    }
                    _ = try form.append(next.columns[index], 0..<next.rows, to: batch.columns.baseAddress! + index)
                }
                batch.endRows(next.rows, bytes: 0)
                for row in 0..<batch.rowCount {
                    found.append(
                        batch.columns.indices.map { index in
                            if batch.columns[index].isNull(row) { return nil }
                            var text = ByteBuffer()
                            text.append(value: batch.columns.baseAddress! + index, row: row, type: schema[index].type)
                            return text.string
                        })
                }
            }
            return found
        }
    }

    @Test func `every type of a stream becomes the value of the SQL port`() throws {
        let found = try rows(bytes("types.arrow"))
        let first: [String?] = [
            "true", "-128", "-32768", "-2147483648", "-9223372036854775808", "0.1", "1.7976931348623157e+308",
            "-1234567890123456789012345678.0123456789", "-170141183460469231731687303715884105727", "it's \"x\"\n\t\\\\N \u{6f22}",
            "0001-01-01", "9999-12-31 23:59:59.999999", "{\"a\": 1}", "\\x00ff0a", "1970-01-01", "1970-01-01 00:00:00",
        ]
        let second: [String?] = [
            "false", "127", "32767", "2147483647", "9223372036854775807", "-3.25", "-0.1", "0.0000000001", "0", "", "2024-02-29",
            "2024-02-29 12:00:00", "null", "\\x", "0001-01-01", "2023-11-14 22:13:20.123456",
        ]
        let nothing = [String?](repeating: nil, count: 16)
        // The second batch has no rows, the third is a part of the first.
        #expect(found == [first, second, nothing, second, nothing])
        #expect(try rows(bytes("empty.arrow")).isEmpty)
    }

    @Test func `dictionaries, compression, nested types and big-endian values are refused by name`() throws {
        func refusal(_ stream: [UInt8]) -> ScanFault? {
            do {
                try stream.withUnsafeBytes { bytes in
                    var arrow = try ArrowStream(bytes)
                    while try arrow.next() != nil {}
                }
                return nil
            } catch { return error as? ScanFault }
        }
        #expect(try refusal(bytes("compressed.arrow")) == .unsupported("an Arrow batch that is compressed"))
        #expect(try refusal(bytes("dictionary.arrow")) == .unsupported("an Arrow stream with dictionaries"))
        #expect(try refusal(bytes("nested.arrow")) == .unsupported("an Arrow column of type list"))
        #expect(ScanColumn(.decimal128(scale: 2), as: .decimal(precision: 10, scale: 4)) == nil)
        #expect(ScanColumn(.other("timestamp of a zone"), as: .timestamp(precision: 6)) == nil)
    }

    @Test func `streams that are cut off or changed end in an error or in rows, never in a crash`() throws {
        let whole = try bytes("types.arrow")
        for length in 0..<whole.count - 8 {
            // Cut between two messages, a stream ends.
            _ = try? rows(Array(whole[..<length]))
        }
        #expect(throws: ScanFault.self) { _ = try rows([]) }
        #expect(throws: ScanFault.self) { _ = try rows(Array(whole[..<100])) }
        var state: UInt64 = 42
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        var refused = 0
        for _ in 0..<4000 {
            var changed = whole
            for _ in 0...random(4) { changed[random(changed.count)] = [0, 1, 0x7F, 0x80, 0xFF][random(5)] }
            // More rows than a batch holds are another limit, which the reader keeps.
            do {
                try changed.withUnsafeBytes { bytes in
                    var arrow = try ArrowStream(bytes)
                    while let next = try arrow.next() {
                        let batch = Batch(schema: schema)
                        for (index, column) in schema.columns.enumerated() where index < next.columns.count {
                            guard let form = ScanColumn(next.columns[index].type, as: column.type) else { continue }
                            _ = try form.append(next.columns[index], 0..<min(next.rows, 4096), to: batch.columns.baseAddress! + index)
                        }
                    }
                }
            } catch is ScanFault { refused += 1 }
        }
        #expect(refused > 100)
    }

    @Test func `decimals have the digits of their scale`() {
        func text(_ value: Int128, _ scale: Int) -> String {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { room in
                let count = ScanColumn.decimal(
                    Int64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value), scale, to: room.baseAddress!)
                return String(decoding: room[..<count], as: UTF8.self)
            }
        }
        #expect(text(0, 0) == "0" && text(0, 2) == "0.00" && text(-5, 2) == "-0.05" && text(12345, 2) == "123.45")
        #expect(text(-12345, 5) == "-0.12345" && text(100, 0) == "100" && text(7, 38) == "0." + String(repeating: "0", count: 37) + "7")
        let nines = Int128("99999999999999999999999999999999999999")!
        #expect(text(nines, 0) == String(repeating: "9", count: 38))
        #expect(text(-nines, 38) == "-0." + String(repeating: "9", count: 38))
        #expect(text(Int128(UInt64.max) + 1, 3) == "18446744073709551.616")
        #expect(text(Int128("10000000000000000000000")!, 1) == "1000000000000000000000.0")
    }

    private func input(_ bytes: [UInt8]) -> ThriftInput {
        var place = 0
        return ThriftInput { out, count in
            // As little at a time as a network may give.
            let part = min(count, 3, bytes.count - place)
            for index in 0..<part { out[index] = bytes[place + index] }
            place += part
            return part
        }
    }

    @Test func `calls are those of PyPI's thrift, and its answers are read`() throws {
        var writer = ThriftWriter(call: "close_scanner", sequence: 5)
        writer.field(1, "c-1")
        writer.end()
        #expect(try writer.bytes == bytes("call.thrift"))

        let answer = input(try bytes("status.thrift"))
        answer.begin()
        try answer.answer(to: "get_next", sequence: 3)
        var code: Int32 = 0
        var texts: [String] = []
        try answer.structure { id, _ in
            #expect(id == 0)
            try answer.structure { id, type in
                guard id == 1 else { return false }
                #expect(type == .structure)
                try answer.structure { id, _ in
                    if id == 1 {
                        code = try answer.integer(Int32.self)
                    } else {
                        for _ in 0..<(try answer.list().count) { texts.append(try answer.string()) }
                    }
                    return true
                }
                return true
            }
            return true
        }
        #expect(code == 31 && texts == ["gone"])
    }

    @Test func `answers that are cut off or promise too much end in an error`() throws {
        let whole = try bytes("status.thrift")
        for length in 0..<whole.count {
            let cut = input(Array(whole[..<length]))
            #expect(throws: ScanFault.self) {
                try cut.answer(to: "get_next", sequence: 3)
                try cut.structure { _, _ in false }
            }
        }
        // Two gigabytes of text, a thousand million elements, structs without end.
        let head: [UInt8] = [0x80, 1, 0, 2, 0, 0, 0, 1, 0x61, 0, 0, 0, 1]
        for tail: [UInt8] in [
            [11, 0, 1, 0x7F, 0xFF, 0xFF, 0xFF], [11, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF], [15, 0, 1, 10, 0x40, 0, 0, 0],
            [15, 0, 1, 0, 0x40, 0, 0, 0], [13, 0, 1, 11, 11, 0x7F, 0, 0, 0], [[UInt8]](repeating: [12, 0, 1], count: 100).flatMap { $0 },
            [99, 0, 1],
        ] {
            let hostile = input(head + tail)
            #expect(throws: ScanFault.self) {
                try hostile.answer(to: "a", sequence: 1)
                try hostile.structure { _, _ in false }
            }
        }
        let other = input(head)
        #expect(throws: ScanFault.self) { try other.answer(to: "b", sequence: 1) }
    }
}
