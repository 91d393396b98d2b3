import ApusCore
import CScan
import Tabular

/// The text of a value of a nested type, read in whatever grammar it comes and written anew in that of a load.
///
/// Read are JSON, what the SQL ports print (backslashes before `"` and `\`, other characters as they are, single quotes
/// around JSON, numbers as keys), the grammar of loads (doubled quotes), and PostgreSQL's `{1,NULL,"a"}`. Written is
/// either that of CSV loads, where quotes are doubled, blanks are none and a backslash is only a backslash (StarRocks'
/// `array_reader.cpp`), or JSON.
struct NestedText: ~Copyable {
    enum Grammar { case csv, json }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let grammar: Grammar
    private var position = 0
    /// Within `{…}` of PostgreSQL, where texts may stand bare.
    private var isBraced = false
    private var text = ByteBuffer(capacity: 256)

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ grammar: Grammar) {
        self.bytes = bytes
        self.grammar = grammar
    }

    /// Appends the value to `out`. False when the text is no value of the type; `out` may have a part of it then.
    static func write(_ bytes: UnsafeBufferPointer<UInt8>, as type: NestedType, _ grammar: Grammar, to out: inout ByteBuffer) -> Bool {
        guard UTF8Text.isValid(bytes) else { return false }
        var reader = NestedText(bytes, grammar)
        return reader.value(type, &out, depth: 0) && reader.isAtEnd
    }

    // MARK: Reading

    private var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipSpace() {
        while position < bytes.count, next == 32 || next == 10 || next == 13 || next == 9 { position += 1 }
    }

    private var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return position == bytes.count
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// `null` in any case, as a whole word.
    private mutating func takeNull() -> Bool {
        skipSpace()
        guard position + 4 <= bytes.count else { return false }
        for (place, letter) in "null".utf8.enumerated() where bytes[position + place] | 0x20 != letter { return false }
        let end = position + 4
        if end < bytes.count, !Self.ends(bytes[end]) { return false }
        position = end
        return true
    }

    private static func ends(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), 32, 9, 10, 13: true
        default: false
        }
    }

    private mutating func value(_ type: NestedType, _ out: inout ByteBuffer, depth: Int) -> Bool {
        guard depth < 64 else { return false }
        if depth > 0, takeNull() {
            out.append("null" as StaticString)
            return true
        }
        switch type {
        case .scalar(let scalar): return self.scalar(scalar, &out)
        case .array(let element): return array(element, &out, depth)
        case .map(let key, let element):
            return members(&out) { reader, isFirst, out in
                reader.key(key, isFirst, &out) && reader.take(":") && reader.colon(&out) && reader.value(element, &out, depth: depth + 1)
            }
        case .structure(let fields):
            return members(&out) { reader, isFirst, out in
                guard reader.string() else { return false }
                let name = reader.text.string
                guard let field = fields.first(where: { $0.name.lowercased() == name.lowercased() }) else { return false }
                if !isFirst { out.append(UInt8(ascii: ",")) }
                reader.write(field.name, &out)
                return reader.take(":") && reader.colon(&out) && reader.value(field.type, &out, depth: depth + 1)
            }
        }
    }

    private func colon(_ out: inout ByteBuffer) -> Bool {
        out.append(UInt8(ascii: ":"))
        return true
    }

    private mutating func array(_ element: NestedType, _ out: inout ByteBuffer, _ depth: Int) -> Bool {
        let outer = isBraced
        defer { isBraced = outer }
        if take("{") { isBraced = true } else if !take("[") { return false }
        let end: Unicode.Scalar = isBraced ? "}" : "]"
        out.append(UInt8(ascii: "["))
        if !take(end) {
            var isFirst = true
            repeat {
                if !isFirst { out.append(UInt8(ascii: ",")) }
                isFirst = false
                guard value(element, &out, depth: depth + 1) else { return false }
            } while take(",")
            guard take(end) else { return false }
        }
        out.append(UInt8(ascii: "]"))
        return true
    }

    private mutating func members(_ out: inout ByteBuffer, _ member: (inout NestedText, Bool, inout ByteBuffer) -> Bool) -> Bool {
        guard !isBraced, take("{") else { return false }
        out.append(UInt8(ascii: "{"))
        if !take("}") {
            var isFirst = true
            repeat {
                guard member(&self, isFirst, &out) else { return false }
                isFirst = false
            } while take(",")
            guard take("}") else { return false }
        }
        out.append(UInt8(ascii: "}"))
        return true
    }

    /// Keys are texts in JSON, whatever their type.
    private mutating func key(_ type: NestedType.Scalar, _ isFirst: Bool, _ out: inout ByteBuffer) -> Bool {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        skipSpace()
        guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") ? string() : type.kind != .text && word() else { return false }
        guard isValid(type) else { return false }
        quote(&out)
        return true
    }

    private mutating func scalar(_ type: NestedType.Scalar, _ out: inout ByteBuffer) -> Bool {
        skipSpace()
        if type.kind == .json, next != UInt8(ascii: "\""), next != UInt8(ascii: "'") {
            guard document() else { return false }
        } else if next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") && !isBraced {
            guard string() else { return false }
        } else {
            guard isBraced || type.kind != .text, word() else { return false }
        }
        guard isValid(type) else { return false }
        switch type.kind {
        case .boolean: out.append(isTrue ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        case .integer, .float32, .float64: out.append(text.bytes)
        // Cast from their text.
        case .wide, .decimal: if grammar == .json { quote(&out) } else { out.append(text.bytes) }
        case .json where grammar == .json: LoadEncoder.appendDocument(text.bytes, &out)
        case .date, .datetime, .text, .json: quote(&out)
        }
        return true
    }

    /// A bare word.
    private mutating func word() -> Bool {
        let start = position
        while position < bytes.count, isBraced ? next != UInt8(ascii: ",") && next != UInt8(ascii: "}") : !Self.ends(next) {
            if next == UInt8(ascii: "\\"), position + 1 < bytes.count { position += 1 }
            position += 1
        }
        var end = position
        while end > start, bytes[end - 1] == 32 { end -= 1 }
        text.removeAll()
        var index = start
        while index < end {
            if isBraced, bytes[index] == UInt8(ascii: "\\"), index + 1 < end { index += 1 }
            text.append(bytes[index])
            index += 1
        }
        return text.count > 0
    }

    /// A text in quotes.
    private mutating func string() -> Bool {
        let quote = next
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return false }
        position += 1
        text.removeAll()
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == quote {
                // Doubled in the grammar of loads; behind an end there is never another one.
                guard position < bytes.count, next == quote else { return true }
                position += 1
                text.append(quote)
            } else if byte == UInt8(ascii: "\\") {
                guard escape() else { return false }
            } else {
                text.append(byte)
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard position < bytes.count else { return false }
        let byte = bytes[position]
        position += 1
        // PostgreSQL's backslash takes whatever comes next.
        if isBraced {
            text.append(byte)
            return true
        }
        switch byte {
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "u"):
            guard var code = hex4() else { return false }
            if code >= 0xD800, code < 0xDC00 {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u") else {
                    return false
                }
                position += 2
                guard let low = hex4(), low >= 0xDC00, low < 0xE000 else { return false }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            text.append(String(scalar))
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        default: return false
        }
        return true
    }

    private mutating func hex4() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        position += 4
        return digits.allSatisfy(\.isHexDigit) ? UInt32(digits, radix: 16) : nil
    }

    /// A JSON value that stands as it is: up to the separator behind it.
    private mutating func document() -> Bool {
        let start = position
        var depth = 0
        var isInside = false
        scan: while position < bytes.count {
            let byte = bytes[position]
            if isInside {
                if byte == UInt8(ascii: "\\") { position += 1 } else if byte == UInt8(ascii: "\"") { isInside = false }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInside = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    if depth == 0 { break scan }
                    depth -= 1
                case UInt8(ascii: ",") where depth == 0: break scan
                default: break
                }
            }
            position += 1
        }
        guard position <= bytes.count else { return false }
        text.removeAll()
        text.append(UnsafeBufferPointer(rebasing: bytes[start..<position]))
        return true
    }

    // MARK: Values

    private var isTrue: Bool {
        switch text.string.lowercased() {
        case "1", "true", "t": true
        default: false
        }
    }

    private mutating func isValid(_ type: NestedType.Scalar) -> Bool {
        let value = text.bytes
        switch type.kind {
        case .boolean: return ["0", "1", "true", "false", "t", "f"].contains(text.string.lowercased())
        case .integer(let bits):
            guard let number = Parse.integer(value), value[0] != UInt8(ascii: "+") else { return false }
            return bits == 64 || (number >= -(1 << (bits - 1)) && number < 1 << (bits - 1))
        case .wide: return LoadNumber.isWide(value)
        case .float32, .float64:
            guard let number = Parse.double(value), number.isFinite else { return false }
            return value[0] != UInt8(ascii: "+") && (type.kind == .float64 || Float(number).isFinite)
        case .decimal(let precision, let scale): return LoadNumber.fits(value, precision: precision, scale: scale)
        case .date: return Parse.date(value) != nil
        case .datetime: return Parse.timestamp(value) != nil
        case .text: return value.count <= type.limit
        case .json: return RowJSON.isValue(value)
        }
    }

    // MARK: Writing

    private func quote(_ out: inout ByteBuffer) {
        if grammar == .json { return LoadEncoder.appendString(text.bytes, &out) }
        out.append(UInt8(ascii: "\""))
        for byte in text.bytes {
            if byte == UInt8(ascii: "\"") { out.append(byte) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "\""))
    }

    private mutating func write(_ name: String, _ out: inout ByteBuffer) {
        text.removeAll()
        text.append(name)
        quote(&out)
    }
}

