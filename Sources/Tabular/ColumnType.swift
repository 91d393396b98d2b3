/// What the values of a column are, whatever the system they live in.
///
/// Every connector maps its native types to these and back; the table of each connector's README says how.
public indirect enum ColumnType: Hashable, Sendable, Codable {
    case boolean
    /// `bits` is 8, 16, 24, 32 or 64.
    case integer(bits: Int, unsigned: Bool)
    /// `bits` is 32 or 64.
    case float(bits: Int)
    /// Exact decimal; no precision means unbounded.
    case decimal(precision: Int?, scale: Int?)
    /// Characters; no length means unbounded.
    case text(length: Int?)
    /// Octets; no length means unbounded.
    case bytes(length: Int?)
    case date
    /// Time of day. `precision` is the number of fractional digits, 0…6.
    case time(precision: Int)
    /// A signed span, as MySQL's TIME: may be negative or longer than a day.
    case duration(precision: Int)
    /// Date and time without a zone.
    case timestamp(precision: Int)
    /// An instant.
    case instant(precision: Int)
    case json
    case uuid
    /// A string of bits; no length means unbounded.
    case bits(length: Int?)
    /// In PostgreSQL's array text, `{1,NULL,"a b"}`.
    case array(ColumnType)
    /// Anything else, in its own text form; the name is the native type's.
    case other(String)

    public static let int16 = ColumnType.integer(bits: 16, unsigned: false)
    public static let int32 = ColumnType.integer(bits: 32, unsigned: false)
    public static let int64 = ColumnType.integer(bits: 64, unsigned: false)
    public static let uint64 = ColumnType.integer(bits: 64, unsigned: true)
    public static let float64 = ColumnType.float(bits: 64)
    public static let text = ColumnType.text(length: nil)
    public static let bytes = ColumnType.bytes(length: nil)

    /// How a batch holds the values.
    @inlinable public var storage: Storage {
        switch self {
        case .boolean, .integer, .float, .date, .time, .duration, .timestamp, .instant: .fixed
        case .decimal, .text, .bytes, .json, .uuid, .bits, .array, .other: .variable
        }
    }
}

/// The two layouts of a column in a batch.
public enum Storage: UInt8, Sendable, Codable {
    /// Eight bytes a value:
    /// boolean 0 or 1 · integer its value (unsigned 64: the bit pattern) · float the bits of a Double ·
    /// date days since 1970-01-01 · time and duration microseconds · timestamp microseconds since 1970-01-01 00:00 ·
    /// instant microseconds since the epoch, UTC. See ``Temporal`` for what has no place on the calendar.
    case fixed
    /// Octets in an arena:
    /// decimal its plain digits (`-12.50`, `NaN`, `Infinity`) · text and json UTF-8 · bytes raw ·
    /// uuid 36 lower-case characters · bits '0' and '1' · array and other the native text.
    case variable
}

extension ColumnType: CustomStringConvertible {
    /// As the plan prints it: `int32`, `decimal(10,2)`, `text(40)`.
    public var description: String {
        switch self {
        case .boolean: return "boolean"
        case .integer(let bits, let unsigned): return (unsigned ? "uint" : "int") + String(bits)
        case .float(let bits): return "float\(bits)"
        case .decimal(let precision?, let scale): return "decimal(\(precision),\(scale ?? 0))"
        case .decimal: return "decimal"
        case .text(let length): return length.map { "text(\($0))" } ?? "text"
        case .bytes(let length): return length.map { "bytes(\($0))" } ?? "bytes"
        case .date: return "date"
        case .time(let precision): return "time(\(precision))"
        case .duration(let precision): return "duration(\(precision))"
        case .timestamp(let precision): return "timestamp(\(precision))"
        case .instant(let precision): return "instant(\(precision))"
        case .json: return "json"
        case .uuid: return "uuid"
        case .bits(let length): return length.map { "bits(\($0))" } ?? "bits"
        case .array(let element): return "\(element)[]"
        case .other(let name): return name
        }
    }
}
