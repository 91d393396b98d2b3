import ApusCore
import Tabular

/// Rejects rows with a NULL where the target takes none, before they are written: a server could put a counter's next
/// value, the time of day or a default in its place.
struct NullGuard {
    /// Positions in the batches that are written.
    private let columns: [Int]
    private let reasons: [String]

    /// - parameter accepts: what ``Sink/accepts(_:)`` gave for the load.
    init(_ accepts: Schema, _ load: Load) {
        columns = accepts.columns.indices.filter { !accepts[$0].nullable }
        reasons = columns.map { index in
            let name = accepts[index].name
            guard load.mode == .upsert, load.key.contains(name), load.shape.column(name)?.nullable != false else {
                return "NULL for `\(name)`, which is NOT NULL in the target"
            }
            return "NULL in the key column `\(name)`: no later run could find the row, and each would add it again"
        }
    }

    /// Takes the rows out of the batch; they are among its `rejected` afterwards.
    func apply(_ batch: Batch) {
        guard batch.rowCount > 0 else { return }
        var bad: [Int: Int] = [:]
        for (number, index) in columns.enumerated() where batch.columns[index].nullCount > 0 {
            for row in 0..<batch.rowCount where batch.columns[index].isNull(row) && bad[row] == nil { bad[row] = number }
        }
        guard !bad.isEmpty else { return }
        let rows = bad.keys.sorted()
        for row in rows {
            let number = bad[row]!
            batch.rejected.append(
                RejectedRow(
                    row: batch.firstRow + row, column: batch.schema[columns[number]].name, reason: reasons[number],
                    values: batch.json(row: row)))
        }
        batch.remove(rows: rows)
    }

    /// Whether rows could pass undecoded: no NULL can come that only this guard would stop.
    func allows(wireFrom schema: Schema, _ load: Load) -> Bool {
        load.mode != .upsert || !columns.contains { $0 < schema.count && schema[$0].nullable && load.key.contains(load.columns[$0]) }
    }
}
