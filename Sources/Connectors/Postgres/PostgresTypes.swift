import Tabular

/// The binary forms of values that Apus reads and writes (each type's `_recv` and `_send` functions in PostgreSQL).
enum PostgresCodec: UInt8 {
    case boolean, int16, int32, int64, oid, float32, float64, numeric
    /// UTF-8 or any other octets as they are.
    case text
    case bytes
    /// A version octet, 1, before the text.
    case jsonb
    case uuid, date, time, timestamp
    /// Microseconds, days and months; only written, from durations.
    case interval
    case bits
}

/// A type of the server as a column has it.
struct PostgresType: Hashable {
    /// Of the base type, when the column's is a domain.
    var oid: UInt32
    var type: ColumnType
    /// nil: only its text is understood.
    var codec: PostgresCodec?
    /// What a SELECT makes of the column, so that binary COPY serves it: a cast (`::text`) or the name of a function.
    var cast: String?
    /// What a column takes, where that is less than ``type``: numeric(3,-2) only whole hundreds, and interval(0) whole seconds,
    /// which the server rounds to.
    var taken: ColumnType?

    /// The column in that form.
    static func cast(_ sql: String, _ cast: String?) -> String {
        guard let cast else { return sql }
        return cast.hasPrefix("::") ? "(\(sql))\(cast)" : "\(cast)(\(sql))"
    }

    /// The name of this type in a ``WireFormat``: enumerations are sent as text.
    var wireOID: UInt32 { codec == .text && oid >= 16384 ? PostgresOID.text : oid }
}

/// Type OIDs (src/include/catalog/pg_type.dat).
enum PostgresOID {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let char: UInt32 = 18
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let oid: UInt32 = 26
    static let json: UInt32 = 114
    static let xml: UInt32 = 142
    static let float4: UInt32 = 700
    static let float8: UInt32 = 701
    static let unknown: UInt32 = 705
    static let money: UInt32 = 790
    static let inet: UInt32 = 869
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let date: UInt32 = 1082
    static let time: UInt32 = 1083
    static let timestamp: UInt32 = 1114
    static let timestamptz: UInt32 = 1184
    static let interval: UInt32 = 1186
    static let bit: UInt32 = 1560
    static let varbit: UInt32 = 1562
    static let numeric: UInt32 = 1700
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
}

/// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's calendar begins.
enum PostgresEpoch {
    static let days: Int64 = 10_957
    static let microseconds: Int64 = 946_684_800_000_000
    /// The first and last value that PostgreSQL takes, counted from 1970 (src/include/datatype/timestamp.h).
    static let firstDay: Int64 = Temporal.days(year: -4713, month: 11, day: 24)
    static let lastDay: Int64 = Temporal.days(year: 5_874_897, month: 12, day: 31)
    static let firstMicrosecond: Int64 = firstDay * Temporal.microsecondsPerDay
    /// A batch's own range ends earlier than PostgreSQL's, in the year 294,247.
    static let lastMicrosecond = Int64.max - 1
}

extension PostgresType {
    /// A built-in scalar type; nil for any other.
    init?(scalar oid: UInt32, modifier: Int32, name: String) {
        let length = modifier >= 4 ? Int(modifier) - 4 : nil
        let precision = modifier >= 0 ? min(Int(modifier), 6) : 6
        switch oid {
        case PostgresOID.bool: self.init(oid: oid, type: .boolean, codec: .boolean)
        case PostgresOID.bytea: self.init(oid: oid, type: .bytes, codec: .bytes)
        case PostgresOID.int2: self.init(oid: oid, type: .int16, codec: .int16)
        case PostgresOID.int4: self.init(oid: oid, type: .int32, codec: .int32)
        case PostgresOID.int8: self.init(oid: oid, type: .int64, codec: .int64)
        case PostgresOID.oid: self.init(oid: oid, type: .integer(bits: 32, unsigned: true), codec: .oid)
        case PostgresOID.float4: self.init(oid: oid, type: .float(bits: 32), codec: .float32)
        case PostgresOID.float8: self.init(oid: oid, type: .float64, codec: .float64)
        case PostgresOID.numeric:
            self.init(oid: oid, type: PostgresType.decimal(modifier), codec: .numeric, taken: PostgresType.coarse(modifier))
        case PostgresOID.text, PostgresOID.unknown: self.init(oid: PostgresOID.text, type: .text, codec: .text)
        case PostgresOID.varchar, PostgresOID.bpchar: self.init(oid: oid, type: .text(length: length), codec: .text)
        case PostgresOID.name: self.init(oid: oid, type: .text(length: 63), codec: .text)
        case PostgresOID.char: self.init(oid: oid, type: .text(length: 1), cast: "::text")
        case PostgresOID.json: self.init(oid: oid, type: .json, codec: .text)
        case PostgresOID.jsonb: self.init(oid: oid, type: .json, codec: .jsonb)
        case PostgresOID.xml: self.init(oid: oid, type: .other("xml"), cast: "::text")
        // `192.168.1.5`, to which a cast to text adds `/32`.
        case PostgresOID.inet: self.init(oid: oid, type: .other("inet"), cast: "pg_catalog.abbrev")
        case PostgresOID.uuid: self.init(oid: oid, type: .uuid, codec: .uuid)
        case PostgresOID.date: self.init(oid: oid, type: .date, codec: .date)
        case PostgresOID.time: self.init(oid: oid, type: .time(precision: precision), codec: .time)
        case PostgresOID.timestamp: self.init(oid: oid, type: .timestamp(precision: precision), codec: .timestamp)
        case PostgresOID.timestamptz: self.init(oid: oid, type: .instant(precision: precision), codec: .timestamp)
        case PostgresOID.bit, PostgresOID.varbit:
            self.init(oid: oid, type: .bits(length: modifier > 0 ? Int(modifier) : nil), codec: .bits)
        case PostgresOID.money: self.init(oid: oid, type: .decimal(precision: 19, scale: 2), cast: "::numeric")
        default: return nil
        }
    }

    /// numeric with a negative scale, as it is declared.
    private static func coarse(_ modifier: Int32) -> ColumnType? {
        guard modifier >= 4 else { return nil }
        let scale = Int(((modifier - 4) & 0x7ff) ^ 1024) - 1024
        return scale < 0 ? .decimal(precision: Int((modifier - 4) >> 16 & 0xffff), scale: scale) : nil
    }

    /// numeric's type modifier: precision above, scale in the lower 11 bits with a sign (since 15).
    private static func decimal(_ modifier: Int32) -> ColumnType {
        guard modifier >= 4 else { return .decimal(precision: nil, scale: nil) }
        let precision = Int((modifier - 4) >> 16 & 0xffff)
        let scale = Int(((modifier - 4) & 0x7ff) ^ 1024) - 1024
        // numeric(3,-2) holds 99900; numeric(2,4) holds 0.0099.
        if scale < 0 { return .decimal(precision: precision - scale, scale: 0) }
        return .decimal(precision: max(precision, scale), scale: scale)
    }
}
