import Tabular

/// Reads the text of one field into a column of a batch: a ``ColumnType`` reduced to what the loop must tell apart.
///
/// It holds nothing that is counted by reference, so that loops copy it for free.
struct FieldParser {
    enum Kind: UInt8 {
        case text, integer, unsigned, float32, float64, boolean, decimal, date, time, duration, timestamp, instant, uuid
        case hex, base64
    }

    let kind: Kind
    /// The text is a JSON document.
    let isJSON: Bool
    /// Bounds of an integer.
    private let least: Int64
    private let most: UInt64
    /// Digits of a decimal before the point and after it; -1 = any.
    private let wholeDigits: Int
    private let fractionDigits: Int

    init(_ type: ColumnType, binary: BinaryText) {
        if case .json = type { isJSON = true } else { isJSON = false }
        var least = Int64.min, most = UInt64.max, whole = -1, fraction = -1
        switch type {
        case .boolean: kind = .boolean
        case .integer(let bits, true):
            kind = bits == 64 ? .unsigned : .integer
            least = 0
            most = bits == 64 ? .max : (1 << UInt64(bits)) - 1
        case .integer(let bits, false):
            kind = .integer
            least = bits == 64 ? .min : -(1 << Int64(bits - 1))
            most = bits == 64 ? UInt64(Int64.max) : (1 << UInt64(bits - 1)) - 1
        case .float(let bits): kind = bits == 32 ? .float32 : .float64
        case .decimal(let precision, let scale):
            kind = .decimal
            if let precision {
                whole = precision - (scale ?? 0)
                fraction = scale ?? 0
            }
        case .date: kind = .date
        case .time: kind = .time
        case .duration: kind = .duration
        case .timestamp: kind = .timestamp
        case .instant: kind = .instant
        case .uuid: kind = .uuid
        case .bytes: kind = binary == .hex ? .hex : .base64
        case .text, .json, .bits, .array, .other: kind = .text
        }
        self.least = least
        self.most = most
        wholeDigits = whole
        fractionDigits = fraction
    }

    /// Whether an empty text is a value of its own, not NULL.
    var takesEmpty: Bool { kind == .text || kind == .hex || kind == .base64 }

    /// Appends the value of the text; spaces around what is no text are let pass. False, and nothing appended, when
    /// the text is no such value.
    @inline(__always)
    func parse(_ bytes: UnsafeBufferPointer<UInt8>, into column: inout ColumnBuffer) -> Bool {
        if kind == .text {
            if let start = bytes.baseAddress {
                column.append(start, count: bytes.count)
            } else {
                column.commit(0)
            }
            return true
        }
        if parseExactly(bytes, into: &column) { return true }
        let trimmed = Parse.trimmed(bytes)
        return trimmed.count < bytes.count && trimmed.count > 0 && parseExactly(trimmed, into: &column)
    }

    private func parseExactly(_ bytes: UnsafeBufferPointer<UInt8>, into column: inout ColumnBuffer) -> Bool {
        let value: Int64?
        switch kind {
        case .text: return false
        case .integer:
            guard let number = Parse.integer(bytes), number >= least, number < 0 || UInt64(number) <= most else {
                return false
            }
            value = number
        case .unsigned: value = Parse.unsigned(bytes).map { Int64(bitPattern: $0) }
        case .float64: value = Parse.double(bytes).map { Int64(bitPattern: $0.bitPattern) }
        case .float32: value = Parse.double(bytes).map { Int64(bitPattern: Double(Float($0)).bitPattern) }
        case .boolean: value = Parse.boolean(bytes).map { $0 ? 1 : 0 }
        case .date: value = Parse.date(bytes)
        case .time: value = Parse.time(bytes)
        case .duration: value = Parse.duration(bytes)
        case .timestamp: value = Parse.timestamp(bytes)
        case .instant: value = Parse.instant(bytes)
        case .decimal:
            if wholeDigits >= 0 {
                guard let number = DecimalText(bytes), number.integerDigits <= wholeDigits,
                    number.isExact(scale: fractionDigits)
                else { return false }
                // `1.0` is a whole number: zeros beyond the scale are left out.
                let scale = number.fractionDigits > fractionDigits ? fractionDigits : nil
                column.commit(number.write(to: column.reserve(number.longest + max(-fractionDigits, 0)), scale: scale))
                return true
            }
            return Parse.decimal(bytes, into: &column)
        case .uuid:
            guard Parse.uuid(bytes, to: column.reserve(36)) else { return false }
            column.commit(36)
            return true
        case .hex:
            guard let length = Parse.hex(bytes, to: column.reserve(bytes.count)) else { return false }
            column.commit(length)
            return true
        case .base64:
            guard let length = Base64.decode(bytes, to: column.reserve(bytes.count)) else { return false }
            column.commit(length)
            return true
        }
        guard let value else { return false }
        column.append(value)
        return true
    }
}
