import ApusCore
import MySQLClient
import Tabular

/// How MySQL and MariaDB write names, values and declarations.
struct MySQLDialect: Dialect {
    let identifierLimit = 64
    /// The session's clock has one offset in all the years of TIMESTAMP.
    var hasFixedClock = false

    func quote(_ identifier: String) -> String { ClientText.quote(identifier) }

    func literal(_ text: String) -> String { ClientText.literal(text) }

    /// In the session's own zone, whichever it is.
    func instant(_ seconds: Int) -> String { "FROM_UNIXTIME(\(seconds))" }

    func literal(_ text: String, type: ColumnType) -> String {
        switch type {
        case .integer, .decimal, .float: text.isEmpty ? "NULL" : text
        case .boolean: text == "true" ? "1" : text == "false" ? "0" : text
        // The server's own text of bytes, as slices have it, is hexadecimal, that of bits a number.
        case .bytes: Self.isHexadecimal(text) ? "x'\(text)'" : literal(text)
        case .bits: text.isEmpty ? "NULL" : text
        case .instant: Self.instant(text).map { "FROM_UNIXTIME(\(Self.seconds($0)))" } ?? literal(text)
        default: literal(text)
        }
    }

    private static func isHexadecimal(_ text: String) -> Bool {
        text.utf8.count % 2 == 0 && text.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 102) }
    }

    /// Microseconds of an instant's text; without an offset it is UTC, as older versions wrote it.
    private static func instant(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { Parse.instant($0) }.flatMap { Temporal.isZero($0) || $0 < 0 ? nil : $0 }
    }

    /// `1717200000.500000`
    private static func seconds(_ microseconds: Int64) -> String {
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000)"
            + (fraction == "0" ? "" : "." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction)
    }

    /// An instant is compared as one. Where the session's clock shows an hour twice, a wall clock would not do: then an index
    /// serves for what is near, and seconds since 1970 decide.
    func condition(_ column: Column, _ comparison: String, _ text: String) -> String {
        let name = quote(column.name)
        guard case .instant = column.type, !hasFixedClock, let value = Self.instant(text) else {
            return "\(name) \(comparison) \(literal(text, type: column.type))"
        }
        // Twice the longest hour that a clock is set back.
        let slack: Int64 = 4 * 3_600_000_000
        // Beyond it FROM_UNIXTIME may be NULL.
        let last = max(value, 2_147_483_647_000_000)
        var near: [String] = []
        if comparison != "<" && comparison != "<=" { near.append("\(name) >= FROM_UNIXTIME(\(Self.seconds(max(0, value - slack))))") }
        if comparison != ">" && comparison != ">=" { near.append("\(name) <= FROM_UNIXTIME(\(Self.seconds(min(value + slack, last))))") }
        return "(\(near.joined(separator: " AND ")) AND COALESCE(UNIX_TIMESTAMP(\(name)), 0) \(comparison) \(Self.seconds(value)))"
    }

    // MARK: Declarations

    func declaration(of column: ColumnShape, origin: String) -> Declaration {
        if origin == "mysql" {
            var native = column.native
            if !column.generated || Self.isPeriod(column), let computed = native.ranges(of: " GENERATED ALWAYS AS ").first {
                native = String(native[..<computed.lowerBound])
            }
            return Declaration(native, column.type)
        }
        if let labels = column.labels, origin == "postgres" || origin == "sqlite", let declared = enumeration(labels) { return declared }
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
                "datetime(\(min(precision, 6)))", .timestamp(precision: min(precision, 6)))
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
        let isOwn = source.origin == origin
        let indexed = Set(source.primaryKey + source.indexes.flatMap(\.columns) + source.foreignKeys.flatMap(\.columns))
        var shape = translated(source, named: name, origin: origin, &losses) { column in
            let declared = declaration(of: column, origin: source.origin)
            return !isOwn && indexed.contains(column.name) ? indexable(declared, source, column.name) : declared
        }
        for (index, column) in source.columns.enumerated() where !isOwn {
            if shape.columns[index].native.hasPrefix("enum(") { shape.columns[index].labels = column.labels }
        }
        if !isOwn {
            for index in shape.foreignKeys.indices {
                // InnoDB has no SET DEFAULT.
                if shape.foreignKeys[index].onDelete == "SET DEFAULT" { shape.foreignKeys[index].onDelete = nil }
                if shape.foreignKeys[index].onUpdate == "SET DEFAULT" { shape.foreignKeys[index].onUpdate = nil }
            }
            keepOneCounter(&shape, losses: &losses)
            limitRow(&shape, keys: indexed, losses: &losses)
        } else {
            // The table that is made keeps no history, so that the times of its rows are values like any other's.
            for index in shape.columns.indices where Self.isPeriod(source.columns[index]) { shape.columns[index].generated = false }
        }
        return (shape, losses)
    }

    private static func isPeriod(_ column: ColumnShape) -> Bool {
        column.native.hasSuffix(" AS ROW START") || column.native.hasSuffix(" AS ROW END")
    }

    /// Texts are compared as they are in the system that the check comes from: with regard to case.
    func condition(_ meaning: Condition, on columns: [ColumnShape]) -> String? {
        let texts = Set(columns.filter(\.type.isCharacters).map(\.name))
        return meaning.sql(self, isText: texts.contains) { name, isCompared in
            isCompared ? "\(quote(name)) COLLATE utf8mb4_bin" : quote(name)
        }
    }

    /// MySQL's enumeration, where it tells the labels apart: without regard to case and blanks at the end.
    private func enumeration(_ labels: [String]) -> Declaration? {
        let folded = Set(labels.map { $0.lowercased() })
        guard folded.count == labels.count, labels.count <= 1000,
            labels.allSatisfy({ label in
                label.utf8.allSatisfy { $0 >= 32 && $0 < 127 } && label.utf8.count <= 255 && !label.isEmpty && label.last != " "
            })
        else { return nil }
        let most = labels.map(\.count).max() ?? 1
        return Declaration("enum(\(labels.map { literal($0) }.joined(separator: ",")))", .text(length: most))
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
