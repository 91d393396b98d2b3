/// The way from the columns a source reads to the columns a sink takes: which feeds which, and how it is converted.
public final class Projection: Sendable {
    public let from: Schema
    public let to: Schema
    /// For each target column the position of its source column.
    public let sources: [Int]
    /// See ``Cast``.
    public let rounds: Bool
    private let casts: [Cast]
    /// Whether the buffer can be exchanged: the values are the same and no later column needs them.
    private let isMoved: [Bool]

    /// `sources[i]` is the position of the source column that feeds target column `i`; a position may repeat.
    /// Between instants and wall clocks `zone` decides.
    public init(from: Schema, to: Schema, sources: [Int], rounds: Bool = false, zone: Zone = .utc) throws(ProjectionError) {
        precondition(sources.count == to.count, "one source a target column")
        var casts: [Cast] = []
        for (index, source) in sources.enumerated() {
            precondition(from.columns.indices.contains(source), "a source column that exists")
            guard let cast = Cast(from: from[source].type, to: to[index].type, rounds: rounds, zone: zone) else {
                throw ProjectionError(source: from[source], target: to[index])
            }
            casts.append(cast)
        }
        self.from = from
        self.to = to
        self.sources = sources
        self.rounds = rounds
        self.casts = casts
        isMoved = sources.indices.map { casts[$0].isIdentity && !sources[($0 + 1)...].contains(sources[$0]) }
    }

    /// Whether there is nothing to do: every column stays in its place and keeps its values.
    public var isPassthrough: Bool {
        sources == Array(from.columns.indices) && casts.allSatisfy(\.isIdentity)
    }

    /// Fills `output`, an empty batch of the target schema, from `batch`, of which only ``Batch/reset()`` is allowed
    /// afterwards: buffers of columns that need no conversion are exchanged.
    ///
    /// A row with a value that cannot be converted is not in the output but in its `rejected`, with the first column
    /// at fault and the values of the source row. What the batch had rejected, its position and its octets pass on.
    public func apply(_ batch: Batch, into output: Batch) {
        precondition(batch.wire == nil && output.wire == nil && output.rowCount == 0, "typed batches, the output empty")
        precondition(batch.columns.count == from.count && output.columns.count == to.count, "batches of the schemas")
        guard let input = batch.columns.baseAddress, let target = output.columns.baseAddress else { return }
        let rows = batch.rowCount
        var faults: [Int: (column: Int, reason: String)] = [:]
        let canMove = batch.rowCapacity == output.rowCapacity
        for (index, source) in sources.enumerated() where !(canMove && isMoved[index]) {
            casts[index].apply(from: input + source, to: target + index, rows: rows) { row, reason in
                if faults[row] == nil { faults[row] = (index, reason) }
            }
        }
        output.rejected.append(contentsOf: batch.rejected)
        let bad = faults.keys.sorted()
        for row in bad {
            guard let fault = faults[row] else { continue }
            output.rejected.append(
                RejectedRow(
                    row: batch.firstRow + row, column: to[fault.column].name, reason: fault.reason,
                    values: batch.json(row: row)))
        }
        // Last, because the rejected rows are quoted from the source's columns.
        if canMove {
            for (index, source) in sources.enumerated() where isMoved[index] {
                swap(&(input + source).pointee, &(target + index).pointee)
            }
        }
        output.rowCount = rows
        output.byteCount = batch.byteCount
        output.firstRow = batch.firstRow
        output.remove(rows: bad)
    }
}

/// A target column that its source column cannot feed.
public struct ProjectionError: Error, Hashable, Sendable, CustomStringConvertible {
    public let source: Column
    public let target: Column

    public var description: String {
        "column '\(source.name)' of type \(source.type) cannot be converted to '\(target.name)' of type \(target.type)"
    }
}
