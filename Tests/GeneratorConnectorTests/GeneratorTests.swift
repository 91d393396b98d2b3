import ApusCore
import GeneratorConnector
import Tabular
import Testing

private func session(_ url: String) throws -> any Source {
    let connector = GeneratorConnector()
    let endpoint = try Endpoint(ConnectionURL(parsing: url), connector)
    return try #require(try connector.open(endpoint, interrupt: Interrupt()) as? any Source)
}

private func plan(_ session: any Source) throws -> Read {
    let shape = try session.describe(session.tables(schema: nil)[0].name)
    return Read(relation: .table(shape.name), items: shape.columns.map { Read.Item($0.name) }, schema: shape.schema)
}

private func rows(_ session: any Source, _ read: Read, _ slices: [Slice], capacity: Int) throws -> [String] {
    var rows: [String] = []
    let batch = Batch(schema: read.schema, rowCapacity: capacity)
    for slice in slices {
        let reader = try session.reader(read, slice, wire: [])
        var more = true
        var count = 0
        while more {
            more = try reader.read(into: batch)
            #expect(batch.firstRow == count)
            count += batch.rowCount
            rows += (0..<batch.rowCount).map { batch.json(row: $0) }
            batch.reset()
        }
        #expect(reader.rowsRead == count && slice.rows == count)
    }
    return rows
}

private func error(_ body: () throws -> Void) -> ApusError? {
    do { try body() } catch { return error as? ApusError }
    return nil
}

private let everyType =
    "id:int64,a:int8,b:uint8,c:int16?,d:uint32,e:uint64,f:boolean?,g:float32,h:float64?,i:decimal(10,2),j:decimal(65,30)?,"
    + "k:text(20)?,l:text(12)?=multibyte,m:bytes(9),n:date?,o:time(3),p:duration(0),q:timestamp(6)?,r:instant(3),s:json?,"
    + "t:uuid,u:bits(70),v:int32=uniform(-3,3),w:decimal(5,5),x:decimal(18,0)"

