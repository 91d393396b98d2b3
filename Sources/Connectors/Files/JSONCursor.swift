import CScan

/// A place in JSON text, read strictly by RFC 8259: no comments, no trailing commas, no `NaN`.
///
/// Values are found, not built: they point into the text. The text must be UTF-8.
struct JSONCursor {
    enum Kind: UInt8 { case null, boolean, number, string, nested }

    /// A value in the text: a string without its quotes, everything else as it stands.
    struct Value {
        var kind: Kind
        var start: Int
        var end: Int
        /// A string that holds escapes.
        var escaped = false
    }

    let base: UnsafePointer<UInt8>
    let end: Int
    var position: Int
    /// Values nest at most so deep.
    static let depth = 512

    init(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) {
        self.base = base
        self.end = end
        position = start
    }

    func bytes(_ value: Value) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + value.start, count: value.end - value.start)
    }

    /// As the value stands in the text, a string with its quotes.
    func raw(_ value: Value) -> UnsafeBufferPointer<UInt8> {
        let quotes = value.kind == .string ? 1 : 0
        return UnsafeBufferPointer(start: base + value.start - quotes, count: value.end - value.start + 2 * quotes)
    }

    @inline(__always) mutating func skipSpace() {
        while position < end {
            let byte = base[position]
            guard byte == 32 || byte == 9 || byte == 13 || byte == 10 else { return }
            position &+= 1
        }
    }

    var isAtEnd: Bool { position >= end }

    @inline(__always) mutating func take(_ byte: UInt8) -> Bool {
        guard position < end, base[position] == byte else { return false }
        position &+= 1
        return true
    }

    /// A string whose opening quote is taken already; nil when it is malformed, also by half a surrogate pair.
    mutating func string() -> Value? {
        let start = position
        var escaped = false
        while position < end {
            let byte = base[position]
            if byte == UInt8(ascii: "\"") {
                position &+= 1
                return Value(kind: .string, start: start, end: position &- 1, escaped: escaped)
            }
            if byte < 0x20 { return nil }
            if byte == UInt8(ascii: "\\") {
                escaped = true
                guard position &+ 1 < end else { return nil }
                switch base[position &+ 1] {
                case UInt8(ascii: "u"):
                    guard let unit = hex(position &+ 2) else { return nil }
                    position &+= 6
                    if unit & 0xFC00 == 0xDC00 { return nil }
                    if unit & 0xFC00 == 0xD800 {
                        guard position &+ 1 < end, base[position] == UInt8(ascii: "\\"),
                            base[position &+ 1] == UInt8(ascii: "u"),
                            let low = hex(position &+ 2), low & 0xFC00 == 0xDC00
                        else { return nil }
                        position &+= 6
                    }
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                    UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                    position &+= 2
                default: return nil
                }
            } else {
                position &+= 1
            }
        }
        return nil
    }

    private func hex(_ start: Int) -> UInt32? {
        guard start &+ 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in start..<(start + 4) {
            let byte = base[index]
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 65...70: digit = byte - 55
            case 97...102: digit = byte - 87
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The next value; nil when it is malformed or too deep.
    mutating func value(depth: Int = 0) -> Value? {
        skipSpace()
        guard position < end else { return nil }
        let start = position
        switch base[position] {
        case UInt8(ascii: "\""):
            position &+= 1
            return string()
        case UInt8(ascii: "{"):
            guard depth < JSONCursor.depth, object(depth: depth) else { return nil }
            return Value(kind: .nested, start: start, end: position)
        case UInt8(ascii: "["):
            guard depth < JSONCursor.depth, array(depth: depth) else { return nil }
            return Value(kind: .nested, start: start, end: position)
        case UInt8(ascii: "t"): return word("true") ? Value(kind: .boolean, start: start, end: position) : nil
        case UInt8(ascii: "f"): return word("false") ? Value(kind: .boolean, start: start, end: position) : nil
        case UInt8(ascii: "n"): return word("null") ? Value(kind: .null, start: start, end: position) : nil
        default: return number() ? Value(kind: .number, start: start, end: position) : nil
        }
    }

    private mutating func object(depth: Int) -> Bool {
        position &+= 1
        skipSpace()
        if take(UInt8(ascii: "}")) { return true }
        while true {
            skipSpace()
            guard take(UInt8(ascii: "\"")), string() != nil else { return false }
            skipSpace()
            guard take(UInt8(ascii: ":")), value(depth: depth + 1) != nil else { return false }
            skipSpace()
            if take(UInt8(ascii: "}")) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func array(depth: Int) -> Bool {
        position &+= 1
        skipSpace()
        if take(UInt8(ascii: "]")) { return true }
        while true {
            guard value(depth: depth + 1) != nil else { return false }
            skipSpace()
            if take(UInt8(ascii: "]")) { return true }
            guard take(UInt8(ascii: ",")) else { return false }
        }
    }

    private mutating func word(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard position &+ count <= end else { return false }
        for index in 0..<count where base[position &+ index] != word.utf8Start[index] { return false }
        position &+= count
        return true
    }

    private mutating func digits() -> Bool {
        let start = position
        while position < end, base[position] &- 48 <= 9 { position &+= 1 }
        return position > start
    }

    private mutating func number() -> Bool {
        _ = take(UInt8(ascii: "-"))
        if !take(48) { guard digits() else { return false } }
        if take(UInt8(ascii: ".")) { guard digits() else { return false } }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "-")) { _ = take(UInt8(ascii: "+")) }
            return digits()
        }
        return true
    }

    /// Writes a string that ``string()`` found without its escapes; it never grows. Returns the octets written.
    func unescape(_ value: Value, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 0
        var place = value.start
        while place < value.end {
            let byte = base[place]
            guard byte == UInt8(ascii: "\\") else {
                out[length] = byte
                length &+= 1
                place &+= 1
                continue
            }
            let escape = base[place &+ 1]
            place &+= 2
            switch escape {
            case UInt8(ascii: "b"): out[length] = 8
            case UInt8(ascii: "f"): out[length] = 12
            case UInt8(ascii: "n"): out[length] = 10
            case UInt8(ascii: "r"): out[length] = 13
            case UInt8(ascii: "t"): out[length] = 9
            case UInt8(ascii: "u"):
                var scalar = hex(place) ?? 0xFFFD
                place &+= 4
                if scalar & 0xFC00 == 0xD800 {
                    scalar = 0x10000 + ((scalar & 0x3FF) << 10) + ((hex(place &+ 2) ?? 0) & 0x3FF)
                    place &+= 6
                }
                for unit in UTF8.encode(Unicode.Scalar(scalar) ?? "\u{FFFD}")! {
                    out[length] = unit
                    length &+= 1
                }
                continue
            default: out[length] = escape
            }
            length &+= 1
        }
        return length
    }

    func text(_ value: Value) -> String {
        guard value.escaped else { return String(decoding: bytes(value), as: UTF8.self) }
        return String(unsafeUninitializedCapacity: value.end - value.start) { unescape(value, to: $0.baseAddress!) }
    }
}