/// Numbers in digits, held against what a column takes.
enum LoadNumber {
    /// Whether plain digits with an optional sign and point fit, so that they can be sent as they are.
    static func fits(_ value: UnsafeBufferPointer<UInt8>, precision: Int, scale: Int) -> Bool {
        var index = value.first == UInt8(ascii: "-") ? 1 : 0
        let first = index
        while index < value.count, value[index] == 48 { index &+= 1 }
        let whole = index
        while index < value.count, value[index] &- 48 <= 9 { index &+= 1 }
        if index &- whole > precision &- scale { return false }
        var digits = index &- first
        if index < value.count, value[index] == UInt8(ascii: ".") {
            index &+= 1
            let fraction = index
            while index < value.count, value[index] &- 48 <= 9 { index &+= 1 }
            if index &- fraction > scale { return false }
            digits &+= index &- fraction
        }
        return index == value.count && digits > 0
    }

    /// Whether a whole number in plain digits is within −2^127 and 2^127 − 1.
    static func isWide(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        let isNegative = value.first == UInt8(ascii: "-")
        var digits = value[(isNegative ? 1 : 0)...]
        guard !digits.isEmpty, digits.allSatisfy({ $0 &- 48 <= 9 }) else { return false }
        digits = digits.drop { $0 == 48 }
        if digits.count != 39 { return digits.count < 39 }
        // The manual leaves the lowest number out; the servers' own bound is −2^127.
        return !"17014118346046923173168730371588410572\(isNegative ? "8" : "7")".utf8.lexicographicallyPrecedes(digits)
    }
}
