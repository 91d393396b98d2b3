import ApusTesting
import Foundation

/// StarRocks' own SQL and values.
extension Place {
    /// The few statements that the suite makes its tables with, as StarRocks has them: the key and the buckets stand behind the
    /// columns, and a key makes a primary-key table.
    static func starRocksSQL(_ sql: String) -> String {
        sql.replacing(#/CREATE TABLE (?<name>[^\s(]+|`[^`]+`) \((?<key>\w+|`[^`]+`) (?<type>\w+) NOT NULL PRIMARY KEY(?<rest>,.*?)?\);/#) {
            let (key, rest) = ($0.key, ($0.rest ?? "").replacing(" text", with: " string"))
            return "CREATE TABLE \($0.name) (\(key) \($0.type) NOT NULL\(rest)) PRIMARY KEY(\(key)) DISTRIBUTED BY HASH(\(key)) BUCKETS 2;"
        }
    }

    /// SQL whose result is the column's value as hexadecimal UTF-8; octets are `\x…`.
    func starRocksHex(_ name: String, _ type: String) -> String {
        switch type.lowercased().prefix(while: \.isLetter) {
        case "varbinary": "HEX(CONCAT('\\\\x', LOWER(HEX(\(name)))))"
        // All digits, where a FLOAT's own text has six.
        case "float": "HEX(CONCAT(CAST(\(name) AS DOUBLE)))"
        default: "HEX(CONCAT(\(name)))"
        }
    }
}
