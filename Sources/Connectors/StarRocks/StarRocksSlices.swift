import ApusCore
import Tabular

/// Cutting tables: groups of partitions, and of a large partition groups of its tablets. Neither takes a sort or a count, and
/// both fit every model and key. Ranges of the key are for single tablets that are too large, and for what has no tablets.
extension StarRocksSession {
    /// Slices of about fewer rows are not cut any more.
    static let smallestSlice = 200
    /// A tablet of up to so many slices' rows is read as it is, where there are others to read at the same time.
    static let largestTablet = 10

    func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        try check(read)
        cutRemark = nil
        if let column = read.key.first(where: { !Self.canCut($0.type) }) {
            throw ApusError(
                .unsupported,
                "\(read.title) cannot be cut by `\(column.name)`: a column of type \(column.type) has no order that conditions follow",
                hint: "Name another key column, or read the table as one slice.", context: endpoint.label)
        }
        if read.isVerbatim || wish.count == 1 { return [Slice(id: 0, bounds: .all)] }
        var counted: Int?
        if case .table(let name) = read.relation {
            var partitions: [StarRocksPartition] = try self.partitions(of: name)
            if let wanted = read.partitions.map(Set.init) { partitions.removeAll { !wanted.contains($0.name) } }
            if !partitions.isEmpty {
                // How many rows a filter lets through, the catalogue does not know.
                if !read.filters.isEmpty, read.partitions == nil {
                    let whole = StarRocksPart(bounds: .all)
                    let rows = try withLongQueries { try countedRows(read, whole) }
                    counted = rows
                    if wish.slices(forRows: rows) <= 1 { return [Slice(id: 0, bounds: .all, rows: rows)] }
                }
                return try slices(of: read, name, partitions, wish, counted: counted)
            }
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

    /// - parameter counted: the rows that the read's filters let through.
    private func slices(
        of read: Read, _ name: TableName, _ partitions: [StarRocksPartition], _ wish: SliceWish, counted: Int?
    ) throws -> [Slice] {
        // Reports of the BEs lag behind; a table that was just loaded is counted.
        var sizes = partitions.map { $0.rows ?? 0 }
        if sizes.reduce(0, +) == 0, partitions.contains(where: { !$0.isEmpty }) {
            sizes = try withLongQueries {
                try partitions.map { $0.isEmpty ? 0 : try countedRows(read, StarRocksPart(partitions: [$0.name])) }
            }
        }
        let total = sizes.reduce(0, +)
        let count = wish.slices(forRows: counted ?? total)
        let isWhole = read.partitions == nil
        if count <= 1 {
            let part = StarRocksPart(partitions: isWhole ? nil : partitions.map(\.name))
            return [Slice(id: 0, bounds: part.bounds, rows: counted ?? total)]
        }
        let step = max(1, (total + count - 1) / count)
        var made: [Slice] = []
        var group = Group()
        var hasTablets: Bool?
        for (partition, size) in zip(partitions, sizes) {
            if size > step + step / 2 {
                let tablets = hasTablets == false ? nil : try usableTablets(of: name, partition: partition.name, isFirst: hasTablets == nil)
                hasTablets = tablets != nil
                made += try slices(
                    within: partition.name, tablets, read, rows: size, step: step, wish, isOnly: isWhole && partitions.count == 1)
                continue
            }
            if group.rows > 0, group.rows + size > step { made += group.end { StarRocksPart(partitions: $0) } }
            group.add(partition.name, size)
        }
        made += group.end { StarRocksPart(partitions: $0) }
        return made.enumerated().map { number, slice in
            // Of a filtered slice, its share of what the filters let through.
            let rows = counted.map { all in slice.rows.map { Int(Double($0) / Double(max(total, 1)) * Double(all)) } } ?? slice.rows
            return Slice(id: number, bounds: slice.bounds, rows: rows)
        }
    }

    /// The slices of one partition: groups of tablets, or ranges of the key.
    private func slices(
        within partition: String, _ tablets: [StarRocksTablet]?, _ read: Read, rows: Int, step: Int, _ wish: SliceWish, isOnly: Bool
    ) throws -> [Slice] {
        guard let tablets, tablets.count > 1 || !read.key.isEmpty else {
            let part = isOnly ? StarRocksPart(bounds: .all) : StarRocksPart(partitions: [partition])
            return try withLongQueries { try ranges(of: read, part, rows: rows, step: step) }
        }
        // Where no tablet has been reported yet, they are taken for equal.
        let known = tablets.reduce(0) { $0 + $1.rows }
        let sizes = tablets.map { known > 0 ? $0.rows : rows / tablets.count }
        let isFew = wish.count != nil || tablets.count < wish.channels
        let most = isFew ? step + step / 2 : max(step + step / 2, Self.largestTablet * wish.rowsPerSlice)
        var made: [Slice] = []
        var group = Group()
        for (tablet, size) in zip(tablets, sizes) {
            if size > most, !read.key.isEmpty {
                let part = StarRocksPart(partitions: [partition], tablets: [tablet.id])
                made += try withLongQueries { try ranges(of: read, part, rows: size, step: step) }
                continue
            }
            if group.rows > 0, group.rows + size > step {
                made += group.end { StarRocksPart(partitions: [partition], tablets: $0) }
            }
            group.add(tablet.id, size)
        }
        return made + group.end { StarRocksPart(partitions: [partition], tablets: $0) }
    }

    /// Ranges of the key within a part that has none.
    private func ranges(of read: Read, _ part: StarRocksPart, rows: Int, step: Int) throws -> [Slice] {
        let count = (rows + step - 1) / step
        guard count > 1, !read.key.isEmpty else { return [Slice(id: 0, bounds: part.bounds, rows: rows)] }
        let cut = Cuts.slices(try cuts(read, part, rows: rows, count: count), key: read.key, rowsPerSlice: step)
        guard part.partitions != nil else { return cut }
        return cut.map {
            Slice(id: 0, bounds: StarRocksPart(partitions: part.partitions, tablets: part.tablets, within: $0.bounds).bounds, rows: $0.rows)
        }
    }

    /// Neighbours that make a slice together.
    private struct Group {
        private var names: [String] = []
        private(set) var rows = 0

        mutating func add(_ name: String, _ size: Int) {
            names.append(name)
            rows += size
        }

        /// The slice, if there is anything in it; the group is empty afterwards.
        mutating func end(_ part: ([String]) -> StarRocksPart) -> [Slice] {
            defer { (names, rows) = ([], 0) }
            return names.isEmpty ? [] : [Slice(id: 0, bounds: part(names).bounds, rows: rows)]
        }
    }

    // MARK: Halves

    /// Fewer partitions, then fewer tablets, then ranges of the key.
    func halves(of slice: Slice, in read: Read) throws -> [Slice.Bounds]? {
        let part = try StarRocksPart(slice.bounds)
        if read.isVerbatim || part.isNull == true { return nil }
        if let parts = try groupHalves(part, read) { return parts.map(\.bounds) }
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

    /// Several partitions, or several tablets of one, are parted into two groups.
    private func groupHalves(_ part: StarRocksPart, _ read: Read) throws -> [StarRocksPart]? {
        guard part.range == .all, case .table(let name) = read.relation else { return nil }
        if let tablets = part.tablets, let partition = part.partitions?.first {
            guard tablets.count > 1 else { return nil }
            let known = Set(tablets)
            let listed = try self.tablets(of: name, partition: partition).filter { known.contains($0.id) }
            let sizes = Dictionary(listed.map { ($0.id, $0.rows) }, uniquingKeysWith: { first, _ in first })
            return Self.halves(tablets, sizes).map { StarRocksPart(partitions: [partition], tablets: $0) }
        }
        let known: [StarRocksPartition] = try partitions(of: name)
        let names = part.partitions ?? known.map(\.name)
        if names.count > 1 {
            let sizes = Dictionary(known.map { ($0.name, $0.rows ?? 0) }, uniquingKeysWith: { first, _ in first })
            return Self.halves(names, sizes).map { StarRocksPart(partitions: $0) }
        }
        guard let partition = names.first, let tablets = try usableTablets(of: name, partition: partition, isFirst: true), tablets.count > 1
        else {
            return nil
        }
        let sizes = Dictionary(tablets.map { ($0.id, $0.rows) }, uniquingKeysWith: { first, _ in first })
        return Self.halves(tablets.map(\.id), sizes).map { StarRocksPart(partitions: [partition], tablets: $0) }
    }

    private static func halves(_ names: [String], _ sizes: [String: Int]) -> [[String]] {
        let total = names.reduce(0) { $0 + (sizes[$1] ?? 0) }
        var first = 0
        var sum = 0
        while first < names.count - 1,
            first == 0 || (total > 0 ? (sum + (sizes[names[first]] ?? 0)) * 2 <= total : first < names.count / 2)
        {
            sum += sizes[names[first]] ?? 0
            first += 1
        }
        return [Array(names[..<first]), Array(names[first...])]
    }
}
