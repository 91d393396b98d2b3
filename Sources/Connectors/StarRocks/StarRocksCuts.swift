import ApusCore
import Tabular

/// Cuts by the key, where partitions and tablets are too large or cannot be told.
extension StarRocksSession {
    func countedRows(_ read: Read, _ part: StarRocksPart) throws -> Int {
        let rows = try rows(
            "SELECT COUNT(*) FROM \(read.relationSQL(part, dialect))\(read.whereSQL(part.range, dialect))",
            doing: "count the rows of \(read.title)")
        return rows.first?[0].flatMap { Int($0) } ?? 0
    }

    /// Ascending cuts, fewer than `count`.
    func cuts(_ read: Read, _ part: StarRocksPart, rows: Int, count: Int) throws -> [[String]] {
        if read.key.count == 1, case .integer = read.key[0].type, let cuts = try countedCuts(read, part, rows: rows, count: count) {
            return cuts.map { [String($0)] }
        }
        if rows > Self.largestSort { return try sampledCuts(read, part, rows: rows, count: count) }
        return try rankedCuts(read, part, step: max(1, (rows + count - 1) / count))
    }

    /// Rows that may be sorted by a window to cut them exactly.
    private static let largestSort = 1_000_000
    /// Keys that are drawn of more rows.
    private static let sampleSize = 20_000

    /// The quantiles of a sample: one pass over the key's columns, and a sort of the sample alone.
    private func sampledCuts(_ read: Read, _ part: StarRocksPart, rows: Int, count: Int) throws -> [[String]] {
        let names = read.key.map { dialect.quote($0.name) }
        let order = names.joined(separator: ", ")
        let more = names.map { "\($0) IS NOT NULL" } + ["rand() * \(rows) < \(Self.sampleSize)"]
        let sample = try self.rows(
            """
            SELECT \(order) FROM (SELECT \(order) FROM \(read.relationSQL(part, dialect))\(read.whereSQL(part.range, dialect, and: more)) \
            LIMIT \(Self.sampleSize * 2)) AS apus_sample ORDER BY \(order)
            """, doing: "find where to cut \(read.title)"
        ).compactMap { row in row.contains(nil) ? nil : row.compactMap { $0 } }
        var cuts: [[String]] = []
        for number in 1..<max(count, 1) {
            let place = sample.count * number / count
            guard place > 0, place < sample.count, sample[place] != cuts.last, sample[place] != sample[0] else { continue }
            cuts.append(sample[place])
        }
        return cuts
    }

    /// One pass in the order of the key.
    private func rankedCuts(_ read: Read, _ part: StarRocksPart, step: Int) throws -> [[String]] {
        let names = read.key.map { dialect.quote($0.name) }
        let order = names.joined(separator: ", ")
        let filter = read.whereSQL(part.range, dialect, and: read.key[0].nullable ? ["\(names[0]) IS NOT NULL"] : [])
        let found = try self.rows(
            """
            SELECT \(order) FROM (SELECT \(order), ROW_NUMBER() OVER (ORDER BY \(order)) AS apus_rank \
            FROM \(read.relationSQL(part, dialect))\(filter)) AS apus_ranked \
            WHERE apus_rank > 1 AND apus_rank % \(step) = \(step == 1 ? 0 : 1) ORDER BY apus_rank
            """, doing: "find where to cut \(read.title)")
        return try found.map { row in
            try row.enumerated().map { index, value in
                guard let value else {
                    throw ApusError(
                        .unsupported, "\(read.title) cannot be cut by `\(read.key[index].name)`: it is NULL in some rows",
                        hint: "Only the first column of a key may be NULL.", context: endpoint.label)
                }
                return value
            }
        }
    }

