import ApusCore
import MySQLClient
import Tabular

/// How MySQL and MariaDB write names, values and declarations.
struct MySQLDialect: Dialect {
    let identifierLimit = 64

    func quote(_ identifier: String) -> String { ClientText.quote(identifier) }

    func literal(_ text: String) -> String { ClientText.literal(text) }

    /// In the session's own zone, whichever it is.
    func instant(_ seconds: Int) -> String { "FROM_UNIXTIME(\(seconds))" }

    func literal(_ text: String, type: ColumnType) -> String {
        switch type {
        case .integer, .decimal, .float: text.isEmpty ? "NULL" : text
        case .boolean: text == "true" ? "1" : text == "false" ? "0" : text
        // The server's own text of octets and bits, as slices have it, is hexadecimal.
        case .bytes, .bits: "x'\(text)'"
        default: literal(text)
        }
    }

    // MARK: Declarations

    func declaration(of column: ColumnShape, origin: String) -> Declaration {
        if origin == "mysql" {
            var native = column.native
            if !column.generated, let computed = native.ranges(of: " GENERATED ALWAYS AS ").first {
                native = String(native[..<computed.lowerBound])
            }
            return Declaration(native, column.type)
        }
        return declaration(of: column.type)
    }

    private func declaration(of type: ColumnType) -> Declaration {
        switch type {
        case .boolean: return Declaration("tinyint(1)", .boolean)
        case .integer(let bits, let unsigned):
            let name = bits <= 8 ? "tinyint" : bits <= 16 ? "smallint" : bits <= 24 ? "mediumint" : bits <= 32 ? "int" : "bigint"
            return Declaration(unsigned ? name + " unsigned" : name, type)
        case .float(let bits): return Declaration(bits == 32 ? "float" : "double", type, loss: nil)
        case .decimal(let precision?, let scale):
            let scale = scale ?? 0
            // PostgreSQL allows a scale below zero or above the precision.
            let digits = max(precision, scale) - min(scale, 0)
            if digits <= 65, scale <= 30 {
                let kept = max(scale, 0)
                return Declaration("decimal(\(digits),\(kept))", .decimal(precision: digits, scale: kept))
            }
            return Declaration("longtext", .text, loss: "\(type) is beyond decimal(65,30) and is kept as text")
        case .decimal: return Declaration("longtext", .text, loss: "an unbounded decimal is kept as text")
        case .text(let length?) where length <= 16_383: return Declaration("varchar(\(max(length, 1)))", .text(length: max(length, 1)))
        case .text: return Declaration("longtext", .text)
        case .bytes(let length?) where length <= 65_000: return Declaration("varbinary(\(max(length, 1)))", .bytes(length: max(length, 1)))
        case .bytes: return Declaration("longblob", .bytes)
        case .date: return Declaration("date", .date)
        case .time(let precision): return Declaration("time(\(min(precision, 6)))", .duration(precision: min(precision, 6)))
        case .duration(let precision): return Declaration("time(\(min(precision, 6)))", .duration(precision: min(precision, 6)))
        case .timestamp(let precision):
            return Declaration("datetime(\(min(precision, 6)))", .timestamp(precision: min(precision, 6)))
        case .instant(let precision):
            // TIMESTAMP ends in 2038, and DATETIME has no zone.
            return Declaration(
                "datetime(\(min(precision, 6)))", .timestamp(precision: min(precision, 6)), loss: "the zone: instants are kept as UTC")
        case .json: return Declaration("json", .json)
        case .uuid: return Declaration("char(36)", .text(length: 36))
        case .bits(let length?) where length <= 64: return Declaration("bit(\(max(length, 1)))", .bits(length: max(length, 1)))
        case .bits: return Declaration("longtext", .text, loss: "bits beyond 64 are kept as text")
        case .array: return Declaration("longtext", .text, loss: "an array is kept as its text, {a,b}")
        case .other(let name): return Declaration("longtext", .text, loss: "\(name) is kept as its text")
        }
    }

