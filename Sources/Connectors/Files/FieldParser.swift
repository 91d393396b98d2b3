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
    /// Microseconds of the last fraction digit that the column has.
    private let unit: Int64

    init(_ type: ColumnType, binary: BinaryText) {
        if case .json = type { isJSON = true } else { isJSON = false }
        var least = Int64.min, most = UInt64.max, whole = -1, fraction = -1, digits = 6
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
        case .time(let precision): (kind, digits) = (.time, precision)
        case .duration(let precision): (kind, digits) = (.duration, precision)
        case .timestamp(let precision): (kind, digits) = (.timestamp, precision)
        case .instant(let precision): (kind, digits) = (.instant, precision)
        case .uuid: kind = .uuid
        case .bytes: kind = binary == .hex ? .hex : binary == .base64 ? .base64 : .text
        case .text, .json, .bits, .array, .other: kind = .text
        }
        self.least = least
        self.most = most
        wholeDigits = whole
        fractionDigits = fraction
        unit = (max(digits, 0)..<6).reduce(1) { unit, _ in unit * 10 }
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

    /// A time of no more fraction digits than the column has.
    @inline(__always) func exact(_ microseconds: Int64) -> Int64? {
        if unit == 1 || Temporal.isInfinite(microseconds) { return microseconds }
        let rest = Temporal.isZero(microseconds) ? Temporal.zeroTimestampParts(microseconds).microsecondsOfDay : microseconds
        return rest % unit == 0 ? microseconds : nil
    }

    private func parseExactly(_ bytes: UnsafeBufferPointer<UInt8>, into column: inout ColumnBuffer) -> Bool {
        let value: Int64?
        switch kind {
        case .text: return false
        case .integer:
            guard let number = Parse.integer(bytes) ?? Parse.whole(bytes, { Parse.integer($0) }), number >= least,
                number < 0 || UInt64(number) <= most
            else { return false }
            value = number
        case .unsigned:
            value =
                Parse.unsigned(bytes).map { Int64(bitPattern: $0) }
                ?? Parse.whole(bytes) { Parse.unsigned($0).map { Int64(bitPattern: $0) } }
        case .float64: value = Parse.double(bytes).map { Int64(bitPattern: $0.bitPattern) }
        case .float32:
            value = Parse.double(bytes).flatMap { number in
                let single = Float(number)
                return single.isInfinite && number.isFinite ? nil : Int64(bitPattern: Double(single).bitPattern)
            }
        case .boolean: value = Parse.boolean(bytes).map { $0 ? 1 : 0 }
        case .date: value = Parse.day(bytes)
        case .time: value = Parse.time(bytes).flatMap(exact)
        case .duration: value = Parse.duration(bytes).flatMap(exact)
        case .timestamp: value = Parse.timestamp(bytes).flatMap(exact)
        case .instant: value = Parse.instant(bytes).flatMap(exact)
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
            if bytes.count > 0, !BinaryText.hasMark(bytes) { return false }
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
