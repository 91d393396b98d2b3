import Tabular

/// The type of a column, guessed from a sample of its texts.
///
/// A type is taken only when its canonical text holds everything the sample says: `007`, `+5` and a date with nine
/// fraction digits stay text. Integers are always int64 and decimals unbounded, since later values may be longer.
struct Inference {
    private var values = 0
    private var isBoolean = true
    private var isInteger = true
    private var isDecimal = true
    private var isFloat = true
    private var isDate = true
    private var isTimestamp = true
    private var isInstant = true
    /// Every text is bytes in the form that was asked for.
    private(set) var isBinary = true
    private let binary: BinaryText

    init(binary: BinaryText) { self.binary = binary }

    mutating func see(_ bytes: UnsafeBufferPointer<UInt8>) {
        values += 1
        if isBinary { isBinary = binary.holds(bytes) }
        if isBoolean { isBoolean = Inference.isWord(bytes) }
        if isInteger || isDecimal || isFloat {
            let number = Inference.number(bytes)
            isInteger = isInteger && number == .integer && Parse.integer(bytes) != nil
            isDecimal = isDecimal && (number == .integer || number == .decimal)
            isFloat = isFloat && number != .none && Inference.digits(bytes) <= 15 && Parse.double(bytes) != nil
        }
        if isDate || isTimestamp || isInstant {
            let shape = Inference.moment(bytes)
            isDate = isDate && shape == .date
            isTimestamp = isTimestamp && (shape == .date || shape == .timestamp)
            isInstant = isInstant && shape == .instant
        }
    }

    /// Nothing but text fits, e.g. because an empty string was seen.
    mutating func seeText(isEmpty: Bool = false) {
        if !isEmpty { isBinary = false }
        values = 1
        (isBoolean, isInteger, isDecimal, isFloat, isDate, isTimestamp, isInstant) = (
            false, false, false, false, false, false, false
        )
    }

    mutating func merge(_ other: Inference) {
        values += other.values
        isBoolean = isBoolean && other.isBoolean
        isInteger = isInteger && other.isInteger
        isDecimal = isDecimal && other.isDecimal
        isFloat = isFloat && other.isFloat
        isDate = isDate && other.isDate
        isTimestamp = isTimestamp && other.isTimestamp
        isInstant = isInstant && other.isInstant
        isBinary = isBinary && other.isBinary
    }

    var type: ColumnType {
        if values == 0 { return .text }
        if isBoolean { return .boolean }
        if isInteger { return .int64 }
        if isDecimal { return .decimal(precision: nil, scale: nil) }
        if isFloat { return .float64 }
        if isDate { return .date }
        if isTimestamp { return .timestamp(precision: 6) }
        if isInstant { return .instant(precision: 6) }
        return .text
    }

    // MARK: Shapes

    enum Number { case none, integer, decimal, float }

    /// A number in canonical notation: no `+`, no leading zeros. Only a float has a zero below zero, `-0.0`.
    static func number(_ bytes: UnsafeBufferPointer<UInt8>) -> Number {
        var position = 0
        let count = bytes.count
        func isDigit() -> Bool { position < count && bytes[position] >= 48 && bytes[position] <= 57 }
        if count > 0, bytes[0] == UInt8(ascii: "-") { position = 1 }
        guard isDigit() else { return .none }
        if bytes[position] == 48 {
            position += 1
            if position == count, count == 2 { return .float }
        } else {
            while isDigit() { position += 1 }
        }
        if position == count { return .integer }
        var kind = Number.integer
        if bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard isDigit() else { return .none }
            while isDigit() { position += 1 }
            kind = .decimal
        }
        if position < count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < count, bytes[position] == UInt8(ascii: "-") || bytes[position] == UInt8(ascii: "+") {
                position += 1
            }
            guard isDigit() else { return .none }
            while isDigit() { position += 1 }
            kind = .float
        }
        guard position == count else { return .none }
        let isMinusZero = kind == .decimal && bytes[0] == UInt8(ascii: "-") && !bytes.contains { $0 >= 49 && $0 <= 57 }
        return isMinusZero ? .float : kind
    }

    private static func digits(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        bytes.prefix { $0 | 0x20 != UInt8(ascii: "e") }.count { $0 >= 48 && $0 <= 57 }
    }

    private static func isWord(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count >= 4 && bytes.count <= 5 && Parse.boolean(bytes) != nil
    }

    enum Moment { case none, date, timestamp, instant }

    /// `YYYY-MM-DD`, then `T` or a space and `HH:MM[:SS[.ffffff]]`, then a zone.
    static func moment(_ bytes: UnsafeBufferPointer<UInt8>) -> Moment {
        func matches(_ start: Int, _ pattern: StaticString) -> Bool {
            guard start + pattern.utf8CodeUnitCount <= bytes.count else { return false }
            for index in 0..<pattern.utf8CodeUnitCount {
                let wanted = pattern.utf8Start[index], byte = bytes[start + index]
                if wanted == UInt8(ascii: "0") ? !(byte >= 48 && byte <= 57) : byte != wanted { return false }
            }
            return true
        }
        guard matches(0, "0000-00-00") else { return .none }
        if bytes.count == 10 { return Parse.date(bytes).map { !Temporal.isZero($0) } == true ? .date : .none }
        guard bytes[10] == UInt8(ascii: " ") || bytes[10] == UInt8(ascii: "T"), matches(11, "00:00") else {
            return .none
        }
        var position = 16
        if matches(position, ":00") {
            position += 3
            if matches(position, ".0") {
                let start = position + 1
                position += 1
                while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 { position += 1 }
                if position - start > 6 { return .none }
            }
        }
        if position == bytes.count { return Parse.timestamp(bytes) != nil ? .timestamp : .none }
        return Parse.instant(bytes) != nil ? .instant : .none
    }
}
