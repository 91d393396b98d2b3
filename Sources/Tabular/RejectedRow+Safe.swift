extension RejectedRow {
    /// The reason with `…` where a value of the row stood or may have stood: for errors and logs, which never show row
    /// data. The whole reason is kept beside the row.
    public var safeReason: String {
        var text = reason
        // Our own words: `value 12 is out of range`, `value 'it's' is not a valid date`.
        text = text.replacing(#/\bvalue .+ (is|has|does|are)\b/#) { "value … \($0.output.1)" }
        // MySQL and SQLite quote values in single quotes; names stand in backticks or without quotes.
        text = text.replacing(#/'(?:.*)'(?= for (?:column|key))/#, with: "'…'")
        // PostgreSQL: `invalid input syntax for type integer: "x"`, `Key (id)=(5)`, `Failing row contains (5, x)`.
        text = text.replacing(#/: ".*"/#, with: ": \"…\"")
        text = text.replacing(#/=\(.*\)/#, with: "=(…)")
        text = text.replacing(#/contains \(.*\)/#, with: "contains (…)")
        return text
    }
}