    /// As the protocol's own, and columns of keys and indexes get a type that can be indexed.
    func translate(_ source: TableShape, named name: TableName, origin: String) -> (shape: TableShape, losses: [String]) {
        var losses: [String] = []
        var shape = source
        shape.name = name
        shape.kind = .table
        shape.origin = origin
        let indexed = Set(source.primaryKey + source.indexes.flatMap(\.columns) + source.foreignKeys.flatMap(\.columns))
        shape.columns = source.columns.map { column in
            var declared = declaration(of: column, origin: source.origin)
            if source.origin != origin, indexed.contains(column.name) { declared = indexable(declared, source, column.name) }
            if let loss = declared.loss { losses.append("\(column.name): \(loss)") }
            var copy = column
            copy.native = declared.native
            copy.type = declared.type
            if source.origin != origin {
                if case .expression(let sql) = column.initial {
                    copy.initial = nil
                    losses.append("\(column.name): the default `\(sql)` does not translate")
                }
                if case .array = column.type { copy.initial = nil }
            }
            return copy
        }
        if source.origin != origin {
            shape.indexes.removeAll { index in
                guard index.columns.isEmpty || index.definition != nil else { return false }
                losses.append("index \(index.name) does not translate")
                return true
            }
            keepOneCounter(&shape, losses: &losses)
            limitRow(&shape, keys: indexed, losses: &losses)
        }
        return (shape, losses)
    }

    /// A table may have one AUTO_INCREMENT, PostgreSQL's any number: that of the primary key stays, else the first.
    private func keepOneCounter(_ shape: inout TableShape, losses: inout [String]) {
        let counters = shape.columns.filter(\.identity).map(\.name)
        guard counters.count > 1 else { return }
        let kept = counters.first { $0 == shape.primaryKey.first } ?? counters[0]
        for index in shape.columns.indices where shape.columns[index].identity && shape.columns[index].name != kept {
            shape.columns[index].identity = false
            losses.append("\(shape.columns[index].name): it no longer counts by itself; MySQL allows one such column, \(kept)")
        }
    }

    /// InnoDB indexes up to 3072 octets in all: text and octets without a length cannot be indexed.
    private func indexable(_ declared: Declaration, _ source: TableShape, _ column: String) -> Declaration {
        let keys = [source.primaryKey] + source.indexes.map(\.columns) + source.foreignKeys.map(\.columns)
        let width = keys.filter { $0.contains(column) }.map(\.count).max() ?? 1
        let most = 768 / max(1, width)
        switch declared.type {
        case .text(let length) where length == nil || length! > most:
            let chars = min(255, most)
            return Declaration(
                "varchar(\(chars))", .text(length: chars),
                loss: "it is part of an index, which needs a length: texts up to \(chars) characters fit")
        case .bytes(let length) where length == nil || length! > most * 4:
            let octets = min(767, most * 4)
            return Declaration(
                "varbinary(\(octets))", .bytes(length: octets),
                loss: "it is part of an index, which needs a length: values up to \(octets) octets fit")
        default: return declared
        }
    }

    /// A row's varchar and varbinary columns may take 65,535 octets: the longest ones become longtext and longblob.
    private func limitRow(_ shape: inout TableShape, keys: Set<String>, losses: inout [String]) {
        func width(_ type: ColumnType) -> Int {
            switch type {
            case .text(let length?): length * 4 + 2
            case .bytes(let length?): length + 2
            default: 10
            }
        }
        while shape.columns.reduce(0, { $0 + width($1.type) }) > 65_000 {
            let candidates = shape.columns.indices.filter { !keys.contains(shape.columns[$0].name) && width(shape.columns[$0].type) > 10 }
            guard let widest = candidates.max(by: { width(shape.columns[$0].type) < width(shape.columns[$1].type) }) else { return }
            if case .text = shape.columns[widest].type {
                (shape.columns[widest].native, shape.columns[widest].type) = ("longtext", .text)
            } else {
                (shape.columns[widest].native, shape.columns[widest].type) = ("longblob", .bytes)
            }
        }
    }
}
