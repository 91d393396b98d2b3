import RegexBuilder

/// What a command printed, compared without what changes from run to run: ids, times, rates, widths of columns, the
/// names of temporary folders.
struct Printed {
    let text: String

    init(_ text: String) { self.text = text }

    /// `…` in the expected text stands for any text.
    func fits(_ expected: String) -> Bool {
        let printed = Self.steady(text)
        let parts = Self.steady(expected).components(separatedBy: "…")
        guard parts.count > 1 else { return printed == parts[0] }
        guard printed.hasPrefix(parts[0]) else { return false }
        var rest = printed.dropFirst(parts[0].count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = rest.firstRange(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return rest.hasSuffix(parts.last!)
    }

    /// The text with fixed words for what varies.
    static func steady(_ text: String) -> String {
        var text = text
        // Run ids, times, durations, rates.
        text.replace(#/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#, with: "<id>")
        text.replace(#/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/#, with: "<time>")
        text.replace(#/, [\d,]+ rows\/s/#, with: "")
        text.replace(#/\b(\d+h)?(\d+m)?\d+(\.\d+)?s\b/#, with: "<s>")
        text.replace(#/\(\d+ ms\)/#, with: "(<ms>)")
        text.replace(#/\b(127\.0\.0\.1|localhost):\d+/#, with: "<server>")
        text.replace(#/on \S+, process \d+/#, with: "on <host>, process <pid>")
        // Servers' own estimates of rows, which differ from one look to the next.
        text.replace(#/~[\d,.]+[kM]?\b/#, with: "~<rows>")
        text.replace(#/\babout [\d,]+ rows/#, with: "about <rows> rows")
        // The lines of DataX jobs: local time, speeds.
        text.replace(#/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[/#, with: "<time> [")
        text.replace(#/时刻( *): \d{4}-\d\d-\d\d \d\d:\d\d:\d\d/#) { "时刻\($0.1): <time>" }
        text.replace(#/Speed [\d.]+[KMGT]?B\/s, \d+ records\/s/#, with: "Speed <rate>")
        text.replace(#/: +([\d.]+[KMGT]?B|\d+rec)\/s/#, with: ": <rate>")
        // Columns are as wide as what they hold.
        text.replace(#/-{3,}/#, with: "---")
        text.replace(#/[ ]{2,}/#, with: " ")
        text.replace(#/<s> [\d,]+ /#, with: "<s> ")
        text.replace(#/[ ]+\n/#, with: "\n")
        text.replace(#/[ \n]+$/#, with: "")
        return text
    }
}
