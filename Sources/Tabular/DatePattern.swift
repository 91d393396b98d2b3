/// How dates and times are written, as Java's SimpleDateFormat spells it: `yyyy` or `yy`, `MM` or `M`, `dd` or `d`,
/// `HH` or `H`, `mm`, `ss`, `SSS` (a fraction of one to six digits); text between single quotes and every other sign is
/// itself.
public struct DatePattern: Sendable, Hashable {
    private enum Part: Sendable, Hashable {
        case octet(UInt8)
        case field(Field, width: Int)
    }

    private enum Field: Sendable, Hashable { case year, month, day, hour, minute, second, fraction }

    private var parts: [Part] = []

    /// Nil when the pattern has a letter that is none of these.
    public init?(_ pattern: String) {
        var rest = pattern[...]
        while let first = rest.first {
            if first == "'" {
                guard let close = rest.dropFirst().firstIndex(of: "'") else { return nil }
                let inside = rest[rest.index(after: rest.startIndex)..<close]
                parts += (inside.isEmpty ? "'" : String(inside)).utf8.map { .octet($0) }
                rest = rest[rest.index(after: close)...]
            } else if first.isASCII, first.isLetter {
                let run = rest.prefix { $0 == first }
                guard let field = Self.field(first), run.count <= (field == .fraction ? 6 : field == .year ? 4 : 2) else { return nil }
                parts.append(.field(field, width: run.count))
                rest = rest[run.endIndex...]
            } else {
                parts += String(first).utf8.map { .octet($0) }
                rest = rest.dropFirst()
            }
        }
        guard !parts.isEmpty else { return nil }
    }

    private static func field(_ letter: Character) -> Field? {
        switch letter {
        case "y": .year
        case "M": .month
        case "d": .day
        case "H": .hour
        case "m": .minute
        case "s": .second
        case "S": .fraction
        default: nil
        }
    }

    /// Microseconds since 1970-01-01 of a text; nil when it does not fit the pattern or the calendar. What the pattern
    /// has no field for is the beginning of its unit.
    public func microseconds(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        var year = 1970, month = 1, day = 1, seconds = 0, fraction = 0
        var position = 0
        for (index, part) in parts.enumerated() {
            switch part {
            case .octet(let octet):
                guard position < bytes.count, bytes[position] == octet else { return nil }
                position += 1
            case .field(let field, let width):
                // Digits of a neighbour must not be taken: then the width counts.
                let isTight = index + 1 < parts.count && { if case .field = parts[index + 1] { true } else { false } }()
                let most = isTight ? width : field == .fraction ? 6 : max(width, field == .year ? 4 : 2)
                let start = position
                var value = 0
                while position < bytes.count, position - start < most, bytes[position] &- 48 < 10 {
                    value = value * 10 + Int(bytes[position] &- 48)
                    position += 1
                }
                let digits = position - start
                guard digits > 0, !isTight || digits == width else { return nil }
                switch field {
                case .year: year = width == 2 && digits <= 2 ? value + (value < 70 ? 2000 : 1900) : value
                case .month: month = value
                case .day: day = value
                case .hour:
                    guard value < 24 else { return nil }
                    seconds += value * 3600
                case .minute:
                    guard value < 60 else { return nil }
                    seconds += value * 60
                case .second:
                    guard value < 60 else { return nil }
                    seconds += value
                case .fraction:
                    fraction = value
                    for _ in digits..<6 { fraction *= 10 }
                }
            }
        }
        guard position == bytes.count, Temporal.isValid(year: year, month: month, day: day) else { return nil }
        return Temporal.days(year: year, month: month, day: day) * Temporal.microsecondsPerDay
            + Int64(seconds) * 1_000_000 + Int64(fraction)
    }

    /// As ``microseconds(_:)-(UnsafeBufferPointer)``, for texts outside of the hot path.
    public func microseconds(_ text: String) -> Int64? {
        var text = text
        return text.withUTF8 { microseconds($0) }
    }

    /// Writes a point in time; false, and nothing written, for infinities and zero dates.
    public func append(_ microseconds: Int64, to buffer: inout ByteBuffer) -> Bool {
        if Temporal.isZero(microseconds) || Temporal.isInfinite(microseconds) { return false }
        let (days, rest) = Temporal.split(microseconds)
        let clock = Int(rest)
        let date = Temporal.date(ofDays: days)
        for part in parts {
            switch part {
            case .octet(let octet): buffer.append(octet)
            case .field(let field, let width):
                switch field {
                case .year: Self.append(width == 2 ? date.year % 100 : date.year, width, to: &buffer)
                case .month: Self.append(date.month, width, to: &buffer)
                case .day: Self.append(date.day, width, to: &buffer)
                case .hour: Self.append(clock / 3_600_000_000, width, to: &buffer)
                case .minute: Self.append(clock / 60_000_000 % 60, width, to: &buffer)
                case .second: Self.append(clock / 1_000_000 % 60, width, to: &buffer)
                case .fraction:
                    var value = clock % 1_000_000
                    for _ in width..<6 { value /= 10 }
                    Self.append(value, width, to: &buffer)
                }
            }
        }
        return true
    }

    private static func append(_ value: Int, _ width: Int, to buffer: inout ByteBuffer) {
        var limit = 10
        for _ in 1..<max(width, 1) {
            if value < limit { buffer.append(UInt8(ascii: "0")) }
            limit *= 10
        }
        // Zeros in front were written from the left: as many as digits are missing.
        buffer.append(integer: Int64(value))
    }
}
