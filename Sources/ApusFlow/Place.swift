/// Where in a file something stands: line and column from 1, columns counted in Unicode scalars.
public struct Place: Hashable, Sendable, Comparable, CustomStringConvertible {
    public var line: Int
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static let start = Place(line: 1, column: 1)

    public static func < (a: Place, b: Place) -> Bool { (a.line, a.column) < (b.line, b.column) }
    public var description: String { "\(line):\(column)" }
}

/// The text of a configuration file in lines, for carets; lines end where YAML 1.1 ends them (§5.4, "Line Break
/// Characters").
struct SourceText: Sendable, Hashable {
    let file: String
    let lines: [String]

    init(_ text: String, file: String) {
        self.file = file
        var lines: [String] = []
        var current = String.UnicodeScalarView()
        var last: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where last == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(current))
                current = String.UnicodeScalarView()
            default: current.append(scalar)
            }
            last = scalar
        }
        lines.append(String(current))
        self.lines = lines
    }

    func line(_ number: Int) -> String? { lines.indices.contains(number - 1) ? lines[number - 1] : nil }

    /// The place, or the end of the text for one that lies behind it, where YAML's parser finds something missing.
    func within(_ place: Place) -> Place {
        guard place.line > lines.count else { return Place(line: max(place.line, 1), column: max(place.column, 1)) }
        let last = lines.lastIndex { !$0.allSatisfy(\.isWhitespace) } ?? 0
        return Place(line: last + 1, column: (lines.isEmpty ? 0 : lines[last].unicodeScalars.count) + 1)
    }

    /// Where `token` first stands at or after `place`, at most `reach` lines below; else `place` itself.
    func find(_ token: String, from place: Place, reach: Int = 500) -> Place {
        let wanted = Array(token.unicodeScalars)
        guard !wanted.isEmpty, place.line >= 1 else { return place }
        for number in place.line..<(place.line + reach) {
            guard let line = line(number) else { return place }
            let scalars = Array(line.unicodeScalars)
            var column = number == place.line ? place.column - 1 : 0
            while column >= 0, column + wanted.count <= scalars.count {
                if scalars[column..<(column + wanted.count)].elementsEqual(wanted) {
                    return Place(line: number, column: column + 1)
                }
                column += 1
            }
        }
        return place
    }

    /// The line with passwords masked and a caret below `place`, both indented by two; empty for an unknown line.
    func excerpt(at place: Place) -> String {
        guard let line = line(place.line) else { return "" }
        let indent = SourceMask.indent(line)
        let parent = lines[..<(place.line - 1)].last { !$0.allSatisfy(\.isWhitespace) && SourceMask.indent($0) < indent }
        let masked = SourceMask.mask(line: line, parent: parent, column: place.column - 1)
        var scalars = Array(masked.text.unicodeScalars)
        var caret = min(max(masked.column, 0), scalars.count)
        let width = 96
        if scalars.count > width {
            let from = max(0, min(caret - width / 2, scalars.count - width))
            scalars =
                (from > 0 ? ["…"] : []) + scalars[from..<(from + width)]
                + (from + width < masked.text.unicodeScalars.count ? ["…"] : [])
            caret = caret - from + (from > 0 ? 1 : 0)
        }
        let padding = scalars[..<caret].map { $0 == "\t" ? "\t" : Self.isWide($0) ? "  " : " " }.joined()
        var shown = String.UnicodeScalarView()
        shown.append(contentsOf: scalars)
        return "  \(String(shown))\n  \(padding)^"
    }

    /// Characters that terminals draw two cells wide (Unicode Standard Annex 11, the wide blocks).
    private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
