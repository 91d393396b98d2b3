import ApusCore
import Tabular

/// Tables that hold rows of other runs too: which of their rows are compared.
extension Verification {
    /// What of a target is compared with what the plan reads.
    struct Part: Sendable {
        /// The target's rows, as a condition in its own SQL; nil = all of them.
        var filter: @Sendable (any Source) -> String? = { _ in nil }
        /// Every row that is read must be there, whatever else is.
        var isContained = false
        var note: String?
    }

    /// Rows of a source that are kept in memory to be looked for in the target.
    static let most = 2_000_000

    func part(of table: PlannedTable) throws -> Part {
        let load = table.load
        switch load.mode {
        case .replace, .truncate: return Part()
        case .window:
            guard let window = load.window else { break }
            return Part(filter: { _ in window }, note: "rows of the target where \(window)")
        case .append, .upsert:
            guard let watermark = table.watermark, let upTo = watermark.upTo,
                let place = table.reads[0].items.firstIndex(where: { $0.name == watermark.column && $0.expression == nil }),
                load.columns.indices.contains(place)
            else { break }
            let column = load.columns[place], zone = try plan.zone?.rules() ?? .utc
            guard let shape = load.shape.column(column) else { break }
            let source = table.reads[0].schema[place].type
            let mark = Column(shape.name, shape.type, nullable: shape.nullable)
            func value(_ text: String) -> String { WatermarkText.converted(text, from: source, to: shape.type, zone) }
            let quoted = to.connector.dialect?.quote(column) ?? column
            return Part(
                filter: { [upTo = value(upTo), after = watermark.after.map(value)] target in
                    let last = target.condition(mark, .atMost, upTo)
                    // The first run takes rows without a watermark too.
                    guard let after else { return "\(last) OR \(quoted) IS NULL" }
                    let first = target.condition(mark, watermark.includesAfter == true ? .atLeast : .greater, after)
                    return "(\(first)) AND (\(last))"
                }, note: "rows of the target with \(column)\(watermark.after.map { " above \($0) and" } ?? "") up to \(upTo)")
        }
        return Part(
            isContained: true,
            note: "every row that is read must be in the target, which holds rows of other runs too; those are not compared")
    }

    /// Looks for each row of the source among those of the target. Of several rows with one key, an upsert keeps the last.
    func contain(_ table: PlannedTable, _ places: [Int], _ schema: Schema, _ held: Read, _ zone: Zone, _ finding: Finding) throws
        -> Finding
    {
        var finding = finding
        let keys =
            table.load.mode == .upsert ? table.load.key.compactMap { name in places.firstIndex { table.load.columns[$0] == name } } : []
        let byKey = !keys.isEmpty && keys.count == table.load.key.count
        let keySchema = Schema(keys.map { schema[$0] })
        let projection = byKey ? try Projection(from: schema, to: keySchema, sources: keys) : nil
        let keyBatch = projection.map { _ in Batch(schema: keySchema) }
        var wanted: [Checksum: Int] = [:]
        var last: [Checksum: Checksum] = [:]
        var rows = 0
        for (number, read) in table.reads.enumerated() {
            let session = try sources[read.source].source(interrupt.child())
            defer { session.close() }
            finding.unfit += try Self.walk(
                read, places, table.slices.filter { $0.read == number }, from: session, as: schema, zone,
                rounds: table.load.rounds ?? false, part: (hashes: [Checksum](), keys: [Checksum]()),
                add: { part, batch in
                    RowDigest.rows(of: batch) { part.hashes.append($0) }
                    if let projection, let keyBatch {
                        keyBatch.reset()
                        projection.apply(batch, into: keyBatch)
                        RowDigest.rows(of: keyBatch) { part.keys.append($0) }
                    }
                    return part.hashes.count <= Self.most
                },
                take: { part in
                    rows += part.hashes.count
                    if byKey {
                        for (key, hash) in zip(part.keys, part.hashes) { last[key] = hash }
                    } else {
                        for hash in part.hashes { wanted[hash, default: 0] += 1 }
                    }
                    return rows <= Self.most
                })
            guard rows <= Self.most else {
                finding.note =
                    "mode \(table.load.mode.rawValue) without a watermark, and more than \(Self.most) rows: nothing tells which of the target's rows to compare"
                return finding
            }
        }
        for hash in last.values { wanted[hash, default: 0] += 1 }
        finding.sourceRows = rows
        let target = try to.source(interrupt.child())
        defer { target.close() }
        _ = try Self.walk(
            held, Array(places.indices), [Slice(id: 0, bounds: .all)], from: target, as: schema, zone,
            part: (rows: 0, seen: [Checksum]()),
            add: { part, batch in
                part.rows += batch.rowCount
                RowDigest.rows(of: batch) { if wanted[$0] != nil { part.seen.append($0) } }
                return true
            },
            take: { part in
                finding.targetRows += part.rows
                for hash in part.seen {
                    guard let left = wanted[hash] else { continue }
                    wanted[hash] = left > 1 ? left - 1 : nil
                }
                return true
            })
        finding.verdict = wanted.isEmpty ? .equal : .different
        if !wanted.isEmpty { finding.note = "\(wanted.values.reduce(0, +)) rows of the source are not in the target" }
        return finding
    }

    /// Reads slices, cast to a schema. What `add` makes of a slice's batches is taken when the slice has ended, so that a
    /// slice whose read times out can be read again in halves. Either ends the walk with false.
    /// - returns: rows that the schema cannot hold.
    static func walk<Part>(
        _ read: Read, _ places: [Int], _ slices: [Slice], from source: any Source, as schema: Schema, _ zone: Zone, rounds: Bool = false,
        part empty: Part,
        add: (inout Part, Batch) -> Bool, take: (Part) -> Bool
    ) throws -> Int {
        let projection = try Projection(from: read.schema, to: schema, sources: places, rounds: rounds, zone: zone)
        let batch = Batch(schema: read.schema), output = Batch(schema: schema)
        var unfit = 0
        var left = Array(slices.reversed())
        while let slice = left.popLast() {
            var part = empty
            var lost = 0
            var wantsMore = true
            do {
                let reader = try source.reader(read, slice, wire: [])
                defer { reader.close() }
                var goesOn = true
                while goesOn && wantsMore {
                    batch.reset()
                    output.reset()
                    goesOn = try reader.read(into: batch)
                    if !projection.isPassthrough { projection.apply(batch, into: output) }
                    let rows = projection.isPassthrough ? batch : output
                    lost += rows.rejected.count
                    wantsMore = add(&part, rows)
                }
            } catch let error as ApusError where error.code == .timeout {
                guard let halves = try source.halves(of: slice, in: read), halves.count > 1 else { throw error }
                left += halves.reversed().map { Slice(id: slice.id, read: slice.read, bounds: $0, rows: nil) }
                continue
            }
            unfit += lost
            guard take(part), wantsMore else { break }
        }
        return unfit
    }
}
