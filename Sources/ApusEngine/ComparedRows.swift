import ApusCore
import Tabular

/// Rows that a run rejected, by a checksum of their values: the same row may be there several times.
struct KnownRejections {
    private var counts: [Checksum: Int] = [:]
    var isEmpty: Bool { counts.isEmpty }

    init(_ rows: [RejectedRow]) {
        for row in rows { counts[Checksum(of: row.values), default: 0] += 1 }
    }

    /// Whether the row, as JSON, is one of them; each is found once.
    mutating func take(_ values: String) -> Bool {
        let checksum = Checksum(of: values)
        guard let left = counts[checksum] else { return false }
        counts[checksum] = left > 1 ? left - 1 : nil
        return true
    }
}

/// The rows of one side in the form in which they are compared: as the target's columns take them.
///
/// A row of the source goes the way that a run sends it, through transforms, cast and NULL check, so that what the mapping
/// changes on purpose is no difference; what a run rejects is left out and told. A row of the target is cast to the same
/// types, each of whose values it must be.
final class ComparedRows {
    /// Of the compared columns.
    let hasher: RowHasher
    /// The schema of what ``apply(_:)`` gives.
    let schema: Schema
    /// Not yet met in the source.
    var known: KnownRejections
    private let transforms: TransformPass?
    private let projection: Projection
    private let output: Batch
    private let nulls: NullGuard?
    private let emptyIsNull: Bool
    private let forms: TargetForms?

    /// Of a source. `open` connects to the target.
    init(of read: Read, _ mapping: Verification.Mapping, _ known: KnownRejections, _ open: () throws -> any Sink) throws {
        guard read.schema.count == mapping.accepts.count else {
            throw ApusError(.configurationInvalid, "\(read.schema.count) columns are read, and the target takes \(mapping.accepts.count)")
        }
        schema = mapping.accepts
        hasher = RowHasher(schema, places: mapping.places, likeness: mapping.likeness)
        self.known = known
        transforms = mapping.transforms.isEmpty ? nil : try TransformPass(mapping.transforms, from: read.schema)
        let from = transforms?.to ?? read.schema
        projection = try Self.projection(from, to: schema, rounds: mapping.load.rounds ?? false, mapping.zone)
        output = Batch(schema: schema)
        nulls = NullGuard(schema, mapping.load)
        emptyIsNull = mapping.load.emptyIsNull ?? false
        forms = try TargetForms(from, schema, mapping.load, open)
    }

    /// Of the target.
    init(heldBy mapping: Verification.Mapping) throws {
        schema = Schema(mapping.places.map { mapping.accepts[$0] })
        hasher = RowHasher(schema, likeness: mapping.likeness)
        known = KnownRejections([])
        transforms = nil
        projection = try Self.projection(mapping.held.schema, to: schema, rounds: false, mapping.zone)
        output = Batch(schema: schema)
        nulls = nil
        emptyIsNull = false
        forms = nil
    }

    private static func projection(_ from: Schema, to schema: Schema, rounds: Bool, _ zone: Zone) throws -> Projection {
        do {
            return try Projection(from: from, to: schema, sources: Array(from.columns.indices), rounds: rounds, zone: zone)
        } catch { throw ApusError(.unsupported, "\(error): the target is no longer declared as the plan found it") }
    }

    /// The rows that the target holds of a batch, of which only `reset` is allowed afterwards; those that it does not are in
    /// `rejected`. Valid until the next call.
    /// - throws: `connection.*` of the target.
    func apply(_ batch: Batch) throws -> Batch {
        let passed = transforms?.apply(batch) ?? batch
        if emptyIsNull { passed.nullEmptyText(where: schema) }
        let ready: Batch
        if projection.isPassthrough {
            ready = passed
        } else {
            output.reset()
            projection.apply(passed, into: output)
            ready = output
        }
        nulls?.apply(ready)
        if !known.isEmpty { leaveOutKnown(ready) }
        try forms?.apply(ready)
        return ready
    }

    private func leaveOutKnown(_ batch: Batch) {
        var found: [Int] = []
        for row in 0..<batch.rowCount {
            let values = batch.json(row: row)
            guard known.take(values) else { continue }
            found.append(row)
            batch.rejected.append(RejectedRow(row: batch.firstRow + row, column: nil, reason: "rejected by the run", values: values))
        }
        batch.remove(rows: found)
    }
}
