import ApusCore
import Tabular

/// How a date is written: `yyyy` or `yy`, `MM` or `M`, `dd` or `d`, `HH`, `mm`, `ss`; anything in single quotes and
/// every other sign is itself.
struct DateFormat: Hashable {
    /// A point of the calendar, to the second.
    struct Moment: Hashable {
        var days: Int64
        var secondsOfDay: Int64 = 0

        init(days: Int64) { self.days = days }

        init(seconds: Int64) {
            days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
            secondsOfDay = seconds - days * 86_400
        }

        /// `2026-11-21`, and nothing else.
        init?(iso text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 3, zip(parts, [4, 2, 2]).allSatisfy({ $0.count == $1 && $0.allSatisfy { $0.isASCII && $0.isNumber } }),
                let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
                Temporal.isValid(year: year, month: month, day: day)
            else { return nil }
            days = Temporal.days(year: year, month: month, day: day)
        }

        func adding(days count: Int) -> Moment {
            var copy = self
            copy.days += Int64(count)
            return copy
        }
    }

    private enum Part: Hashable {
        case text(String)
        case field(Character, Int)
    }

    private var parts: [Part] = []

    static let iso = DateFormat([.field("y", 4), .text("-"), .field("M", 2), .text("-"), .field("d", 2)])
    static let isoInstant = DateFormat(
        iso.parts + [.text(" "), .field("H", 2), .text(":"), .field("m", 2), .text(":"), .field("s", 2)])

    private init(_ parts: [Part]) { self.parts = parts }

    init(_ pattern: String) throws(ApusError) {
        var rest = pattern[...]
        while let first = rest.first {
            if first == "'" {
                guard let close = rest.dropFirst().firstIndex(of: "'") else { throw Self.fault(pattern) }
                parts.append(.text(String(rest[rest.index(after: rest.startIndex)..<close])))
                rest = rest[rest.index(after: close)...]
            } else if first.isASCII, first.isLetter {
                let run = rest.prefix { $0 == first }
                let isKnown = first == "y" ? [2, 4].contains(run.count) : "MdHms".contains(first) && run.count <= 2
                guard isKnown else { throw Self.fault(pattern) }
                parts.append(.field(first, run.count))
                rest = rest[run.endIndex...]
            } else {
                parts.append(.text(String(first)))
                rest = rest.dropFirst()
            }
        }
    }

    private static func fault(_ pattern: String) -> ApusError {
        ApusError(
            .configurationInvalid, "`\(pattern)` is no date format",
            hint: "Write e.g. yyyyMMdd, yyyy-MM-dd or yyyy/MM/dd; letters that are not yyyy, MM, dd, HH, mm or ss stand in 'quotes'.")
    }

    func text(_ moment: Moment) -> String {
        let date = Temporal.date(ofDays: moment.days)
        return parts.map { part in
            switch part {
            case .text(let text): return text
            case .field(let letter, let width):
                let value: Int
                switch letter {
                case "y": value = width == 2 ? date.year % 100 : date.year
                case "M": value = date.month
                case "d": value = date.day
                case "H": value = Int(moment.secondsOfDay / 3600)
                case "m": value = Int(moment.secondsOfDay / 60 % 60)
                default: value = Int(moment.secondsOfDay % 60)
                }
                let digits = String(value)
                return String(repeating: "0", count: max(0, width - digits.count)) + digits
            }
        }.joined()
    }
}
