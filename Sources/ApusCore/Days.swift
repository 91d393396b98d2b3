import Tabular

/// Whole days of a time zone, told by a column: what a nightly load takes, and what it replaces in the target.
public struct Days: Sendable, Hashable, Codable {
    /// SQL of the source: a column, perhaps with the table's alias in front.
    public var column: String
    /// Days since 1970-01-01: the first, and the one behind the last.
    public var from: Int
    public var upTo: Int
    /// When they begin in their time zone: seconds since 1970, UTC.
    public var fromInstant: Int
    public var upToInstant: Int
    /// False where the query that is read has the condition already.
    public var filtersSource = true
    /// The column's type, where it is known already.
    public var type: ColumnType?

    public init(_ column: String, from: Int, upTo: Int, fromInstant: Int, upToInstant: Int) {
        self.column = column
        self.from = from
        self.upTo = upTo
        self.fromInstant = fromInstant
        self.upToInstant = upToInstant
    }

    /// The column without what stands in front: `t.day` is `day`.
    public var bareColumn: String {
        guard let quote = column.last, "\"`".contains(quote), let start = column.dropLast().lastIndex(of: quote) else {
            return column.split(separator: ".").last.map(String.init) ?? column
        }
        return String(column[column.index(after: start)...].dropLast())
    }

    /// The condition on the source's column, or nil when days cannot be told by a column of that type.
    public func condition(_ type: ColumnType, _ dialect: any Dialect) -> String? {
        guard let low = literal(type, from, fromInstant, dialect), let high = literal(type, upTo, upToInstant, dialect) else { return nil }
        return "\(column) >= \(low) AND \(column) < \(high)"
    }

    /// The condition on the target's column `name`. What is an instant on one side and a wall clock on the other is converted in
    /// the days' own zone.
    public func condition(_ name: String, _ type: ColumnType, target dialect: any Dialect) -> String? {
        guard let low = literal(type, from, fromInstant, dialect), let high = literal(type, upTo, upToInstant, dialect) else { return nil }
        return "\(dialect.quote(name)) >= \(low) AND \(dialect.quote(name)) < \(high)"
    }

    private func literal(_ type: ColumnType, _ day: Int, _ instant: Int, _ dialect: any Dialect) -> String? {
        switch type {
        // A date alone is midnight everywhere, and as text it comes before every time of its day.
        case .date, .timestamp, .text: dialect.literal(Self.iso(day))
        case .instant: dialect.instant(instant)
        case .integer(let bits, _) where bits >= 32: Self.iso(day).replacing("-", with: "")
        default: nil
        }
    }

    /// `2026-11-21`.
    public static func iso(_ day: Int) -> String {
        let date = Temporal.date(ofDays: Int64(day))
        func padded(_ number: Int, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
    }

    /// `2026-11-20 16:00:00`, UTC.
    public static func isoTime(_ seconds: Int) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - day * 86_400
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(iso(day)) \(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
    }

    /// The day of `2026-11-21`, and of nothing else.
    public static func day(iso text: String) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, zip(parts, [4, 2, 2]).allSatisfy({ $0.count == $1 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
            Temporal.isValid(year: year, month: month, day: day)
        else { return nil }
        return Int(Temporal.days(year: year, month: month, day: day))
    }
}
