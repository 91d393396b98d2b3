import ApusCore
import CScan
import Tabular

/// The dialect of a CSV file.
struct CSVFormat {
    enum Ragged: String { case reject, pad, cut, error }
    enum Newline: String { case auto, lf, crlf, cr }

    var separator: [UInt8] = [UInt8(ascii: ",")]
    /// Nobody said which it is.
    var guessesSeparator = false
    /// nil = fields are never quoted.
    var quote: UInt8? = UInt8(ascii: "\"")
    /// A backslash escapes; without, a quote within quotes is doubled.
    var backslash = false
    /// Texts are written as they are, whatever is in them.
    var raw = false
    var header = true
    /// The unquoted text that is NULL; nil = the unquoted empty field.
    var null: [UInt8]?
    var newline = Newline.auto
    var comment: UInt8?
    var skipLines = 0
    var ragged = Ragged.reject

    static let settings: [Setting] = [
        Setting("separator", .text, aliases: ["delimiter", "sep"], "between fields: , (tab for tsv), \\t or any text"),
        Setting("quote", .text, default: "\"", "one character, or none"),
        Setting(
            "escape", .choice(["double", "backslash", "none"]), default: "double",
            "how a quote stands within quotes; none, with quote=none: texts are written as they are, for people to read"),
        Setting("header", .boolean, default: "true", "the first line holds the column names; false = c1, c2, …"),
        Setting("null", .text, "the unquoted text that is NULL, e.g. \\N; unset = an empty field without quotes"),
        Setting(
            "newline", .choice(["auto", "lf", "crlf", "cr"]), default: "auto", "auto reads all three and writes lf"),
        Setting("comment", .text, "lines that begin with this character are skipped"),
        Setting("skip_lines", .integer, default: "0", "lines to skip at the start of each file"),
        Setting(
            "ragged", .choice(["reject", "pad", "cut", "error"]), default: "reject",
            "a row with too few or too many fields: rejected; too few filled up with NULL; too many cut off; an error"),
    ]

    init() {}

    init(_ endpoint: Endpoint) throws {
        let settings = endpoint.settings
        let name = FileLocation.split(endpoint.path, endings: ["tsv"]).ending
        let isTab = endpoint.label.hasPrefix("tsv:") || name.hasPrefix(".tsv")
        guessesSeparator = settings.text("separator") == nil
        separator = try CSVFormat.octets(settings.text("separator") ?? (isTab ? "\\t" : ","), "separator")
        switch settings.text("quote") ?? "\"" {
        case "none", "": quote = nil
        case let text:
            guard text.utf8.count == 1 else {
                throw CSVFormat.fault("quote", "`\(text)` is not one ASCII character or `none`")
            }
            quote = text.utf8.first
        }
        backslash = settings.text("escape") == "backslash"
        raw = settings.text("escape") == "none" && quote == nil
        header = settings.boolean("header")
        null = settings.text("null").flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        newline = Newline(rawValue: settings.text("newline") ?? "auto") ?? .auto
        if let text = settings.text("comment"), !text.isEmpty {
            guard text.utf8.count == 1 else { throw CSVFormat.fault("comment", "`\(text)` is not one ASCII character") }
            comment = text.utf8.first
        }
        skipLines = max(0, settings.integer("skip_lines") ?? 0)
        ragged = Ragged(rawValue: settings.text("ragged") ?? "reject") ?? .reject
        try check()
    }

    private func check() throws {
        let special = [UInt8(ascii: "\n"), UInt8(ascii: "\r")] + (quote.map { [$0] } ?? [])
        if separator.isEmpty || separator.contains(where: special.contains)
            || (backslash && separator.contains(UInt8(ascii: "\\")))
        {
            throw CSVFormat.fault("separator", "it is empty or holds a newline, the quote or the escape")
        }
        if let quote, special.prefix(2).contains(quote) || (backslash && quote == UInt8(ascii: "\\")) {
            throw CSVFormat.fault("quote", "it is a newline or the escape")
        }
        if backslash, separator.contains(where: { "0bnrtZN".utf8.contains($0) }) {
            throw CSVFormat.fault("separator", "with escape=backslash it cannot be a letter that an escape uses")
        }
        let letters = Array("0bnrtZ".utf8)
        if backslash, let first = null?.first, letters.contains(first) {
            throw CSVFormat.fault("null", "with escape=backslash it cannot begin with a letter that an escape uses")
        }
        if backslash, let comment, letters.contains(comment) {
            throw CSVFormat.fault("comment", "with escape=backslash it cannot be a letter that an escape uses")
        }
        if let null, null.contains(where: { special.contains($0) }) || CSVFormat.contains(null, separator) {
            throw CSVFormat.fault("null", "it holds the separator, a quote or a newline")
        }
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        text.count >= part.count
            && (0...(text.count - part.count)).contains { Array(text[$0..<($0 + part.count)]) == part }
    }

    private static func fault(_ option: String, _ what: String) -> ApusError {
        ApusError(.configurationInvalid, "option `\(option)`: \(what)")
    }

    /// Text with `\t`, `\\` and `\xHH`.
    private static func octets(_ text: String, _ option: String) throws -> [UInt8] {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.first else {
                out.append(byte)
                continue
            }
            rest.removeFirst()
            switch next {
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "\\"): out.append(next)
            case UInt8(ascii: "x"):
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
                else {
                    throw fault(option, "two hex digits must follow \\x")
                }
                rest = rest.dropFirst(2)
                out.append(value)
            default: out += [byte, next]
            }
        }
        return out
    }

    /// The octets at which a reader must stop.
    var structural: apus_octets {
        let first = separator[0]
        let newlineByte = newline == .cr ? UInt8(ascii: "\r") : UInt8(ascii: "\n")
        return apus_octets(
            a: first, b: newlineByte, c: newline == .lf ? newlineByte : UInt8(ascii: "\r"), d: quote ?? first,
            e: backslash ? UInt8(ascii: "\\") : first)
    }
}
