import ApusCore
import Tabular
import Testing

/// Slices of keys of every type: each row is in one of them, and in one only.
@Suite struct SliceKeyTests {
    @Test(arguments: KeyPool.all)
    func `the slices of a key of any type are the table, each row once`(_ pool: KeyPool) throws {
        let place = try Place(pool.system)
        try pool.make(in: place)
        var pipeline = try Pipeline(place, try Place(.sqlite))
        for table in pool.tables {
            let whole = try place.ask("SELECT n FROM \(table) ORDER BY n").map { Int($0[0]) }
            #expect(whole.count >= 400)
            for (subject, count) in [
                (TableWish.Subject.pattern(table), 2), (.pattern(table), 8), (.query("SELECT n, k FROM \(table)", as: "q"), 7),
            ] {
                var wish = TableWish(subject)
                wish.slices = count
                wish.sliceBy = ["k"]
                // Values of mixed types could not be read as the column's.
                wish.columns = [ColumnWish("n")]
                pipeline.flow.tables = [wish]
                try check(pipeline, pool, whole)
            }
        }
    }

    private func check(_ pipeline: Pipeline, _ pool: KeyPool, _ whole: [Int?]) throws {
        let plan: Plan
        do { plan = try pipeline.plan() } catch let error as ApusError where !pool.cuts {
            #expect(error.code == .unsupported && error.hint != nil, "\(error)")
            return
        }
        if let fault = plan.fault(strict: false) {
            #expect(!pool.cuts, "\(fault)")
            return
        }
        let table = plan.tables[0]
        if !pool.cuts {
            #expect(table.slices.count == 1)
            #expect(table.findings.contains { $0.message.contains("one slice") })
        }
        let source = try pipeline.sources[0].source(Interrupt())
        defer { source.close() }
        var all: [Int] = []
        for slice in table.slices {
            let rows = try rows(slice, table.read, source)
            all += rows
            guard let halves = try source.halves(of: slice, in: table.read) else { continue }
            let parts = try halves.flatMap { try self.rows(Slice(id: 0, bounds: $0), table.read, source) }
            #expect(parts.sorted() == rows.sorted(), "halves of \(slice.bounds): \(halves)")
        }
        #expect(all.sorted() == whole, "\(table.slices.map(\.bounds))")
    }

    private func rows(_ slice: Slice, _ read: Read, _ source: any Source) throws -> [Int] {
        let reader = try source.reader(read, slice, wire: [])
        defer { reader.close() }
        let batch = Batch(schema: read.schema)
        var rows: [Int] = []
        var goesOn = true
        while goesOn {
            batch.reset()
            goesOn = try reader.read(into: batch)
            for row in 0..<batch.rowCount { rows.append(Int(batch.columns[0].int(row))) }
        }
        #expect(reader.rowsRead == rows.count)
        return rows
    }
}
