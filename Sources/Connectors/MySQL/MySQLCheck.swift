import Tabular

/// What MySQL and MariaDB would make of a value without an error, found before it is sent: another member of an ENUM,
/// a text without its last blanks, bytes with zeros behind them.
enum MySQLCheck {
    /// Members, as bytes. In an ENUM a text that is no member can be an index (`1`) or a member in another case.
    case member([[UInt8]])
    /// Members, of which a text names some, in their order.
    case members([[UInt8]])
    /// A YEAR makes 1970 of 70.
    case year
    /// A CHAR drops blanks at the end. A text that fills it is what other systems pad their CHAR to.
    case padded(characters: Int)
    /// A BINARY is filled up with zeros.
    case filled(bytes: Int)
    /// Of a longer TEXT, blanks at the end are cut off; everything else is refused by the server.
    case limited(bytes: Int)
    /// FLOAT(7,2) rounds.
    case rounded(fraction: Int, isSingle: Bool)

    /// - parameter facts: of information_schema.columns: name, data_type, character set, column_type,
    ///   character_maximum_length, character_octet_length, numeric_scale.
    init?(_ facts: [String?]) {
        func number(_ index: Int) -> Int? { facts[index].flatMap { Int($0) } }
        switch facts[1]?.lowercased() {
        case "enum": self = .member(Self.members(of: facts[3] ?? ""))
        case "set": self = .members(Self.members(of: facts[3] ?? ""))
        case "year": self = .year
        case "char": self = .padded(characters: number(4) ?? 1)
        case "binary": self = .filled(bytes: number(4) ?? 1)
        case "tinytext", "text", "mediumtext":
            guard let bytes = number(5) else { return nil }
            self = .limited(bytes: bytes)
        case "float", "double":
            guard let scale = number(6) else { return nil }
            self = .rounded(fraction: scale, isSingle: facts[1]?.lowercased() == "float")
        default: return nil
        }
    }

    /// Of `enum('a','b''c')`.
    static func members(of declaration: String) -> [[UInt8]] {
        var members: [[UInt8]] = []
        var text: [UInt8]?
        var bytes = Array(declaration.utf8)[...]
        let quote = UInt8(ascii: "'")
        while let byte = bytes.popFirst() {
            guard var open = text else {
                if byte == quote { text = [] }
                continue
            }
            if byte == quote, bytes.first == quote {
                bytes.removeFirst()
                open.append(quote)
            } else if byte == quote {
                members.append(open)
                text = nil
                continue
            } else if byte == UInt8(ascii: "\\"), let next = bytes.popFirst() {
                switch next {
                case UInt8(ascii: "n"): open.append(10)
                case UInt8(ascii: "r"): open.append(13)
                case UInt8(ascii: "0"): open.append(0)
                default: open.append(next)
                }
            } else {
                open.append(byte)
            }
            text = open
        }
        return members
    }

    /// Whether the value, which is not NULL, stays as it is.
    func holds(_ column: UnsafePointer<ColumnBuffer>, _ row: Int) -> Bool {
        switch self {
        case .member(let members):
            let text = column.pointee.bytes(row)
            return members.contains { Self.isEqual($0, text) }
        case .members(let members): return Self.names(column.pointee.bytes(row), members)
        case .year:
            let year = column.pointee.values[row]
            return year == 0 || year >= 1901 && year <= 2155
        case .padded(let characters):
            let text = column.pointee.bytes(row)
            guard text.last == 32 else { return true }
            return text.reduce(0) { $1 & 0xc0 == 0x80 ? $0 : $0 + 1 } == characters
        case .filled(let bytes): return column.pointee.bytes(row).count == bytes
        case .limited(let bytes):
            let text = column.pointee.bytes(row)
            return text.count <= bytes || text.last != 32
        case .rounded(let fraction, let isSingle):
            let value = column.pointee.double(row)
            let unit = (0..<fraction).reduce(1.0) { power, _ in power * 10 }
            let rounded = (value * unit).rounded() / unit
            return !value.isFinite || rounded == value || isSingle && Float(rounded) == Float(value)
        }
    }

    /// Names divided by commas, each a member behind the one before it.
    private static func names(_ text: UnsafeBufferPointer<UInt8>, _ members: [[UInt8]]) -> Bool {
        if text.isEmpty { return true }
        var next = 0
        var start = 0
        for index in 0...text.count where index == text.count || text[index] == UInt8(ascii: ",") {
            let name = UnsafeBufferPointer(rebasing: text[start..<index])
            guard let found = members[next...].firstIndex(where: { isEqual($0, name) }) else { return false }
            next = found + 1
            start = index + 1
        }
        return true
    }

    private static func isEqual(_ member: [UInt8], _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        member.count == text.count && member.elementsEqual(text)
    }

    /// Why a value did not stay as it is.
    func reason(_ name: String) -> String {
        switch self {
        case .member: "`\(name)` is an ENUM without this member; MySQL would have taken it for another one, or for an index"
        case .members: "`\(name)` is a SET: a value names members as they are declared, each once and in their order"
        case .year: "`\(name)` is a YEAR, which holds 0 and 1901 to 2155; MySQL makes another year of other numbers"
        case .padded: "`\(name)` is a CHAR, which drops blanks at the end; declare it VARCHAR"
        case .filled(let bytes): "`\(name)` is a BINARY(\(bytes)), which is filled up with zeros; declare it VARBINARY"
        case .limited(let bytes): "`\(name)` holds \(bytes) bytes, and MySQL would cut blanks off; declare it LONGTEXT"
        case .rounded(let fraction, _): "`\(name)` keeps \(fraction) digits after the point; declare it without them"
        }
    }
}
