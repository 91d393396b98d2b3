import ApusCore
import Tabular

/// A table that does not exist until it is read: row `n` follows from the seed and `n` alone, so that any slices, in
/// any order, on any machine, give the same table.
public final class GeneratorSession: Source {
    public let interrupt: Interrupt
    let columns: [GeneratorColumn]
    let rowCount: Int
    let seed: UInt64
    let nullRatio: Double
    private let table: String

    init(_ endpoint: Endpoint, interrupt: Interrupt) throws {
        self.interrupt = interrupt
        let settings = endpoint.settings
        func fault(_ message: String) -> ApusError {
            ApusError(.configurationInvalid, message, context: endpoint.label)
        }
        guard let rows = settings["rows"].flatMap(Quantity.count), rows >= 0 else {
            throw fault("option `rows`: not a count such as 5000000 or 5m")
        }
        guard let ratio = settings["null_ratio"].flatMap({ Double($0) }), (0...1).contains(ratio) else {
            throw fault("option `null_ratio`: not a number from 0 to 1")
        }
        guard let count = settings.integer("columns"), (1...1000).contains(count) else {
            throw fault("option `columns`: not a number from 1 to 1000")
        }
        rowCount = rows
        nullRatio = ratio
        seed = UInt64(bitPattern: Int64(settings.integer("seed") ?? 1))
        do {
            columns = try settings["schema"].map(GeneratorSchema.parse) ?? GeneratorSchema.builtIn(count)
        } catch let error as ApusError {
            throw error.about(endpoint.label)
        }
        let path = endpoint.path.split(separator: "/").joined(separator: "_")
        table = path.isEmpty ? "generated" : path
    }

    public var banner: String { "Generator, seed \(seed)" }
    public func close() {}

    public func tables(schema: String?) throws -> [TableSummary] {
        [TableSummary(name: TableName(table), kind: .table, rows: rowCount)]
    }

    public func describe(_ name: TableName) throws -> TableShape {
        guard name.name == table, name.schema == nil else {
            throw ApusError(
                .notFound, "the generator makes one table, `\(table)`, and none named `\(name)`",
                hint: "Its name is the URL's path: generator:\(name.name)?rows=…")
        }
        var shape = TableShape(
            name: name, origin: "generator",
            columns: columns.map { ColumnShape($0.name, $0.type, native: "\($0.type)", nullable: $0.nullable) })
        shape.primaryKey = columns.first { $0.spread == .sequence }.map { [$0.name] } ?? []
        shape.rows = rowCount
        return shape
    }

    public func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        let count = min(wish.slices(forRows: rowCount), max(rowCount, 1))
        return (0..<count).map { index in
            let from = Self.share(rowCount, index, count)
            let upTo = Self.share(rowCount, index + 1, count)
            return Slice(id: index, bounds: .part("\(from)-\(upTo)"), rows: upTo - from)
        }
    }

    /// `rows * index / count` without overflow.
    private static func share(_ rows: Int, _ index: Int, _ count: Int) -> Int {
        rows / count * index + rows % count * index / count
    }

    public func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        let range = try range(of: slice)
        guard range.count >= 2 else { return nil }
        let middle = range.lowerBound + range.count / 2
        return [.part("\(range.lowerBound)-\(middle)"), .part("\(middle)-\(range.upperBound)")]
    }

    /// The rows `from..<upTo` of a slice.
    private func range(of slice: Slice) throws -> Range<Int> {
        switch slice.bounds {
        case .all: return 0..<rowCount
        case .part(let text):
            let numbers = text.split(separator: "-").compactMap { Int($0) }
            guard numbers.count == 2, numbers[0] >= 0, numbers[0] <= numbers[1], numbers[1] <= rowCount else { break }
            return numbers[0]..<numbers[1]
        case .null, .range: break
        }
        throw ApusError(.unsupported, "the generator is cut by row numbers, e.g. 0-1000, and not by `\(slice.bounds)`")
    }

    public func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        guard read.filters.isEmpty, case .table = read.relation else {
            throw ApusError(
                .unsupported, "the generator knows no conditions and queries",
                hint: "Choose rows and schema in its URL.")
        }
        let places = Dictionary(columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        let fills = try zip(read.items, read.schema.columns).map { item, _ in
            guard item.expression == nil, let index = places[item.name] else {
                throw ApusError(
                    .unsupported, "the generator has no column `\(item.expression ?? item.name)`",
                    hint: Nearest.hint(for: item.expression ?? item.name, among: columns.map(\.name)))
            }
            return ColumnFill(columns[index], seed: seed, position: index, nullRatio: nullRatio)
        }
        return GeneratorReader(fills, try range(of: slice), interrupt)
    }
}

/// Rows of a range, a batch's column after column.
final class GeneratorReader: Reader {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private let fills: [ColumnFill]
    private var left: Range<Int>
    private let interrupt: Interrupt
    /// Octets of a row, about.
    private let rowBytes: Int

    init(_ fills: [ColumnFill], _ range: Range<Int>, _ interrupt: Interrupt) {
        self.fills = fills
        left = range
        self.interrupt = interrupt
        rowBytes = max(1, fills.reduce(0) { $0 + $1.usualBytes })
    }

    func read(into batch: Batch) throws -> Bool {
        try interrupt.check()
        batch.firstRow = rowsRead
        let count = min(left.count, batch.rowCapacity, max(1, batch.byteLimit / rowBytes))
        guard count > 0 else { return false }
        var bytes = 0
        for (index, fill) in fills.enumerated() {
            bytes += fill.append(rows: left.lowerBound..<(left.lowerBound + count), to: &batch.columns[index])
        }
        batch.endRows(count, bytes: bytes)
        rowsRead += count
        left = (left.lowerBound + count)..<left.upperBound
        return !left.isEmpty
    }

    func close() { left = left.upperBound..<left.upperBound }
}
