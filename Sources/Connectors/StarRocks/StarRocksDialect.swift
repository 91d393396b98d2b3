import ApusCore
import MySQLClient
import Tabular

/// How StarRocks and Doris write names, values and declarations.
struct StarRocksDialect: Dialect {
    let profile: StarRocksProfile
    /// Of tables that Apus makes; nil = the server's default.
    var replicas: Int?
    var buckets: Int?
    let identifierLimit = 64

    init(_ profile: StarRocksProfile, replicas: Int? = nil, buckets: Int? = nil) {
        self.profile = profile
        self.replicas = replicas
        self.buckets = buckets
    }

    func quote(_ identifier: String) -> String { ClientText.quote(identifier) }
    func literal(_ text: String) -> String { ClientText.literal(text) }

    func literal(_ text: String, type: ColumnType) -> String {
        switch type {
        case .integer, .decimal, .float: text.isEmpty ? "NULL" : text
        case .boolean: text == "true" ? "1" : text == "false" ? "0" : text
        default: literal(text)
        }
    }

    /// A comment or a property, in the quotes that both systems print.
    func quoted(_ text: String) -> String { "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" }

    func list(_ names: [String]) -> String { names.map(quote).joined(separator: ", ") }

    // MARK: Declarations

    func declaration(of column: ColumnShape, origin: String) -> Declaration {
        if origin == profile.origin { return own(column) }
        // One family: what both have by the same name stays what it is.
        if origin == "starrocks" || origin == "doris", let same = related(column) { return same }
        return declaration(of: column.type)
    }

    private func related(_ column: ColumnShape) -> Declaration? {
        let native = column.native.prefix { $0 != " " }
        switch column.type {
        case .other: return nil
        case .bytes: return profile.hasVarbinary ? Declaration(String(native), column.type) : nil
        case .decimal(let precision?, _) where native.hasPrefix("decimal") && precision > profile.decimalDigits: return nil
        case .text where native.hasPrefix("varchar"):
            if case .text(let length?) = column.type { return Declaration("varchar(\(length))", .text(length: length)) }
            return Declaration(longText, .text)
        default: return Declaration(String(native), column.type)
        }
    }

    /// The type that takes the longest texts: 1 MiB in StarRocks, and STRING in Doris.
    private var longText: String { profile.isDoris ? "string" : "varchar(1048576)" }

    func declaration(of type: ColumnType) -> Declaration {
        switch type {
        case .boolean: return Declaration("boolean", .boolean)
        case .integer(let bits, let unsigned):
            // There are no unsigned types: each takes the next larger one.
            let needed = unsigned ? bits + 1 : bits
            if needed <= 8 { return Declaration("tinyint", .integer(bits: 8, unsigned: false)) }
            if needed <= 16 { return Declaration("smallint", .int16) }
            if needed <= 32 { return Declaration("int", .int32) }
            if needed <= 64 { return Declaration("bigint", .int64) }
            return Declaration("largeint", .decimal(precision: 39, scale: 0))
        case .float(let bits): return Declaration(bits == 32 ? "float" : "double", type)
        case .decimal(let precision?, let scale):
            let scale = scale ?? 0
            let digits = max(precision, scale) - min(scale, 0)
            let kept = max(scale, 0)
            if digits <= profile.decimalDigits {
                return Declaration("decimal(\(digits),\(kept))", .decimal(precision: digits, scale: kept))
            }
            return Declaration(longText, .text, loss: "\(type) is beyond decimal(\(profile.decimalDigits)) and is kept as text")
        case .decimal: return Declaration(longText, .text, loss: "an unbounded decimal is kept as text")
        case .text(let length?) where length * 4 <= 65_533:
            // Lengths are octets, and a character of UTF-8 may take four.
            let octets = max(1, length * 4)
            return Declaration("varchar(\(octets))", .text(length: octets))
        case .text: return Declaration(longText, .text, loss: nil)
        case .bytes(let length):
            if profile.hasVarbinary { return Declaration("varbinary", .bytes) }
            if let length, length * 2 <= 65_533 {
                return Declaration("varchar(\(max(1, length)))", .text(length: max(1, length)), loss: Self.octetsAsText)
            }
            return Declaration(longText, .text, loss: Self.octetsAsText)
        case .date: return Declaration("date", .date)
        case .time, .duration: return Declaration("varchar(20)", .text(length: 20), loss: "a time of day is kept as text")
        case .timestamp(let precision):
            return Declaration(dateTime(precision), .timestamp(precision: profile.isDoris ? min(precision, 6) : 6))
        case .instant(let precision):
            return Declaration(
                dateTime(precision), .timestamp(precision: profile.isDoris ? min(precision, 6) : 6))
        case .json: return Declaration("json", .json)
        case .uuid: return Declaration("varchar(36)", .text(length: 36))
        case .bits(let length) where length == 1: return Declaration("boolean", .boolean)
        case .bits(let length?) where length <= 63: return Declaration("bigint", .int64)
        case .bits: return Declaration(longText, .text, loss: "bits beyond 63 are kept as text")
        case .array: return Declaration(longText, .text, loss: "an array is kept as its text, {a,b}")
        case .other(let name): return Declaration(longText, .text, loss: "\(name) is kept as its text")
        }
    }

    private static let octetsAsText = "there is no type for octets: they are kept as text, and those that are no UTF-8 are rejected"

    private func dateTime(_ precision: Int) -> String { profile.isDoris && precision > 0 ? "datetime(\(min(precision, 6)))" : "datetime" }
}
