extension Masking {
    /// Unicode scalars of a statement that an error shows around the place of its fault.
    private static let shownBefore = 100, shownBehind = 100
    /// Stands before the place of the fault.
    public static let place = "▸"

    /// A driver's words about a statement that holds no values of rows, and the statement around the place of the fault.
    /// - parameter position: Unicode scalars before that place; nil = unknown.
    public static func words(_ words: String, on sql: String, at position: Int? = nil) -> String {
        "\(mask(words, about: sql)); SQL: \(excerpt(sql, at: position))"
    }

    /// A statement on one line, its secrets hidden, cut short around a place, before which ``place`` stands.
    public static func excerpt(_ sql: String, at position: Int? = nil) -> String {
        let original = Array(sql.unicodeScalars), masked = Array(mask(statement: sql).unicodeScalars)
        let place = position.flatMap { moved($0, from: original, to: masked) }
        let middle = place ?? 0
        // A few signs more make the beginning whole.
        let start = middle <= shownBefore + 30 ? 0 : middle - shownBefore,
            end = min(masked.count, middle + shownBehind + (shownBefore - (middle - start)))
        let head = line(masked[start..<middle]), tail = line(masked[middle..<end])
        return (start > 0 ? "…" : "") + (place == nil ? "" : head + Self.place) + tail + (end < masked.count ? "…" : "")
    }

    /// Where a place of a text is in the text whose middle was masked; nil within what was masked.
    private static func moved(_ position: Int, from original: [Unicode.Scalar], to masked: [Unicode.Scalar]) -> Int? {
        guard position >= 0, position <= original.count else { return nil }
        let same = zip(original, masked).prefix { $0 == $1 }.count
        if position <= same { return position }
        let behind = zip(original.reversed(), masked.reversed()).prefix { $0 == $1 }.count
        return original.count - position <= behind ? masked.count - (original.count - position) : nil
    }

    private static func line(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var out = String.UnicodeScalarView(), isBlank = false
        for scalar in scalars {
            let blank = scalar.properties.isWhitespace
            if !blank || !isBlank { out.append(blank ? " " : scalar) }
            isBlank = blank
        }
        return String(out)
    }
}
