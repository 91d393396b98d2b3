import ApusCore
import Tabular

/// Column types as users write them in options: `id:int64,price:decimal(10,2)`.
enum TypeNames {
    /// - throws: `config.invalid` with the nearest type name.
    static func columns(_ text: String) throws -> [(name: String, type: ColumnType)] {
        var parts: [Substring] = []
        var start = text.startIndex
        var depth = 0
        for index in text.indices {
            switch text[index] {
            case "(": depth += 1
            case ")": depth -= 1
            case "," where depth == 0:
                parts.append(text[start..<index])
                start = text.index(after: index)
            default: continue
            }
        }
        parts.append(text[start...])
        return try parts.filter { !$0.isEmpty }.map { part in
            guard let colon = part.lastIndex(of: ":"), colon > part.startIndex else {
                throw ApusError(
                    .configurationInvalid, "option `types`: `\(part)` is not of the form name:type",
                    hint: "Write types=id:int64,name:text.")
            }
            return (String(part[..<colon]), try type(String(part[part.index(after: colon)...])))
        }
    }

    private static let plain: [String: ColumnType] = [
        "boolean": .boolean, "bool": .boolean, "int8": .integer(bits: 8, unsigned: false), "int16": .int16,
        "smallint": .int16, "int24": .integer(bits: 24, unsigned: false), "int32": .int32, "int": .int64,
        "integer": .int64, "int64": .int64, "bigint": .int64, "uint8": .integer(bits: 8, unsigned: true),
        "uint16": .integer(bits: 16, unsigned: true), "uint24": .integer(bits: 24, unsigned: true),
        "uint32": .integer(bits: 32, unsigned: true), "uint64": .uint64, "float32": .float(bits: 32),
        "float64": .float64, "float": .float64, "double": .float64, "decimal": .decimal(precision: nil, scale: nil),
        "numeric": .decimal(precision: nil, scale: nil), "text": .text, "string": .text, "bytes": .bytes,
        "date": .date, "time": .time(precision: 6), "duration": .duration(precision: 6),
        "timestamp": .timestamp(precision: 6), "datetime": .timestamp(precision: 6),
        "instant": .instant(precision: 6), "timestamptz": .instant(precision: 6), "json": .json, "uuid": .uuid,
        "bits": .bits(length: nil),
    ]

    static func type(_ text: String) throws -> ColumnType {
        let name = text.prefix { $0 != "(" }.lowercased()
        let arguments = text.dropFirst(name.count).filter { !"() ".contains($0) }.split(separator: ",").map { Int($0) }
        let first = arguments.first ?? nil
        switch (name, arguments.count) {
        case (_, 0): if let type = plain[name] { return type }
        case ("decimal", 1), ("numeric", 1):
            if let first, first > 0 { return .decimal(precision: first, scale: 0) }
        case ("decimal", 2), ("numeric", 2):
            if let first, let scale = arguments[1], first > 0 { return .decimal(precision: first, scale: scale) }
        case ("text", 1), ("varchar", 1): if let first, first > 0 { return .text(length: first) }
        case ("bytes", 1): if let first, first > 0 { return .bytes(length: first) }
        case ("bits", 1): if let first, first > 0 { return .bits(length: first) }
        case ("time", 1): if let first, 0...6 ~= first { return .time(precision: first) }
        case ("duration", 1): if let first, 0...6 ~= first { return .duration(precision: first) }
        case ("timestamp", 1): if let first, 0...6 ~= first { return .timestamp(precision: first) }
        case ("instant", 1): if let first, 0...6 ~= first { return .instant(precision: first) }
        default: break
        }
        throw ApusError(
            .configurationInvalid, "option `types`: `\(text)` is no type",
            hint: Nearest.hint(for: name, among: plain.keys.sorted()))
    }
}
