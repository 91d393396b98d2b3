import ApusCore
import Tabular

/// What SQLite does to a value on its way into a column ("Datatypes In SQLite", §3.1).
enum SQLiteAffinity {
    case integer, text, blob, real, numeric

    /// Of a declared type, by the names it contains. In a STRICT table, ANY keeps every value as it is.
    init(declared: String, isStrict: Bool = false) {
        let name = declared.uppercased()
        func has(_ part: String) -> Bool { name.contains(part) }
        if has("INT") {
            self = .integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            self = .text
        } else if has("BLOB") || name.isEmpty || isStrict && name == "ANY" {
            self = .blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            self = .real
        } else {
            self = .numeric
        }
    }
}

/// Declared types and what they mean; README.md has the table.
enum SQLiteTypes {
    /// A declared type, taken apart: `timestamp(3) with time zone` is `TIMESTAMP WITH TIME ZONE` and 3.
    private static func split(_ declared: String) -> (name: String, arguments: [Int]) {
        var name = ""
        var inside = ""
        var depth = 0
        for character in declared.uppercased() {
            switch character {
            case "(": depth += 1
            case ")": depth -= 1
            default: if depth > 0 { inside.append(character) } else { name.append(character) }
            }
        }
        let words = name.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let arguments = inside.split(separator: ",").compactMap { Int($0.filter { !$0.isWhitespace }) }
        return (words, arguments)
    }

    /// Nil when the declaration does not tell: then the values must be looked at.
    static func type(declared: String) -> ColumnType? {
        let (name, arguments) = split(declared)
        let first = arguments.first
        let fraction = min(max(first ?? 6, 0), 6)
        switch name {
        case "BOOLEAN", "BOOL": return .boolean
        case "BIT" where first == nil || first == 1: return .boolean
        case "TINYINT", "INT1": return .integer(bits: 8, unsigned: false)
        case "SMALLINT", "INT2": return .int16
        case "MEDIUMINT", "INT3": return .integer(bits: 24, unsigned: false)
        case "INT4": return .int32
        case "TINYINT UNSIGNED": return .integer(bits: 8, unsigned: true)
        case "SMALLINT UNSIGNED": return .integer(bits: 16, unsigned: true)
        case "MEDIUMINT UNSIGNED": return .integer(bits: 24, unsigned: true)
        case "INT4 UNSIGNED": return .integer(bits: 32, unsigned: true)
        case "BIGINT UNSIGNED", "UNSIGNED BIG INT", "UINT64", "UNSIGNED64_BLOB": return .uint64
        case "DECIMAL", "NUMERIC", "NUMBER", "DEC", "DECIMAL_TEXT":
            return .decimal(precision: first, scale: first.map { _ in arguments.count > 1 ? arguments[1] : 0 })
        case "CHAR", "CHARACTER", "NCHAR", "NATIVE CHARACTER", "BPCHAR", "VARCHAR", "VARCHAR2", "NVARCHAR", "NVARCHAR2",
            "CHARACTER VARYING", "VARYING CHARACTER":
            return .text(length: first)
        case "FLOAT4": return .float(bits: 32)
        case "DATE": return .date
        case "TIME", "TIME WITHOUT TIME ZONE": return .time(precision: fraction)
        case "DURATION": return .duration(precision: fraction)
        case "DATETIME", "DATETIME2", "TIMESTAMP", "TIMESTAMP WITHOUT TIME ZONE": return .timestamp(precision: fraction)
        case "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "DATETIMEOFFSET", "INSTANT":
            return .instant(precision: fraction)
        case "JSON", "JSONB", "JSON_TEXT": return .json
        case "UUID", "GUID", "UNIQUEIDENTIFIER": return .uuid
        case "BITS_TEXT": return .bits(length: first)
        case "ARRAY_TEXT": return .array(.text)
        case "BINARY", "VARBINARY", "BYTEA", "BLOB": return .bytes(length: first)
        case "ANY", "": return nil
        default: break
        }
        switch SQLiteAffinity(declared: declared) {
        case .integer: return .int64
        case .text: return .text
        case .blob: return .bytes
        case .real: return .float64
        case .numeric: return nil
        }
    }

    /// Decimals of so many digits survive as a double, which is what NUMERIC affinity makes of them.
    static let exactDigits = 15

    /// How Apus declares a column of the type. The native type reads back as the same type, unless a loss is said.
    static func declaration(of type: ColumnType) -> Declaration {
        func exact(_ native: String) -> Declaration { Declaration(native, type) }
        func sized(_ name: String, _ size: Int?) -> Declaration { exact(size.map { "\(name)(\($0))" } ?? name) }
        func timed(_ name: String, _ precision: Int) -> Declaration {
            exact(precision == 6 ? name : "\(name)(\(precision))")
        }
        switch type {
        case .boolean: return exact("BOOLEAN")
        case .integer(64, true): return exact("UNSIGNED64_BLOB")
        case .integer(let bits, let unsigned):
            let name =
                switch bits {
                case 8: "TINYINT"
                case 16: "SMALLINT"
                case 24: "MEDIUMINT"
                case 32: "INT4"
                default: "INTEGER"
                }
            return exact(unsigned ? name + " UNSIGNED" : name)
        case .float(let bits): return exact(bits == 32 ? "FLOAT4" : "DOUBLE")
        case .decimal(let precision?, let scale):
            let scale = scale ?? 0
            let isExact = precision <= exactDigits && scale >= 0 && scale <= precision
            return Declaration(
                "\(isExact ? "DECIMAL" : "DECIMAL_TEXT")(\(precision),\(scale))",
                .decimal(precision: precision, scale: scale))
        case .decimal: return Declaration("DECIMAL_TEXT", .decimal(precision: nil, scale: nil))
        case .text(let length): return length == nil ? exact("TEXT") : sized("VARCHAR", length)
        case .bytes(let length): return sized("BLOB", length)
        case .date: return exact("DATE")
        case .time(let precision): return timed("TIME", precision)
        case .duration(let precision): return timed("DURATION", precision)
        case .timestamp(let precision): return timed("DATETIME", precision)
        case .instant(let precision): return timed("TIMESTAMPTZ", precision)
        case .json: return exact("JSON_TEXT")
        case .uuid: return exact("UUID")
        case .bits(let length): return sized("BITS_TEXT", length)
        case .array(.text(nil)): return exact("ARRAY_TEXT")
        case .array(let element):
            return Declaration(
                "ARRAY_TEXT", .array(.text), loss: "elements of type \(element) are kept as text: {1,NULL,\"a b\"}")
        case .other(let name): return Declaration("TEXT", .text, loss: "values of type \(name) become plain text")
        }
    }
}