    /// Cuts an integer key by counting rows in equal ranges of it, and again within ranges that hold too many.
    private func countedCuts(_ read: Read, _ part: StarRocksPart, rows: Int, count: Int) throws -> [Int128]? {
        let name = dialect.quote(read.key[0].name)
        let relation = read.relationSQL(part, dialect)
        let extremes = try self.rows(
            "SELECT MIN(\(name)), MAX(\(name)) FROM \(relation)\(read.whereSQL(part.range, dialect))",
            doing: "find the first and last key of \(read.title)")
        guard let low = extremes.first?[0].flatMap({ Int128($0) }), let high = extremes.first?[1].flatMap({ Int128($0) }) else { return [] }
        guard high - low < Int128(Int64.max) else { return nil }
        var counts = StarRocksCounts(from: low, upTo: high + 1)
        try counts.refine(most: max(1, rows / (4 * count))) { from, upTo, width in
            try interrupt.check()
            let filter = read.whereSQL(part.range, dialect, and: ["\(name) >= \(from)", "\(name) < \(upTo)"])
            return try self.rows(
                "SELECT (\(name) - (\(from))) DIV \(width), COUNT(*) FROM \(relation)\(filter) GROUP BY 1 ORDER BY 1",
                doing: "find where to cut \(read.title)"
            ).compactMap { row in
                guard let place = row[0].flatMap({ Int128($0) }), let rows = row[1].flatMap({ Int($0) }) else { return nil }
                return (place, rows)
            }
        }
        return counts.cuts(slices: count)
    }

    /// The middle between the first and the last key, where counting takes too long: they are known without reading.
    func middle(_ read: Read, _ part: StarRocksPart) throws -> [String]? {
        guard read.key.count == 1, case .integer = read.key[0].type else { return nil }
        var low = part.from?.first.flatMap { Int128($0) }, high = part.upTo?.first.flatMap { Int128($0) }
        if low == nil || high == nil {
            let name = dialect.quote(read.key[0].name)
            let found = try rows(
                "SELECT MIN(\(name)), MAX(\(name)) FROM \(read.relationSQL(StarRocksPart(partitions: part.partitions, tablets: part.tablets), dialect))",
                doing: "find the first and last key of \(read.title)")
            low = low ?? found.first?[0].flatMap { Int128($0) }
            high = high ?? found.first?[1].flatMap { Int128($0) }
        }
        guard let low, let high, high - low > 1 else { return nil }
        return [String(low + (high - low) / 2)]
    }
}

/// Neighbouring ranges of an integer key with the rows in each.
struct StarRocksCounts {
    private struct Bucket {
        var from: Int128
        var upTo: Int128
        var rows: Int
    }
    private var buckets: [Bucket]

    init(from: Int128, upTo: Int128) { buckets = [Bucket(from: from, upTo: upTo, rows: .max)] }

    /// Counts in up to 2,048 equal ranges, and again within those of more than `most` rows.
    mutating func refine(
        most: Int, count: (_ from: Int128, _ upTo: Int128, _ width: Int128) throws -> [(place: Int128, rows: Int)]
    ) rethrows {
        var questions = 32
        var isRefined = true
        while isRefined, questions > 0 {
            isRefined = false
            var next: [Bucket] = []
            for bucket in buckets {
                guard bucket.rows > most, bucket.upTo - bucket.from > 1, questions > 0 else {
                    next.append(bucket)
                    continue
                }
                questions -= 1
                isRefined = true
                let width = max(1, (bucket.upTo - bucket.from + 2047) / 2048)
                for (place, rows) in try count(bucket.from, bucket.upTo, width) {
                    let from = bucket.from + place * width
                    next.append(Bucket(from: from, upTo: min(from + width, bucket.upTo), rows: rows))
                }
            }
            buckets = next
        }
    }

    /// The edges nearest to even shares, ascending and distinct, fewer than `slices`.
    func cuts(slices: Int) -> [Int128] {
        let known = buckets.filter { $0.rows != .max }
        let total = known.reduce(0) { $0 + $1.rows }
        guard total > 0, let first = known.first else { return [] }
        var cuts: [Int128] = []
        var sum = 0
        var wanted = 1
        for bucket in known.dropLast() {
            let before = sum
            sum += bucket.rows
            while wanted < slices, sum * slices >= total * wanted {
                let target = total * wanted / slices
                // The edge before or behind this bucket, whichever is nearer to the share.
                let edge = target - before < sum - target ? bucket.from : bucket.upTo
                if edge > cuts.last ?? first.from { cuts.append(edge) }
                wanted += 1
            }
        }
        return cuts
    }
}
