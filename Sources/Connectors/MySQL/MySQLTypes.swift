import ApusCore
import CMariaDB
import Tabular

/// Native types as canonical ones.
enum MySQLTypes {
    /// What `information_schema.columns` says of a column.
    struct Native {
        /// `int`, `varchar`, …
        var name: String
        /// `int(10) unsigned`, `enum('a','b')`, …
        var declaration: String
        var characters: Int?
        var precision: Int?
        var scale: Int?
        var fraction: Int?
        /// MariaDB's JSON is `longtext` with a check.
        var isJSON = false
    }

    static func isGeometry(_ name: String) -> Bool {
        [
            "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection",
            "geomcollection",
        ].contains(name.lowercased())
    }

    static func type(_ native: Native, _ options: MySQLOptions) -> ColumnType {
        let declaration = native.declaration.lowercased()
        let unsigned = declaration.contains(" unsigned") || declaration.contains(" zerofill")
        switch native.name.lowercased() {
        case "tinyint":
            if options.tinyint1IsBoolean, declaration.hasPrefix("tinyint(1)"), !unsigned { return .boolean }
            return .integer(bits: 8, unsigned: unsigned)
        case "smallint": return .integer(bits: 16, unsigned: unsigned)
        case "mediumint": return .integer(bits: 24, unsigned: unsigned)
        case "int", "integer": return .integer(bits: 32, unsigned: unsigned)
        case "bigint": return .integer(bits: 64, unsigned: unsigned)
        case "year": return .integer(bits: 16, unsigned: true)
        case "decimal", "numeric": return .decimal(precision: native.precision ?? 10, scale: native.scale ?? 0)
        case "float": return .float(bits: 32)
        case "double", "real": return .float(bits: 64)
        case "bit": return .bits(length: native.precision ?? 1)
        case "date": return .date
        case "time": return .duration(precision: native.fraction ?? 0)
        case "datetime": return .timestamp(precision: native.fraction ?? 0)
        case "timestamp": return .instant(precision: native.fraction ?? 0)
        case "json": return .json
        case "uuid": return .uuid
        case "char", "varchar", "enum", "set": return .text(length: native.characters)
        case "longtext" where native.isJSON: return .json
        case "tinytext", "text", "mediumtext", "longtext": return .text
        case "binary", "varbinary": return .bytes(length: native.characters)
        case "tinyblob", "blob", "mediumblob", "longblob", "vector": return .bytes
        case let name where isGeometry(name):
            return .bytes
        default: return .other(native.name.lowercased())
        }
    }

    /// The column of a result set, by the protocol's column definition.
    static func column(_ field: MYSQL_FIELD, _ options: MySQLOptions) -> ColumnShape {
        let flags = Int32(bitPattern: field.flags)
        let unsigned = flags & UNSIGNED_FLAG != 0
        let isBinary = field.charsetnr == 63
        // Lengths are in octets of the connection's character set, which is utf8mb4.
        let characters = Int(field.length) / 4
        let fraction = field.decimals <= 6 ? Int(field.decimals) : 0
        let type: ColumnType
        var native: String
        switch field.type {
        case MYSQL_TYPE_TINY:
            let isBoolean = options.tinyint1IsBoolean && field.length == 1 && !unsigned
            (type, native) = (isBoolean ? .boolean : .integer(bits: 8, unsigned: unsigned), "tinyint")
        case MYSQL_TYPE_SHORT: (type, native) = (.integer(bits: 16, unsigned: unsigned), "smallint")
        case MYSQL_TYPE_YEAR: (type, native) = (.integer(bits: 16, unsigned: true), "year")
        case MYSQL_TYPE_INT24: (type, native) = (.integer(bits: 24, unsigned: unsigned), "mediumint")
        case MYSQL_TYPE_LONG: (type, native) = (.integer(bits: 32, unsigned: unsigned), "int")
        case MYSQL_TYPE_LONGLONG: (type, native) = (.integer(bits: 64, unsigned: unsigned), "bigint")
        case MYSQL_TYPE_FLOAT: (type, native) = (.float(bits: 32), "float")
        case MYSQL_TYPE_DOUBLE: (type, native) = (.float64, "double")
        case MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL:
            let scale = Int(field.decimals)
            let precision = min(65, max(1, Int(field.length) - (scale > 0 ? 1 : 0) - (unsigned ? 0 : 1)))
            (type, native) = (.decimal(precision: precision, scale: scale), "decimal(\(precision),\(scale))")
        case MYSQL_TYPE_BIT: (type, native) = (.bits(length: Int(field.length)), "bit(\(field.length))")
        case MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE: (type, native) = (.date, "date")
        case MYSQL_TYPE_TIME, MYSQL_TYPE_TIME2: (type, native) = (.duration(precision: fraction), "time(\(fraction))")
        case MYSQL_TYPE_DATETIME, MYSQL_TYPE_DATETIME2: (type, native) = (.timestamp(precision: fraction), "datetime(\(fraction))")
        case MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_TIMESTAMP2: (type, native) = (.instant(precision: fraction), "timestamp(\(fraction))")
        case MYSQL_TYPE_JSON: (type, native) = (.json, "json")
        case MYSQL_TYPE_GEOMETRY: (type, native) = (.bytes, "geometry")
        case MYSQL_TYPE_NULL: (type, native) = (.text, "varchar(1)")
        case MYSQL_TYPE_STRING, MYSQL_TYPE_VAR_STRING, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_ENUM, MYSQL_TYPE_SET:
            let named = extendedType(field)
            if named == "uuid" {
                (type, native) = (.uuid, "uuid")
            } else if let named, named.hasPrefix("inet") {
                (type, native) = (.other(named), named)
            } else if flags & (ENUM_FLAG | SET_FLAG) != 0 {
                (type, native) = (.text(length: characters), flags & ENUM_FLAG != 0 ? "enum" : "set()")
            } else if isBinary {
                (type, native) = (.bytes(length: Int(field.length)), "varbinary(\(field.length))")
            } else {
                (type, native) = (.text(length: characters), "varchar(\(characters))")
            }
        default:
            if extendedFormat(field) == "json" {
                (type, native) = (.json, "json")
            } else {
                (type, native) = isBinary ? (.bytes, "longblob") : (.text, "longtext")
            }
        }
        if unsigned, case .integer = type, native != "year" { native += " unsigned" }
        let nullable = flags & NOT_NULL_FLAG == 0 || (options.zeroDatesAreNull && type.canBeZeroDate)
        return ColumnShape(String(cString: field.name), type, native: native, nullable: nullable)
    }

    private static func extendedType(_ field: MYSQL_FIELD) -> String? {
        attribute(field, MARIADB_FIELD_ATTR_DATA_TYPE_NAME)
    }

    private static func extendedFormat(_ field: MYSQL_FIELD) -> String? {
        attribute(field, MARIADB_FIELD_ATTR_FORMAT_NAME)
    }

    private static func attribute(_ field: MYSQL_FIELD, _ attribute: mariadb_field_attr_t) -> String? {
        var text = MARIADB_CONST_STRING()
        var field = field
        guard mariadb_field_attr(&text, &field, attribute) == 0, text.length > 0, let start = text.str else { return nil }
        return start.withMemoryRebound(to: UInt8.self, capacity: text.length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: text.length), as: UTF8.self)
        }
    }
}

extension ColumnType {
    /// Whether MySQL may hold `0000-00-00` in it.
    var canBeZeroDate: Bool {
        switch self {
        case .date, .timestamp, .instant: true
        default: false
        }
    }
}
