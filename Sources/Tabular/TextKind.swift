/// How a column's values become canonical text: a ``ColumnType`` reduced to what a loop has to tell apart.
public enum TextKind: UInt8, Sendable {
    case boolean, integer
    /// Integers of 64 bits without a sign, whose storage is a bit pattern.
    case unsigned
    case float32, float64, date, time, duration, timestamp, instant
    /// Octets, printed as `\x` and hexadecimal digits.
    case bytes
    /// Whatever is stored as its text already.
    case stored

    public init(_ type: ColumnType) {
        switch type {
        case .boolean: self = .boolean
        case .integer(64, true): self = .unsigned
        case .integer: self = .integer
        case .float(let bits): self = bits == 32 ? .float32 : .float64
        case .date: self = .date
        case .time: self = .time
        case .duration: self = .duration
        case .timestamp: self = .timestamp
        case .instant: self = .instant
        case .bytes: self = .bytes
        case .decimal, .text, .json, .uuid, .bits, .array, .other: self = .stored
        }
    }
}
