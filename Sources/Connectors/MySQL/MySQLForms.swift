import ApusCore
import Tabular

/// What values are one to MySQL and MariaDB, for comparing a target with its source.
extension MySQLSession {
    /// A CHAR has no blanks at its end, and a BIT is a number.
    func likeness(_ load: Load) throws -> [Likeness] {
        try target(load.target, columns: load.columns).items.map { item in
            if case .padded? = item.check { return .unpadded }
            if case .bits = item.type { return .number }
            return .exact
        }
    }

    /// MariaDB's inet4 and inet6 have a form of their own.
    func canonical(_ texts: [String], in column: String, of load: Load) throws -> [String]? {
        guard case .other(let native)? = try describe(load.target).column(column)?.type, native.hasPrefix("inet") else { return nil }
        var answers: [String] = []
        for start in stride(from: 0, to: texts.count, by: 500) {
            let some = Array(texts[start..<min(start + 500, texts.count)])
            let casts = some.map { _ in "CAST(CAST(? AS \(native)) AS CHAR)" }.joined(separator: ", ")
            answers += try query("SELECT \(casts)", some).first?.map { $0 ?? "" } ?? []
        }
        return answers
    }
}
