import ApusCore
import Tabular

/// Tables that hold rows of other runs too, where nothing tells which: every row that is read must be there.
extension Verification {
    /// Looks for each row of the source among those of the target. Of several rows with one key, an upsert keeps the last.
    ///
    /// The rows of more than ``mostInMemory`` are looked for in shares, by their checksums: both sides are then read once a
    /// share.
    func contain(_ table: PlannedTable, _ mapping: Mapping, _ known: inout KnownRejections, _ finding: inout Finding) throws {
        let keys = keyPlaces(table, mapping)
        let wanted = Wanted(most: mostInMemory, byKey: keys != nil)
        var missing = 0
        repeat {
            let isFirst = wanted.share == 0
            var given = 0, refused = 0, left = known
            for (number, read) in table.reads.enumerated() {
                try reading(.source, sources[read.source]) { session in
                    guard isFirst || session.rereadable else {
                        throw ApusError(.unsupported, "the rows are too many to be looked for at once, and cannot be read again")
                    }
                    let rows = try mapping.sourceRows(read, left)
                    let keyHasher = keys.map { RowHasher(rows.schema, places: $0.places, likeness: $0.likeness) }
                    refused += try Self.walk(
                        read, table.slices.filter { $0.read == number }, from: session, rows, part: Wanted.Part(),
                        add: { part, batch in
                            part.rows += batch.rowCount
                            var hashes: [Checksum] = []
                            rows.hasher.rows(of: batch) { hashes.append($0) }
                            var keys = hashes
                            if let keyHasher {
                                keys.removeAll(keepingCapacity: true)
                                keyHasher.rows(of: batch) { keys.append($0) }
                            }
                            wanted.add(keys, hashes, to: &part)
                        },
                        take: { part in
                            given += part.rows
                            wanted.take(part)
                        })
                    left = rows.known
                }
            }
            wanted.close()
            let (rows, lost) = try reading(.target, to) { try look(for: wanted, mapping, in: $0) }
            if isFirst {
                finding.sourceRows = given + refused
                finding.rejected = refused
                finding.targetRows = rows + lost
            }
            missing += wanted.missing
        } while wanted.next()
        known = KnownRejections([])
        finding.verdict = missing == 0 ? .equal : .different
        if missing > 0 { finding.add(note: "\(missing) rows of the source are not in the target") }
    }

    /// The columns of the key, if an upsert has one whose columns are all compared.
    private func keyPlaces(_ table: PlannedTable, _ mapping: Mapping) -> (places: [Int], likeness: [Likeness])? {
        guard table.load.mode == .upsert, !table.load.key.isEmpty else { return nil }
        let numbers = table.load.key.compactMap { name in mapping.places.firstIndex { table.load.columns[$0] == name } }
        guard numbers.count == table.load.key.count else { return nil }
        return (numbers.map { mapping.places[$0] }, numbers.map { mapping.likeness[$0] })
    }

    private func reading<T>(_ side: Side, _ end: Connections, _ body: (any Source) throws -> T) throws -> T {
        try Fault.attempt(side) { try end.reading(interrupt, OpenEnd(), body) }
    }

    private func look(for wanted: Wanted, _ mapping: Mapping, in target: any Source) throws -> (rows: Int, lost: Int) {
        let rows = try mapping.targetRows()
        var count = 0
        let lost = try Self.walk(
            mapping.held, [Slice(id: 0, bounds: .all)], from: target, rows, part: (rows: 0, seen: [Checksum]()),
            add: { part, batch in
                part.rows += batch.rowCount
                rows.hasher.rows(of: batch) { if wanted.isWanted($0) { part.seen.append($0) } }
            },
            take: { part in
                count += part.rows
                for hash in part.seen { wanted.found(hash) }
            })
        return (count, lost)
    }
}

/// The rows that are looked for, one share of all at a time: a share is what the checksums of the keys are, divided by the
/// number of shares.
private final class Wanted {
    /// Of one slice.
    struct Part {
        var rows = 0
        var entries: [(key: Checksum, hash: Checksum)] = []
    }

    private(set) var share = 0
    private var shares = 1
    private let most: Int
    private let byKey: Bool
    /// The last row of each key.
    private var last: [Checksum: Checksum] = [:]
    private var counts: [Checksum: Int] = [:]

    init(most: Int, byKey: Bool) {
        self.most = max(most, 1)
        self.byKey = byKey
    }

    private func isInShare(_ key: Checksum) -> Bool { Int(key.high % UInt64(shares)) == share }

    func add(_ keys: [Checksum], _ hashes: [Checksum], to part: inout Part) {
        for (key, hash) in zip(keys, hashes) where isInShare(key) { part.entries.append((key, hash)) }
        halve(&part)
    }

    /// While the first share is collected, half of it is put off when it has grown too large.
    private func halve(_ part: inout Part) {
        while share == 0, part.entries.count + last.count + counts.count > most, shares < 1 << 20 {
            shares *= 2
            part.entries.removeAll { !isInShare($0.key) }
            last = last.filter { isInShare($0.key) }
            if !byKey { counts = counts.filter { isInShare($0.key) } }
        }
    }

    func take(_ part: Part) {
        for (key, hash) in part.entries where isInShare(key) {
            if byKey { last[key] = hash } else { counts[hash, default: 0] += 1 }
        }
    }

    /// All rows of the source are taken.
    func close() {
        for hash in last.values { counts[hash, default: 0] += 1 }
        last = [:]
    }

    func isWanted(_ hash: Checksum) -> Bool { counts[hash] != nil }

    func found(_ hash: Checksum) {
        guard let left = counts[hash] else { return }
        counts[hash] = left > 1 ? left - 1 : nil
    }

    var missing: Int { counts.values.reduce(0, +) }

    /// Whether there is another share.
    func next() -> Bool {
        counts = [:]
        share += 1
        return share < shares
    }
}
