import ApusCore
import CMariaDB
import Tabular

/// Native types as canonical ones.
enum StarRocksTypes {
    /// A type as `SHOW CREATE TABLE` or `information_schema.columns` writes it, in its own words again: `bigint(20) unsigned`
    /// is LARGEINT there, and `tinyint(1)` is BOOLEAN.
    static func normalized(_ native: String) -> String {
        let text = native.lowercased()
        let base = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let rest = text[base.endIndex...]
        switch base {
        case "tinyint" where rest.hasPrefix("(1)"): return "boolean"
        case "bool": return "boolean"
        case "bigint" where rest.hasSuffix("unsigned"): return "largeint"
        case "tinyint", "smallint", "int", "bigint", "largeint": return String(base)
        case "integer": return "int"
        case "decimal32", "decimal64", "decimal128", "decimal256", "decimalv3", "decimalv2", "numeric":
            return "decimal" + rest.filter { $0 != " " }
        case "decimal": return "decimal" + rest.filter { $0 != " " }
        case "datev2": return "date"
        case "datetimev2": return "datetime" + rest
        case "jsonb": return "json"
        case "text": return "string"
        default: return text
        }
    }

    /// An aggregate's state, which no SELECT shows: a BITMAP alone has a text.
    static func isState(_ native: String) -> Bool {
        ["hll", "percentile", "quantile_state", "agg_state"].contains { native.hasPrefix($0) }
    }

    /// - parameter native: as ``normalized(_:)`` gives it.
    static func type(_ native: String) -> ColumnType {
        let base = native.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let numbers = native[base.endIndex...].split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        switch base {
        case "boolean": return .boolean
        case "tinyint": return .integer(bits: 8, unsigned: false)
        case "smallint": return .int16
        case "int": return .int32
        case "bigint": return .int64
        // ±(2^127 − 1) has 39 digits.
        case "largeint": return .decimal(precision: 39, scale: 0)
        case "float": return .float(bits: 32)
        case "double": return .float64
        case "decimal": return .decimal(precision: numbers.first ?? 10, scale: numbers.count > 1 ? numbers[1] : 0)
        case "char": return .text(length: numbers.first ?? 1)
        // 65533 and 1048576 octets are what STRING is.
        case "varchar": return .text(length: numbers.first.flatMap { $0 < 65_533 ? $0 : nil })
        case "string": return .text
        case "varbinary", "binary": return .bytes(length: numbers.first.flatMap { $0 < 65_533 ? $0 : nil })
        case "date": return .date
        case "datetime": return .timestamp(precision: numbers.first ?? 6)
        case "json": return .json
        default: return .other(native)
        }
    }

    /// The column of a result set, by the protocol's column definition.
    static func column(_ field: MYSQL_FIELD) -> ColumnShape {
        let isBinary = field.charsetnr == 63
        let type: ColumnType
        let native: String
        switch field.type {
        case MYSQL_TYPE_TINY: (type, native) = field.length == 1 ? (.boolean, "boolean") : (.integer(bits: 8, unsigned: false), "tinyint")
        case MYSQL_TYPE_SHORT: (type, native) = (.int16, "smallint")
        case MYSQL_TYPE_LONG, MYSQL_TYPE_INT24: (type, native) = (.int32, "int")
        case MYSQL_TYPE_LONGLONG: (type, native) = field.flags & UInt32(UNSIGNED_FLAG) != 0 ? (.uint64, "largeint") : (.int64, "bigint")
        case MYSQL_TYPE_FLOAT: (type, native) = (.float(bits: 32), "float")
        case MYSQL_TYPE_DOUBLE: (type, native) = (.float64, "double")
        case MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL:
            // Old versions send a length of 255 and no scale for every column.
            let scale = Int(field.decimals)
            if field.length <= 80, scale <= 76 {
                let digits = min(76, max(1, scale, Int(field.length) - (scale > 0 ? 2 : 1)))
                (type, native) = (.decimal(precision: digits, scale: scale), "decimal(\(digits),\(scale))")
            } else {
                (type, native) = (.decimal(precision: nil, scale: nil), "decimal(38,9)")
            }
        case MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE: (type, native) = (.date, "date")
        case MYSQL_TYPE_DATETIME, MYSQL_TYPE_DATETIME2, MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TIMESTAMP2:
            (type, native) = (.timestamp(precision: 6), "datetime")
        case MYSQL_TYPE_JSON: (type, native) = (.json, "json")
        case MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB:
            (type, native) = isBinary ? (.bytes, "varbinary") : (.text, "string")
        default: (type, native) = (.text, "string")
        }
        return ColumnShape(String(cString: field.name), type, native: native)
    }
}