@Suite struct `The generator` {
    @Test func `gives the same rows whatever the slices and batches`() throws {
        let source = try session("generator:t?rows=1000&seed=7&schema=\(everyType)")
        let read = try plan(source)
        let whole = [Slice(id: 0, bounds: .all, rows: 1000)]
        let expected = try rows(source, read, whole, capacity: 1000)
        #expect(expected.count == 1000 && Set(expected).count == 1000)
        #expect(try rows(source, read, whole, capacity: 3) == expected)
        let slices = try source.slices(of: read, wish: SliceWish(channels: 4, count: 7))
        #expect(slices.count == 7)
        #expect(try rows(source, read, slices, capacity: 64) == expected)
        let halves = try #require(try source.halves(of: slices[3], in: read))
        #expect(
            try halves.flatMap { bounds in
                var slice = Slice(id: 0, bounds: bounds)
                slice.rows = try rows(source, read, [slice], capacity: 10, counted: false).count
                return try rows(source, read, [slice], capacity: 10)
            } == rows(source, read, [slices[3]], capacity: 1000))
        let again = try session("generator:t?rows=1000&seed=7&schema=\(everyType)")
        #expect(try rows(again, read, whole, capacity: 1000) == expected)
        let other = try session("generator:t?rows=1000&seed=8&schema=\(everyType)")
        #expect(try rows(other, read, whole, capacity: 1000) != expected)
    }

    @Test(arguments: ["text(20)", "text(12)=multibyte", "bytes(9)", "text=length(3,8)"])
    func `texts and octets differ from row to row, in length too`(_ type: String) throws {
        let source = try session("generator:t?rows=1000&schema=a:\(type)")
        let values = try rows(source, plan(source), [Slice(id: 0, bounds: .all, rows: 1000)], capacity: 1000)
        // Some are the same by chance: of `multibyte` there are 4096.
        #expect(Set(values).count > 700)
        #expect(Set(values.map(\.utf8.count)).count > 3)
    }

    @Test func `the lengths of texts take both bounds and all between`() throws {
        let source = try session("generator:t?rows=1000&schema=a:text=length(3,8)")
        let empty = #"{"a":""}"#.utf8.count
        let values = try rows(source, plan(source), [Slice(id: 0, bounds: .all, rows: 1000)], capacity: 1000)
        #expect(Set(values.map { $0.utf8.count - empty }) == [3, 4, 5, 6, 7, 8])
    }

    @Test func `a column is the same among other columns`() throws {
        let source = try session("generator:t?rows=50&schema=\(everyType)")
        var read = try plan(source)
        let all = try rows(source, read, [Slice(id: 0, bounds: .all, rows: 50)], capacity: 50)
        read.items = [Read.Item("l"), Read.Item("id")]
        read.schema = Schema([Column("l", .text(length: 12)), Column("id", .int64, nullable: false)])
        let some = try rows(source, read, [Slice(id: 0, bounds: .all, rows: 50)], capacity: 50)
        for (row, text) in some.enumerated() {
            let values = try #require(RowJSON.parse(text))
            let whole = try #require(RowJSON.parse(all[row]))
            #expect(values[0].value == whole.first { $0.name == "l" }?.value)
            #expect(values[1].value == String(row + 1))
        }
    }

    @Test func `values are what their types say`() throws {
        let source = try session("generator:t?rows=3000&null_ratio=0.25&schema=\(everyType)")
        let read = try plan(source)
        let batch = Batch(schema: read.schema, rowCapacity: 3000, byteLimit: 64 << 20)
        let reader = try source.reader(read, Slice(id: 0, bounds: .all), wire: [])
        #expect(try reader.read(into: batch) == false)
        #expect(batch.rowCount == 3000)
        for (index, column) in read.schema.columns.enumerated() {
            let buffer = batch.columns[index]
            #expect(column.nullable ? (600...900).contains(buffer.nullCount) : buffer.nullCount == 0, "\(column.name)")
            for row in 0..<batch.rowCount where !buffer.isNull(row) {
                switch column.type {
                case .decimal(let precision?, let scale?):
                    let number = try #require(DecimalText(buffer.bytes(row)))
                    #expect(number.integerDigits <= precision - scale && number.fractionDigits == scale)
                case .text(let length?):
                    let text = try #require(String(validating: buffer.bytes(row), as: UTF8.self))
                    #expect(text.unicodeScalars.count <= length && !text.isEmpty)
                case .json: #expect(RowJSON.isValue(buffer.bytes(row)))
                case .uuid: #expect(buffer.bytes(row).count == 36 && buffer.bytes(row)[14] == UInt8(ascii: "4"))
                case .bits(let length): #expect(buffer.bytes(row).count == length)
                case .integer(32, false): #expect((-3...3).contains(buffer.int(row)))
                case .integer(8, false): #expect((-128...127).contains(buffer.int(row)))
                case .time: #expect((0..<86_400_000_000).contains(buffer.int(row)) && buffer.int(row) % 1000 == 0)
                default: break
                }
            }
        }
    }

    @Test func `rows larger than a batch and long text work`() throws {
        let source = try session("generator:t?rows=3&schema=a:text(2000000),b:text(200000)=multibyte,c:bytes(100000)")
        let read = try plan(source)
        let all = try rows(source, read, [Slice(id: 0, bounds: .all, rows: 3)], capacity: 10)
        #expect(all.count == 3)
        #expect(all.allSatisfy { $0.utf8.count > 600_000 })
    }

    @Test func `mistakes in its URL are told with the part at fault`() throws {
        let wrong = [
            "generator:?rows=many": "rows", "generator:?null_ratio=2": "null_ratio", "generator:?columns=0": "columns",
            "generator:?schema=a": "name:type", "generator:?schema=a:itn64": "int64",
            "generator:?schema=a:int64,a:date": "two",
            "generator:?schema=a:text(": "parentheses", "generator:?schema=a:int8=uniform(1,300)": "spread",
        ]
        for (url, word) in wrong {
            let found = error { _ = try session(url) }
            #expect(
                found?.code == .configurationInvalid && "\(found!)".contains(word),
                "\(url): \(found?.description ?? "-")")
        }
        let source = try session("generator:orders?rows=1")
        #expect(error { _ = try source.describe(TableName("order")) }?.code == .notFound)
        var read = try plan(source)
        read.filters = ["id > 1"]
        #expect(error { _ = try source.reader(read, Slice(id: 0, bounds: .all), wire: []) }?.code == .unsupported)
    }

    @Test func `the null sink counts what it is given`() throws {
        let source = try session("generator:?rows=300k&columns=10")
        let read = try plan(source)
        let null = NullConnector()
        let sink = try #require(
            try null.open(Endpoint(ConnectionURL(parsing: "null:"), null), interrupt: Interrupt()) as? any Sink)
        let shape = try source.describe(TableName("generated"))
        let load = Load(
            runID: RunID.make(), table: 0, shape: shape, exists: false, columns: shape.columns.map(\.name),
            mode: .append, slices: 1)
        #expect(try sink.accepts(load).types == read.schema.types)
        let writer = try sink.writer(load)
        let reader = try source.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let batch = Batch(schema: read.schema)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        let clock = ContinuousClock()
        var bytes = 0
        let time = try clock.measure {
            var more = true
            while more {
                more = try reader.read(into: batch)
                bytes += batch.byteCount
                #expect(try writer.write(batch) == [])
                batch.reset()
            }
        }
        #expect(try writer.flush() == 300_000)
        print("generator to null: \(Int(300_000 / (time / .seconds(1)))) rows/s, \(bytes / 300_000) octets a row")
        try writer.commit(SliceMark(slice: 0, read: 300_000, written: 300_000, rejected: 0))
        #expect(try sink.marks(load) == [])
        #expect(error { _ = try sink.describe(TableName("t")) }?.code == .notFound)
    }
}

private func rows(
    _ session: any Source, _ read: Read, _ slices: [Slice], capacity: Int, counted: Bool
) throws -> [Int] {
    let batch = Batch(schema: read.schema, rowCapacity: capacity)
    let reader = try session.reader(read, slices[0], wire: [])
    var more = true
    while more {
        more = try reader.read(into: batch)
        batch.reset()
    }
    return Array(0..<reader.rowsRead)
}
