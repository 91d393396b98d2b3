import ApusCore
import Tabular

/// Cutting tables: by partition first, then by ranges of the key within the large ones.
extension StarRocksSession {
    /// Slices of about fewer rows are not cut any more.
    static let smallestSlice = 200

    func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        try check(read)
        if let column = read.key.first(where: { !Self.canCut($0.type) }) {
            throw ApusError(
                .unsupported,
                "\(read.title) cannot be cut by `\(column.name)`: a column of type \(column.type) has no order that conditions follow",
                hint: "Name another key column, or read the table as one slice.", context: endpoint.label)
        }
        if read.isVerbatim || wish.count == 1 { return [Slice(id: 0, bounds: .all)] }
        if case .table(let name) = read.relation, read.filters.isEmpty || read.partitions != nil {
            var partitions: [StarRocksPartition] = try self.partitions(of: name)
            if let wanted = read.partitions.map(Set.init) { partitions.removeAll { !wanted.contains($0.name) } }
            if !partitions.isEmpty { return try slices(of: read, partitions, wish) }
        }
        return try withLongQueries {
            let whole = StarRocksPart(bounds: .all)
            let rows = try countedRows(read, whole)
            let count = wish.slices(forRows: rows)
            guard count > 1, !read.key.isEmpty else { return [Slice(id: 0, bounds: .all, rows: rows)] }
            let step = max(1, (rows + count - 1) / count)
            let cuts = try cuts(read, whole, rows: rows, count: count)
            return Cuts.slices(cuts, key: read.key, rowsPerSlice: step)
        }
    }

    private func slices(of read: Read, _ partitions: [StarRocksPartition], _ wish: SliceWish) throws -> [Slice] {
        // Reports of the BEs lag behind; a table that was just loaded is counted.
        var sizes = partitions.map { $0.rows ?? 0 }
        if sizes.reduce(0, +) == 0, partitions.contains(where: { !$0.isEmpty }) {
            sizes = try withLongQueries {
                try partitions.map { $0.isEmpty ? 0 : try countedRows(read, StarRocksPart(partitions: [$0.name])) }
            }
        }
        let total = sizes.reduce(0, +)
        let count = wish.slices(forRows: total)
        let isWhole = read.partitions == nil
        if count <= 1 {
            let part = StarRocksPart(partitions: isWhole ? nil : partitions.map(\.name))
            return [Slice(id: 0, bounds: part.bounds, rows: total)]
        }
        let step = max(1, (total + count - 1) / count)
        if partitions.count == 1, isWhole {
            return try withLongQueries { try self.slices(within: nil, read, rows: total, step: step) }
        }
        var made: [Slice] = []
        var group: [String] = []
        var rows = 0
        func endGroup() {
            if !group.isEmpty { made.append(Slice(id: 0, bounds: StarRocksPart(partitions: group).bounds, rows: rows)) }
            (group, rows) = ([], 0)
        }
        for (partition, size) in zip(partitions, sizes) {
            if size > step + step / 2, !read.key.isEmpty {
                made += try withLongQueries { try self.slices(within: partition.name, read, rows: size, step: step) }
                continue
            }
            if rows > 0, rows + size > step { endGroup() }
            group.append(partition.name)
            rows += size
        }
        endGroup()
        return made.enumerated().map { Slice(id: $0, bounds: $1.bounds, rows: $1.rows) }
    }

    /// The slices of one partition, or of the only one.
    private func slices(within partition: String?, _ read: Read, rows: Int, step: Int) throws -> [Slice] {
        let part = partition.map { StarRocksPart(partitions: [$0]) } ?? StarRocksPart(bounds: .all)
        let count = (rows + step - 1) / step
        guard count > 1, !read.key.isEmpty else { return [Slice(id: 0, bounds: part.bounds, rows: rows)] }
        let cut = Cuts.slices(try cuts(read, part, rows: rows, count: count), key: read.key, rowsPerSlice: step)
        guard let partition else { return cut }
        return cut.map { Slice(id: 0, bounds: StarRocksPart(partitions: [partition], within: $0.bounds).bounds, rows: $0.rows) }
    }

    // MARK: Halves

    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        let part = try StarRocksPart(slice.bounds)
        if read.isVerbatim || part.isNull == true { return nil }
        if let parts = try partitionHalves(part, read) { return parts.map(\.bounds) }
        guard !read.key.isEmpty else { return nil }
        let cut = try withLongQueries {
            do {
                let rows = try countedRows(read, part)
                guard rows >= Self.smallestSlice else { return [String]?.none }
                return try cuts(read, part, rows: rows, count: 2).first
            } catch let error as ApusError where error.code == .timeout {
                return try middle(read, part)
            }
        }
        guard let cut, cut != part.from else { return nil }
        var parts = [part, part]
        parts[0].upTo = cut
        parts[1].from = cut
        if part.from == nil, part.upTo == nil, part.range == .all, read.key[0].nullable {
            var null = part
            null.isNull = true
            parts.append(null)
        }
        return parts.map(\.bounds)
    }

    /// Several partitions are parted into two groups.
    private func partitionHalves(_ part: StarRocksPart, _ read: Read) throws -> [StarRocksPart]? {
        guard part.range == .all, case .table(let name) = read.relation else { return nil }
        let known: [StarRocksPartition] = try partitions(of: name)
        let names = part.partitions ?? known.map(\.name)
        guard names.count > 1 else { return nil }
        let sizes = Dictionary(known.map { ($0.name, $0.rows ?? 0) }, uniquingKeysWith: { first, _ in first })
        let total = names.reduce(0) { $0 + (sizes[$1] ?? 0) }
        var first = 0
        var sum = 0
        while first < names.count - 1, first == 0 || (sum + (sizes[names[first]] ?? 0)) * 2 <= total {
            sum += sizes[names[first]] ?? 0
            first += 1
        }
        return [StarRocksPart(partitions: Array(names[..<first])), StarRocksPart(partitions: Array(names[first...]))]
    }

    /// The middle between the first and the last key, where counting takes too long: they are known without reading.
    private func middle(_ read: Read, _ part: StarRocksPart) throws -> [String]? {
        guard read.key.count == 1, case .integer = read.key[0].type else { return nil }
        var low = part.from?.first.flatMap { Int128($0) }, high = part.upTo?.first.flatMap { Int128($0) }
        if low == nil || high == nil {
            let name = dialect.quote(read.key[0].name)
            let found = try rows(
                "SELECT MIN(\(name)), MAX(\(name)) FROM \(read.relationSQL(StarRocksPart(partitions: part.partitions), dialect))",
                doing: "find the first and last key of \(read.title)")
            low = low ?? found.first?[0].flatMap { Int128($0) }
            high = high ?? found.first?[1].flatMap { Int128($0) }
        }
        guard let low, let high, high - low > 1 else { return nil }
        return [String(low + (high - low) / 2)]
    }

    // MARK: Cuts

    func countedRows(_ read: Read, _ part: StarRocksPart) throws -> Int {
        let rows = try rows(
            "SELECT COUNT(*) FROM \(read.relationSQL(part, dialect))\(read.whereSQL(part.range, dialect))",
            doing: "count the rows of \(read.title)")
        return rows.first?[0].flatMap { Int($0) } ?? 0
    }

    /// Ascending cuts, fewer than `count`.
    private func cuts(_ read: Read, _ part: StarRocksPart, rows: Int, count: Int) throws -> [[String]] {
        if read.key.count == 1, case .integer = read.key[0].type, let cuts = try countedCuts(read, part, rows: rows, count: count) {
            return cuts.map { [String($0)] }
        }
        return try rankedCuts(read, part, step: max(1, (rows + count - 1) / count))
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
