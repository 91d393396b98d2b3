import ApusCore
import CMariaDB
import MySQLClient
import Tabular

extension MySQLSession: Source {
    /// The primary key, else a unique key of columns that are not null; a single integer column goes before others.
    func sliceKey(for shape: TableShape) -> [String] {
        var keys = [shape.primaryKey] + shape.indexes.filter { $0.unique && $0.definition == nil }.map(\.columns)
        keys = keys.filter { key in
            !key.isEmpty && key.allSatisfy { name in shape.column(name).map { !$0.nullable && Self.canCut($0) } ?? false }
        }
        let integer = keys.first { key in
            guard key.count == 1, case .integer = shape.column(key[0])!.type else { return false }
            return true
        }
        return integer ?? keys.first ?? []
    }

    /// Whether the order of the column is that of its comparisons with its own text. ENUM and SET sort by position
    /// and compare by name; floating point numbers do not compare with their text.
    static func canCut(_ column: ColumnShape) -> Bool {
        if column.native.hasPrefix("enum") || column.native.hasPrefix("set(") { return false }
        switch column.type {
        case .boolean, .integer, .bits, .decimal, .text, .date, .timestamp, .instant, .duration, .uuid: return true
        // Geometry is not ordered.
        case .bytes: return column.native.contains("binary") || column.native.contains("blob")
        default: return false
        }
    }

    func canCompare(_ column: ColumnShape) -> Bool {
        switch column.type {
        case .json: false
        case .float: true
        // ENUM and SET have their largest by name, which is how they are compared too.
        case .text, .other, .bits, .boolean: true
        default: Self.canCut(column)
        }
    }

    func condition(_ column: Column, _ comparison: Comparison, _ value: String) -> String {
        dialect.condition(column, comparison.rawValue, value)
    }

    func maximum(of column: Column, in read: Read) throws -> String? {
        let name = dialect.quote(column.name)
        let from = "FROM \(read.relationSQL(dialect))"
        // A column itself, whose instants are exact, and the index serves.
        let sql =
            if case .instant = column.type {
                "SELECT \(Self.keyText(column, name)) \(from)\(read.whereSQL(.all, dialect, and: ["\(name) IS NOT NULL"])) ORDER BY \(name) DESC LIMIT 1"
            } else {
                "SELECT \(Self.keyText(column, "MAX(\(name))")) \(from)\(read.whereSQL(.all, dialect))"
            }
        return try rows(sql, doing: "find the largest \(column.name) of \(read.title)").first?[0]
    }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        let doing = "read \(read.title)"
        do {
            try makeReady()
            try learnClock(for: read.schema)
            var isTable = false
            if case .table = read.relation { isTable = true }
            func sql(_ cast: (Read.Item, Column, String) -> String) -> String { read.selectSQL(slice.bounds, dialect, cast: cast) }
            if !options.usesTextProtocol, try canReadInPlace() {
                do {
                    let reader = try MySQLReader(self, sql { self.instantSQL($0, $1, $2, isTable: isTable) }, read.schema, doing: doing)
                    openReader = reader
                    return reader
                } catch let fault as MySQLFault where fault.isPrepareUnsupported {
                    readsInPlace = false
                }
            }
            let text = sql { self.instantSQL($0, $1, MySQLTextReader.cast($1, $2), isTable: isTable) }
            let reader = try MySQLTextReader(self, text, read.schema, doing: doing)
            openReader = reader
            return reader
        } catch let fault as MySQLFault {
            throw error(fault, doing: doing)
        }
    }

    /// Reads one known row as readers do. Where this libmariadb does not lay out packets as expected, the text
    /// protocol serves.
    private func canReadInPlace() throws -> Bool {
        if let readsInPlace { return readsInPlace }
        let schema = Schema([Column("a", .int64), Column("b", .text), Column("c", .text), Column("d", .timestamp(precision: 0))])
        let sql = "SELECT CAST(-5 AS SIGNED) AS a, 'apus' AS b, NULL AS c, CAST('2001-02-03 04:05:06' AS DATETIME) AS d"
        var isRight = false
        do {
            let reader = try MySQLReader(self, sql, schema, doing: "test the protocol")
            defer { reader.close() }
            let batch = Batch(schema: schema, rowCapacity: 2)
            let goesOn = try reader.read(into: batch)
            isRight =
                !goesOn && batch.rowCount == 1 && batch.columns[0].int(0) == -5 && batch.columns[1].string(0) == "apus"
                && batch.columns[2].isNull(0) && batch.columns[3].int(0) == 981_173_106_000_000
        } catch let fault as MySQLFault where fault.isPrepareUnsupported || fault.number == 1222 {
            isRight = false
        } catch let error as ApusError where error.code == .internalFault {
            try makeReady()
        }
        readsInPlace = isRight
        return isRight
    }
}

extension Read {
    /// The table, or `the query`.
    var title: String {
        if case .table(let name) = relation { return name.description }
        return "the query"
    }
}
