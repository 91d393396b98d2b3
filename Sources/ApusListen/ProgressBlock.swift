import ApusCore

/// The live display's lines, from a board's state: pure.
public struct ProgressBlock: Sendable {
    public var size: Terminal.Size
    public var colors: Bool

    public init(size: Terminal.Size, colors: Bool = false) {
        self.size = size
        self.colors = colors
    }

    /// A line a running table, as many as the screen holds, and one for the whole. No line is as wide as the screen, so
    /// that none wraps.
    public func lines(_ board: Board, now: Double) -> [String] {
        guard board.start != nil, board.result == nil else { return [] }
        let running = board.running
        // One line stays free for the prompt, one for the total.
        let room = max(0, size.lines - 3)
        let fits = running.count <= room
        let shown = fits ? running[...] : running.prefix(max(0, room - 1))
        var entries = shown.map { entry($0, now) }
        entries.append(total(board, now))
        var lines = layOut(entries)
        if !fits, room > 0 {
            let more = "… and \(running.count - shown.count) more"
            lines.insert(Style.faint.paint(DisplayWidth.clip(more, to: size.columns - 1), colors), at: lines.count - 1)
        }
        return lines
    }

    private struct Entry {
        var name: String
        var fraction: Double?
        /// percent, rows, rows/s, MB/s, rest, channels, rejected.
        var cells: [String]
        var isTotal = false
        var isMoving: Bool
    }

    private func entry(_ table: Board.Table, _ now: Double) -> Entry {
        let rate = table.rate(at: now)
        return Entry(
            name: DisplayWidth.plain(table.name), fraction: table.fraction,
            cells: cells(table.fraction, table.rows, rate, table.rest(at: now), table.channels, table.rejected),
            isMoving: table.channels > 0)
    }

    private func total(_ board: Board, _ now: Double) -> Entry {
        let name =
            "total \(board.finished)/\(Quantity.text(board.tableCount, "table"))"
            + (board.failed > 0 ? ", \(board.failed) failed" : "")
        var cells = cells(
            board.fraction, board.rows, board.rate(at: now), board.rest(at: now), board.channels, board.rejected)
        cells.append(Quantity.text(rest: board.elapsed(at: now).rounded(.down)))
        return Entry(name: name, fraction: board.fraction, cells: cells, isTotal: true, isMoving: true)
    }

    private func cells(
        _ fraction: Double?, _ rows: Int, _ rate: (rows: Double, bytes: Double), _ rest: Double?, _ channels: Int,
        _ rejected: Int
    ) -> [String] {
        [
            fraction.map { Quantity.text(fraction: $0) } ?? "",
            Quantity.text(rows, "row"),
            Quantity.text(count: Int(rate.rows)) + " rows/s",
            Quantity.text(bytesPerSecond: rate.bytes),
            rest.map { "ETA " + Quantity.text(rest: $0) } ?? "",
            "\(channels) ch",
            rejected > 0 ? Quantity.text(count: rejected) + " rejected" : "",
        ]
    }

    /// The order in which cells give way on a narrow screen; the bar goes first.
    private static let leaving = [7, 5, 3, 2, 4, 1, 6, 0]

    /// The room that cells get where there is enough, so that the picture keeps still while numbers grow.
    private static let usual = [5, 12, 14, 10, 7, 4, 0, 4]

    private func layOut(_ entries: [Entry]) -> [String] {
        let width = max(1, size.columns - 1)
        let longest = entries.map { DisplayWidth.of($0.name) }.max() ?? 0
        let nameWidth = min(longest, max(12, width / 3), width)
        let count = entries.map(\.cells.count).max() ?? 0
        var widths = (0..<count).map { column in
            entries.map { column < $0.cells.count ? DisplayWidth.of($0.cells[column]) : 0 }.max() ?? 0
        }
        let roomy = zip(widths, Self.usual).map { max($0, $1) }
        if roomy.reduce(nameWidth + 12, { $0 + 2 + $1 }) <= width { widths = roomy }
        var kept = Set(widths.indices.filter { widths[$0] > 0 })
        func used() -> Int { kept.reduce(nameWidth) { $0 + 2 + widths[$1] } }
        for column in Self.leaving where used() > width { kept.remove(column) }
        let bar = min(24, width - used() - 4)
        return entries.map { entry in
            let name = DisplayWidth.pad(DisplayWidth.clip(entry.name, to: nameWidth), to: nameWidth)
            var line = entry.isTotal ? Style.bold.paint(name, colors) : name
            if bar >= 8 { line += "  " + Style.cyan.paint(Self.bar(entry.fraction, bar, entry.isMoving), colors) }
            var end = ""
            for column in kept.sorted() {
                let cell = column < entry.cells.count ? entry.cells[column] : ""
                let padded = DisplayWidth.pad(cell, to: widths[column], right: true)
                end += "  " + (column == 6 ? Style.yellow.paint(padded, colors) : padded)
            }
            line += end
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// ASCII, since block characters take two columns on CJK terminals: `[=====>    ]`; `[~~~~]` when nothing is known.
    static func bar(_ fraction: Double?, _ width: Int, _ isMoving: Bool = true) -> String {
        guard let fraction else { return "[" + String(repeating: isMoving ? "~" : " ", count: width) + "]" }
        let full = min(width, max(0, Int(fraction * Double(width))))
        let head = full < width && full > 0 ? ">" : ""
        return "[" + String(repeating: "=", count: max(0, full - head.count)) + head
            + String(repeating: " ", count: width - full) + "]"
    }
}
