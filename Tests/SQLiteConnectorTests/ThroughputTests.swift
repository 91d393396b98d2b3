import ApusCore
import SQLiteConnector
import Tabular
import Testing

@Suite struct `SQLite throughput` {
    /// Prints what this machine does; only the counts are asserted.
    @Test func `eleven mixed columns are written and read`() throws {
        let types: [(String, ColumnType)] = [
            ("id", .int64), ("n", .int32), ("name", .text(length: 40)), ("flag", .integer(bits: 8, unsigned: false)),
            ("price", .decimal(precision: 12, scale: 2)), ("score", .float64), ("note", .text),
            ("at", .timestamp(precision: 6)),
            ("seen", .instant(precision: 6)), ("day", .date), ("payload", .text),
        ]
        let database = try Database()
        let session = try database.open()
        let load = load("t", types.map { ColumnShape($0.0, $0.1, native: "x", nullable: $0.0 != "id") }, key: ["id"])
        try session.prepare(load)
        let batch = Batch(schema: try session.accepts(load))
        let note = "多字节 note\twith 🐦 and more", payload = String(repeating: "payload ", count: 8)
        for row in 0..<2000 {
            batch.columns[0].append(Int64(row))
            batch.columns[1].append(Int64(row * 7))
            batch.columns[2].append("customer number \(row)")
            batch.columns[3].append(Int64(row & 1))
            batch.columns[4].append("\(row * 3).25")
            if row % 5 == 0 { batch.columns[5].appendNull() } else { batch.columns[5].append(Double(row) / 7) }
            if row % 3 == 0 { batch.columns[6].appendNull() } else { batch.columns[6].append(note) }
            batch.columns[7].append(1_700_000_000_123_456 + Int64(row) * 1_000_003)
            batch.columns[8].append(1_700_000_000_000_000 + Int64(row) * 1_000_000)
            batch.columns[9].append(Int64(row % 20_000))
            batch.columns[10].append(payload)
            batch.endRow(bytes: 190)
        }
        let batches = 50
        let total = batches * 2000
        let clock = ContinuousClock()
        let writer = try session.writer(load)
        let writing = try clock.measure {
            try writer.begin(Slice(id: 0, bounds: .all), careful: false)
            for index in 0..<batches {
                for row in 0..<2000 { batch.columns[0].values[row] = Int64(index * 2000 + row) }
                #expect(try writer.write(batch).isEmpty)
            }
            #expect(try writer.flush() == total)
            try writer.commit(SliceMark(slice: 0, read: total, written: total, rejected: 0))
        }
        try session.finish(load)
        let read = try Database.read(session, "t")
        var slices: [Slice] = []
        let slicing = try clock.measure {
            slices = try session.slices(of: read, wish: SliceWish(channels: 1, count: 10))
        }
        #expect(slices.count == 10)
        let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let reading = try clock.measure {
            var more = true
            while more {
                batch.reset()
                more = try reader.read(into: batch)
            }
        }
        #expect(reader.rowsRead == total)
        func rate(_ time: Duration) -> Int { Int(Double(total) / (time / .seconds(1))) }
        print("SQLite: \(rate(writing)) rows/s written, \(rate(reading)) read, \(rate(slicing)) walked for slices")
    }
}
