/// The columns that text takes on a terminal: two for East Asian wide characters and emoji, none for combining marks.
///
/// Characters of ambiguous width (`…`, `→`) count one column, as terminals outside legacy CJK locales draw them.
public enum DisplayWidth {
    public static func of(_ text: some StringProtocol) -> Int {
        text.utf8.allSatisfy { $0 < 0x7F && $0 >= 0x20 } ? text.utf8.count : text.reduce(0) { $0 + of($1) }
    }

    public static func of(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        guard let first = scalars.first else { return 0 }
        if scalars.count == 1 { return of(first) }
        // A grapheme is drawn as one sign: as wide as its base, or an emoji when a selector, modifier or flag says so.
        let second = scalars[scalars.index(after: scalars.startIndex)]
        if scalars.contains("\u{FE0F}") || isRegional(first) && isRegional(second) { return 2 }
        return scalars.map(of).max() ?? 0
    }

    static func of(_ scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 {
            return scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) || scalar.value == 0xAD ? 0 : 1
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control, .lineSeparator, .paragraphSeparator: return 0
        default: break
        }
        // The middle and last parts of a Hangul syllable join the first.
        if (0x1160...0x11FF).contains(scalar.value) { return 0 }
        return isWide(scalar) || scalar.properties.isEmojiPresentation && !isRegional(scalar) ? 2 : 1
    }

    private static func isRegional(_ scalar: Unicode.Scalar) -> Bool { (0x1F1E6...0x1F1FF).contains(scalar.value) }

    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x1100 else { return false }
        return wide.contains { $0.contains(scalar.value) }
    }

    /// Classes W and F of EastAsianWidth.txt, Unicode 15, without emoji, which a property of their own tells.
    private static let wide: [ClosedRange<UInt32>] = [
        0x4E00...0xA4CF, 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x3247, 0x3250...0x4DBF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6B, 0xFF01...0xFF60,
        0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1AFF0...0x1B2FB, 0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]

    /// Text that takes at most `width` columns; what is cut shows as `…`.
    public static func clip(_ text: String, to width: Int) -> String {
        guard of(text) > width else { return text }
        guard width > 1 else { return width == 1 ? "…" : "" }
        var clipped = "", used = 0
        for character in text {
            let columns = of(character)
            if used + columns > width - 1 { break }
            clipped.append(character)
            used += columns
        }
        return clipped + "…"
    }

    /// Text with spaces behind (or before) it, up to `width` columns.
    public static func pad(_ text: String, to width: Int, right: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, width - of(text)))
        return right ? spaces + text : text + spaces
    }

    /// Text that cannot steer a terminal: control characters and direction overrides show as their code, a line's end
    /// as `\n`. With `lines`, line ends stay.
    public static func plain(_ text: String, lines: Bool = false) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var out = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A: out.append(contentsOf: (lines ? "\n" : "\\n").unicodeScalars)
            case 0x09: out.append(" ")
            case 0x0D where lines: continue
            case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069:
                out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: out.append(scalar)
            }
        }
        return String(out)
    }
}
