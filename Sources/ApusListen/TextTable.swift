/// Columns that line up by display width; two spaces between them.
public struct TextTable {
    enum Alignment { case left, right }

    private enum Line {
        case cells([String])
        case rule
    }

    private let titles: [String]
    private let alignments: [Alignment]
    private var lines: [Line] = []

    init(_ columns: [(title: String, alignment: Alignment)]) {
        titles = columns.map(\.title)
        alignments = columns.map(\.alignment)
    }

    /// Missing cells at the end are empty. No cell may steer the terminal or end the line.
    mutating func add(_ cells: [String]) {
        lines.append(.cells(cells.map { DisplayWidth.plain($0) }))
    }

    /// All columns left-aligned, for plain listings.
    public static func text(_ titles: [String], _ rows: [[String]]) -> String {
        var table = TextTable(titles.map { ($0, .left) })
        for row in rows { table.add(row) }
        return table.text
    }

    mutating func rule() { lines.append(.rule) }

    /// With a line's end behind every line.
    var text: String {
        var widths = titles.map { DisplayWidth.of($0) }
        for case .cells(let cells) in lines {
            for (column, cell) in cells.enumerated() { widths[column] = max(widths[column], DisplayWidth.of(cell)) }
        }
        func row(_ cells: [String]) -> String {
            var text = ""
            for column in titles.indices {
                let cell = column < cells.count ? cells[column] : ""
                if column > 0 { text += "  " }
                text += DisplayWidth.pad(cell, to: widths[column], right: alignments[column] == .right)
            }
            while text.last == " " { text.removeLast() }
            return text + "\n"
        }
        let rule = row(widths.map { String(repeating: "-", count: $0) })
        return row(titles) + rule
            + lines.map { line in
                switch line {
                case .cells(let cells): row(cells)
                case .rule: rule
                }
            }.joined()
    }
}
