import ApusCore

/// Reads JSON as DataX's parser takes it (fastjson): beside RFC 8259 also trailing commas, `//` and `/* */` comments,
/// names and strings in single quotes, names without quotes, line breaks within strings and a byte order mark.
///
/// Nesting is bounded, and no input makes it read an octet twice.
struct LenientJSON {
    static let depthLimit = 200

    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    /// - throws: `config.invalid` with line and column; never with a piece of the text, which may hold a password.
    static func value(_ text: [UInt8]) throws -> JobValue {
        var parser = LenientJSON(bytes: text)
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { parser.position = 3 }
        try parser.skipSpace()
        let value = try parser.value()
        try parser.skipSpace()
        if parser.position < text.count { throw parser.fault("something follows the end of the job") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private func fault(_ what: String) -> ApusError {
        var line = 1
        var start = 0
        for index in 0..<min(position, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            start = index + 1
        }
        let column = bytes[start..<min(position, bytes.count)].count { $0 & 0xC0 != 0x80 } + 1
        return ApusError(.configurationInvalid, "line \(line), column \(column): \(what)")
    }

    private mutating func skipSpace() throws {
        while let byte = current {
            switch byte {
            case 9, 10, 11, 12, 13, 32: position += 1
            case UInt8(ascii: "/"):
                let next = position + 1 < bytes.count ? bytes[position + 1] : 0
                if next == UInt8(ascii: "/") {
                    while let byte = current, byte != 10 { position += 1 }
                } else if next == UInt8(ascii: "*") {
                    let start = position
                    position += 2
                    while position + 1 < bytes.count, bytes[position] != UInt8(ascii: "*") || bytes[position + 1] != UInt8(ascii: "/") {
                        position += 1
                    }
                    guard position + 1 < bytes.count else {
                        position = start
                        throw fault("a comment is not closed by */")
                    }
                    position += 2
                } else {
                    throw fault("a `/` begins nothing")
                }
            // A no-break space, as documents and chat programs put it into copied jobs.
            case 0xC2 where position + 1 < bytes.count && bytes[position + 1] == 0xA0: position += 2
            default: return
            }
        }
    }

    private mutating func value() throws -> JobValue {
        guard let byte = current else { throw fault("the text ends where a value should stand") }
        switch byte {
        case UInt8(ascii: "{"): return try nested { try $0.object() }
        case UInt8(ascii: "["): return try nested { try $0.list() }
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string(byte))
        case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: break
        }
        let start = position
        switch word() {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "null": return .null
        default:
            position = start
            throw fault("a value should stand here: a string in quotes, a number, true, false, null, `{` or `[`")
        }
    }

    private mutating func nested(_ body: (inout LenientJSON) throws -> JobValue) throws -> JobValue {
        depth += 1
        guard depth <= Self.depthLimit else { throw fault("objects and lists are nested deeper than \(Self.depthLimit) levels") }
        defer { depth -= 1 }
        position += 1
        return try body(&self)
    }

    private mutating func object() throws -> JobValue {
        var members: [JobValue.Member] = []
        while true {
            try skipSpace()
            guard let byte = current else { throw fault("an object is not closed by `}`") }
            switch byte {
            case UInt8(ascii: "}"):
                position += 1
                return .object(members)
            case UInt8(ascii: ","):
                position += 1
                continue
            default: break
            }
            let start = position
            let name = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") ? try string(byte) : word()
            guard position > start else { throw fault("a name in quotes should stand here") }
            try skipSpace()
            guard current == UInt8(ascii: ":") else { throw fault("a `:` should follow the name") }
            position += 1
            try skipSpace()
            members.append(JobValue.Member(name: name, value: try value()))
            try separator(UInt8(ascii: "}"))
        }
    }

    private mutating func list() throws -> JobValue {
        var elements: [JobValue] = []
        while true {
            try skipSpace()
            switch current {
            case UInt8(ascii: "]"):
                position += 1
                return .list(elements)
            case UInt8(ascii: ","): position += 1
            case nil: throw fault("a list is not closed by `]`")
            default:
                elements.append(try value())
                try separator(UInt8(ascii: "]"))
            }
        }
    }

    private mutating func separator(_ end: UInt8) throws {
        try skipSpace()
        guard let byte = current, byte == end || byte == UInt8(ascii: ",") else {
            throw fault("a `,` or `\(Character(Unicode.Scalar(end)))` should stand here")
        }
        if byte != end { position += 1 }
    }

    /// Letters, digits, `_`, `$`, `.` and `-`: a name without quotes, or nothing.
    private mutating func word() -> String {
        let start = position
        while let byte = current,
            (byte >= 48 && byte <= 57) || (byte | 32 >= 97 && byte | 32 <= 122) || "_$.-".utf8.contains(byte) || byte >= 0x80
        {
            position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func number() throws -> JobValue {
        let start = position
        while let byte = current, (byte >= 48 && byte <= 57) || "+-.eE".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard Double(text) != nil else {
            position = start
            throw fault("this is no number")
        }
        return .number(text)
    }

    private mutating func string(_ quote: UInt8) throws -> String {
        let start = position
        position += 1
        var out: [UInt8] = []
        while let byte = current {
            position += 1
            if byte == quote {
                guard let text = String(validating: out, as: UTF8.self) else {
                    position = start
                    throw fault("this string is not UTF-8")
                }
                return text
            }
            if byte == UInt8(ascii: "\\") { try escape(into: &out) } else { out.append(byte) }
        }
        position = start
        throw fault("a string is not closed")
    }

    private mutating func escape(into out: inout [UInt8]) throws {
        guard let byte = current else { throw fault("the text ends within a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): out.append(10)
        case UInt8(ascii: "t"): out.append(9)
        case UInt8(ascii: "r"): out.append(13)
        case UInt8(ascii: "b"): out.append(8)
        case UInt8(ascii: "f"): out.append(12)
        case UInt8(ascii: "v"): out.append(11)
        case UInt8(ascii: "x"): out += Array(String(Unicode.Scalar(UInt8(try hex(2)))).utf8)
        case UInt8(ascii: "u"):
            var code = try hex(4)
            if code & 0xFC00 == 0xD800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                let back = position
                position += 2
                let low = try hex(4)
                if low & 0xFC00 == 0xDC00 { code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF) } else { position = back }
            }
            out += Array(String(Unicode.Scalar(code) ?? "\u{FFFD}").utf8)
        // `\"`, `\\`, `\/`, `\'` and whatever needs no escape.
        default: out.append(byte)
        }
    }

    private mutating func hex(_ digits: Int) throws -> UInt32 {
        guard position + digits <= bytes.count,
            let value = UInt32(String(decoding: bytes[position..<(position + digits)], as: UTF8.self), radix: 16),
            bytes[position] != UInt8(ascii: "+"), bytes[position] != UInt8(ascii: "-")
        else { throw fault("\(digits) hex digits should follow the backslash") }
        position += digits
        return value
    }
}
