import ApusCore
import Tabular

/// The texts of a trial: every byte of ASCII, and what readers of CSV take for syntax, alone and at both ends.
enum ProbeTexts {
    static func list(carrying kind: LoadForm.Kind, _ profile: StarRocksProfile) -> [String?] {
        // A byte order mark first in the body.
        var list: [String?] = ["\u{FEFF}mark", nil, "", " ", "NULL", "null"]
        list += (0..<128).map { String(UnicodeScalar(UInt8($0))) }
        for part in ["\0", "\"", "\\", "\r", "\n", "\t", " ", "\u{1}", "\u{2}", ",", "'"] {
            list += ["end" + part, part + "begin", part + part]
        }
        list += [
            "say \"hi\"", "\"all\"", "\"\"", "\"\"\"", "\"a\" b", "a \"b\"", "a\"x", "\\N", "\"\\N\"", "\\\\N", " \\N ", "\\N\\N", "a\\tb",
            "a,b;c|d", "a\r\nb", "{\"k\":\"v\"}", "['a']", "é", "雨燕", "😀", "\u{7F}\u{80}", "x\u{1}y", "x\u{2}y", "x\u{1}\u{2}y", "\\x01",
            "0x01",
            nil, "",
        ]
        guard kind == .plain || kind == .cast else { return list }
        return list.filter { text in
            guard let text else { return true }
            return !text.utf8.contains(1) && !text.utf8.contains(2) && (profile.isDoris || text != "\\N")
        }
    }

    static func hex(_ text: Substring) -> String {
        text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    }

    static func shown(_ text: String?) -> String { text.map { "x'\(hex($0.prefix(40)))'" } ?? "NULL" }
}

/// A type of a trial with the ends of its range.
struct ProbeColumn {
    let native: String
    /// In canonical text.
    let values: [String?]

    var group: String { LoadProof.group(item("x")) }
    /// Has no converter of its own in some versions, so that it may make a load fail.
    var isMapped: Bool { NestedType(native)?.hasMap == true }

    func item(_ name: String) -> LoadTarget.Item {
        let native = StarRocksTypes.normalized(native)
        return LoadTarget.Item(
            name: name, type: StarRocksTypes.type(native), native: native, nullable: true, limit: native.hasPrefix("char") ? 40 : nil,
            nested: NestedType(self.native))
    }

