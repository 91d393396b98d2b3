import ApusCore
import Glibc
import Tabular

/// A dirty row as DataX's `StdoutPluginCollector` prints it: every column's value, so that it can be mended.
///
/// DataX writes the values of dirty rows to stdout, and those who read its log rely on that; Apus's own log never does.
struct DataXRecord {
    private typealias Value = (type: String, raw: JSON?, size: Int)

    let row: RejectedRow
    private let values: [Value]

    /// - parameter schemas: the columns that the row's values may go by, the more likely first. The text of a row that
    ///   could not be parsed is its one value.
    init(_ row: RejectedRow, _ schemas: [Schema]) {
        self.row = row
        let members = RowJSON.parse(row.values) ?? [("raw", row.values)]
        let schema = schemas.first { $0.count == members.count && zip($0.columns, members).allSatisfy { $0.name == $1.name } }
        values = members.enumerated().map { Self.value($1.value, schema?[$0].type ?? .text) }
    }

    /// Octets as DataX counts them: 8 for an integer or a date, 1 for a boolean, UTF-16 code units for text, octets for
    /// bytes.
    var byteSize: Int { values.reduce(0) { $0 + $1.size } }

    /// The line's JSON, its keys in the order in which a Java HashMap has them; NULL has no `rawData`, as fastjson
    /// leaves it out.
    var json: String {
        let isReaders = row.stage != .write
        let columns = values.enumerated().map { index, value in
            JSON.object([
                "byteSize": .integer(value.size), "index": .integer(index), "rawData": value.raw, "type": .string(value.type),
            ])
        }
        return JSON.object([
            "exception": isReaders ? nil : .string(row.reason), "record": .array(columns),
            "type": .string(isReaders ? "reader" : "writer"), "message": isReaders ? .string(row.reason) : nil,
        ]).line
    }

    private static func value(_ text: String?, _ type: ColumnType) -> Value {
        let name =
            switch type {
            // A `long` of a text file has no bounds; a table's DECIMAL without a fraction is a DOUBLE to DataX.
            case .integer, .decimal(38, 0): "LONG"
            case .float, .decimal: "DOUBLE"
            case .boolean: "BOOL"
            case .date, .time, .duration, .timestamp, .instant: "DATE"
            case .bytes: "BYTES"
            case .text, .json, .uuid, .bits, .array, .other: "STRING"
            }
        guard let text else { return (name, nil, 0) }
        switch name {
        case "LONG":
            if isNumber(text) { return (name, .raw(text), type == .decimal(precision: 38, scale: 0) ? text.utf16.count : 8) }
        case "DOUBLE": return (name, .string(text), text.utf16.count)
        case "BOOL": if text == "true" || text == "false" { return (name, .bool(text == "true"), 1) }
        case "DATE": if let moment = milliseconds(text, type) { return (name, .integer(moment), 8) }
        case "BYTES":
            if let octets = octets(text) { return (name, .string(Base64.text(octets)), octets.count) }
        default: break
        }
        // What is no value of its type, a zero date for instance, is shown as it is.
        return ("STRING", .string(text), text.utf16.count)
    }

    private static func isNumber(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        return !digits.isEmpty && digits.allSatisfy { $0 >= 48 && $0 <= 57 }
    }

    private static func milliseconds(_ text: String, _ type: ColumnType) -> Int? {
        var text = text
        let value: Int64? = text.withUTF8 { bytes in
            switch type {
            case .date: Parse.date(bytes)
            case .time: Parse.time(bytes)
            case .duration: Parse.duration(bytes)
            case .instant: Parse.instant(bytes)
            default: Parse.timestamp(bytes)
            }
        }
        return value.flatMap { LocalZone.milliseconds($0, type) }.map(Int.init)
    }

    /// Of `\x0aff`.
    private static func octets(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("\\x") else { return nil }
        let digits = Array(text.utf8)
        var isHex = true
        let octets = [UInt8](unsafeUninitializedCapacity: digits.count / 2) { room, count in
            let read = digits.withUnsafeBufferPointer { Parse.hex($0, to: room.baseAddress!) }
            isHex = read != nil
            count = read ?? 0
        }
        return isHex ? octets : nil
    }
}

/// RFC 4648 §4, as fastjson writes a byte array.
enum Base64 {
    static func text(_ octets: [UInt8]) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: octets.count, by: 3) {
            let group = octets[start..<min(start + 3, octets.count)]
            var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            var four: [UInt8] = []
            for _ in 0..<4 {
                four.insert(letters[bits & 63], at: 0)
                bits >>= 6
            }
            text += four[...group.count] + [UInt8](repeating: UInt8(ascii: "="), count: 3 - group.count)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
