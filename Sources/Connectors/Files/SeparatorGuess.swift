import ApusCore

/// Whether the first records of a CSV file, read with a separator that nobody gave, have another one.
struct SeparatorGuess {
    private static let candidates: [UInt8] = [
        UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "|"), UInt8(ascii: "\t"),
    ]
    /// Records that are looked at.
    static let most = 20

    private let quote: UInt8?
    private let hasHeader: Bool
    /// Of each candidate how often it stands in the first record, and whether it does so in all.
    private var counts: [UInt8: Int] = [:]
    private(set) var records = 0

    init(_ format: CSVFormat) {
        quote = format.quote
        hasHeader = format.header
        for byte in SeparatorGuess.candidates where [byte] != format.separator { counts[byte] = 0 }
    }

    /// One record that is a single field.
    mutating func see(_ record: UnsafeBufferPointer<UInt8>) {
        var found: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in record {
            if byte == quote {
                isQuoted.toggle()
            } else if !isQuoted, counts[byte] != nil {
                found[byte, default: 0] += 1
            }
        }
        for byte in counts.keys {
            let count = found[byte] ?? 0
            if count == 0 || records > 0 && counts[byte] != count { counts[byte] = nil } else { counts[byte] = count }
        }
        records += 1
    }

    /// - throws: `config.invalid` when every record has the same number of another separator.
    func check(_ label: String) throws {
        // One line without a header may be a sentence.
        guard records > (hasHeader ? 0 : 1), let byte = SeparatorGuess.candidates.first(where: { counts[$0] != nil }) else { return }
        let shown = byte == 9 ? "\\t" : String(UnicodeScalar(byte))
        throw ApusError(
            .configurationInvalid,
            "\(label) has one column, but every line has \(byte == 9 ? "tabs" : "`\(shown)`") in the same number: its separator is another",
            hint: "Say separator=\(shown == "|" || shown == ";" ? shown : shown == "," ? "," : "\\t"), e.g. 'csv:FILE?separator=\(shown)'; "
                + "if it is one column after all, name the separator that no line has, e.g. separator=\\x1f.")
    }
}