    static func all(_ profile: StarRocksProfile, _ kind: LoadForm.Kind) -> [ProbeColumn] {
        let ninesBefore = String(repeating: "9", count: 20), ninesAfter = String(repeating: "9", count: 18)
        let largest = "170141183460469231731687303715884105727"
        var all = [
            ProbeColumn(native: "boolean", values: ["true", "false"]),
            ProbeColumn(native: "tinyint", values: ["-128", "127", "0"]),
            ProbeColumn(native: "smallint", values: ["-32768", "32767"]),
            ProbeColumn(native: "int", values: ["-2147483648", "2147483647"]),
            ProbeColumn(native: "bigint", values: ["-9223372036854775808", "9223372036854775807"]),
            ProbeColumn(native: "largeint", values: ["-" + largest, largest]),
            ProbeColumn(
                native: "decimal(38,18)",
                values: ["\(ninesBefore).\(ninesAfter)", "-\(ninesBefore).\(ninesAfter)", "0.000000000000000001", "0"]),
            ProbeColumn(native: "float", values: ["0.1", "-3.4028235e38", "16777216"]),
            ProbeColumn(native: "double", values: ["0.1", "1.7976931348623157e308", "-123456789.12345679"]),
            ProbeColumn(native: "date", values: ["0001-01-01", "9999-12-31", "2024-02-29"]),
            ProbeColumn(
                native: profile.isDoris ? "datetime(6)" : "datetime",
                values: ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-02-29 12:34:56.000001"]),
            ProbeColumn(native: "char(40)", values: ["a \"b\"", "雨燕", ""]),
            ProbeColumn(
                native: "json",
                values: ["{\"a\":[1,\"x\\\"y\\\\z\",null,true],\"b\":{}}", "[]", "\"text\"", "12", "{\"say\":\"\\\"hi\\\"\"}"]),
        ]
        if profile.hasVarbinary {
            let bytes = (0..<256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            all.append(ProbeColumn(native: "varbinary", values: ["\\x" + bytes, "\\x", "\\x61626364"]))
        }
        if !profile.isDoris || kind == .json {
            all.append(
                ProbeColumn(
                    native: "array<varchar(100)>",
                    values: ["[\"a\",\"say \\\"hi\\\"\",\"c\\\\d\",\"\",null,\"null\",\"\\\\N\",\"x,y]\"]", "[]"]))
        }
        if kind == .cast { all = [] }
        if profile.hasMapsAndStructs, kind == .json || kind == .cast {
            all.append(ProbeColumn(native: "map<varchar(20),int>", values: ["{\"k\":1,\"say \\\"hi\\\"\":null}", "{}"]))
            all.append(
                ProbeColumn(native: "struct<a int,b varchar(20)>", values: ["{\"a\":1,\"b\":\"x\\\"y\\\\z\"}", "{\"a\":null,\"b\":\"\"}"]))
        }
        return all
    }

    /// How the column is read back.
    func expression(_ name: String) -> String {
        switch group {
        case "text", "varbinary": "hex(\(name))"
        // All digits, where a FLOAT's own text may have six.
        case "float": "CAST(\(name) AS DOUBLE)"
        default: name
        }
    }

    func isSame(_ sent: String?, _ read: String?) -> Bool {
        guard let sent, let read else { return sent == nil && read == nil }
        func bytes<T>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
            var text = text
            return text.withUTF8 { body($0) }
        }
        switch group {
        case "text": return read.uppercased() == ProbeTexts.hex(sent[...])
        case "varbinary": return read.lowercased() == sent.dropFirst(2)
        case "boolean": return (sent == "true" ? ["1", "true"] : ["0", "false"]).contains(read)
        case "decimal":
            func plain(_ text: String) -> String? {
                bytes(text) { bytes in
                    guard let number = DecimalText(bytes) else { return nil }
                    var out = ByteBuffer()
                    out.advance(number.write(to: out.room(number.longest + 40), scale: nil))
                    var text = out.string
                    if text.contains(".") {
                        while text.hasSuffix("0") { text.removeLast() }
                        if text.hasSuffix(".") { text.removeLast() }
                    }
                    return text
                }
            }
            return plain(sent) == plain(read)
        case "float": return Double(read).map { Float($0) } == Float(sent)
        case "double": return Double(read) == Double(sent)
        case "date": return bytes(sent) { Parse.date($0) } == bytes(read) { Parse.date($0) }
        case "datetime": return bytes(sent) { Parse.timestamp($0) } == bytes(read) { Parse.timestamp($0) }
        case "json": return Self.compact(sent) == Self.compact(read)
        case "array", "map", "struct":
            guard let type = NestedType(native) else { return false }
            func anew(_ text: String) -> String? {
                var out = ByteBuffer()
                return bytes(text) { NestedText.write($0, as: type, .json, to: &out) } ? out.string : nil
            }
            return anew(sent) == anew(read)
        default: return sent == read
        }
    }

    /// JSON without blanks between its parts.
    private static func compact(_ text: String) -> String {
        var out = ""
        var isInside = false, isEscaped = false
        for character in text.unicodeScalars {
            if isInside {
                isInside = isEscaped || character != "\""
                isEscaped = !isEscaped && character == "\\"
            } else if [" ", "\n", "\t", "\r"].contains(character) {
                continue
            } else if character == "\"" {
                isInside = true
            }
            out.unicodeScalars.append(character)
        }
        return out
    }
}
