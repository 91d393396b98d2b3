import ApusCore

/// A tablet of a partition: what `SELECT … FROM t PARTITION (p) TABLET (…)` reads without a sort or a count.
struct StarRocksTablet: Hashable, Sendable {
    var id: String
    /// By the BEs' last reports.
    var rows: Int
}

extension StarRocksSession {
    /// The tablets of a partition's base index, one of each however many replicas it has. Their ids are never used again.
    ///
    /// - throws: `object.permission` where the user may not ask: `SHOW TABLET` needs more rights than a SELECT.
    func tablets(of table: TableName, partition: String) throws -> [StarRocksTablet] {
        // Rollups and synchronous materialized views have tablets of their own, which hold the same rows.
        try tablets(of: table, partition, where: " WHERE IndexName = \(dialect.literal(table.name))")
    }

    private func tablets(of table: TableName, _ partition: String, where condition: String) throws -> [StarRocksTablet] {
        let word = profile.isDoris ? "TABLETS" : "TABLET"
        let found = try self.table(
            "SHOW \(word) FROM \(dialect.quote(table)) PARTITION (\(dialect.quote(partition)))\(condition)",
            doing: "list the tablets of partition \(partition) of \(table)")
        guard let id = found.names.firstIndex(of: "TabletId") else {
            throw ApusError(.unsupported, "SHOW \(word) of \(table) names no tablets", context: endpoint.label)
        }
        let rows = found.names.firstIndex(of: "RowCount")
        var tablets: [StarRocksTablet] = []
        var positions: [String: Int] = [:]
        for row in found.rows {
            guard let own = row[id], UInt64(own) != nil else { continue }
            let count = max(0, rows.flatMap { row[$0] }.flatMap { Int($0) } ?? 0)
            if let position = positions[own] {
                // A replica that lags behind tells fewer rows.
                tablets[position].rows = max(tablets[position].rows, count)
            } else {
                positions[own] = tablets.count
                tablets.append(StarRocksTablet(id: own, rows: count))
            }
        }
        return tablets
    }

    /// The tablets by which a partition can be cut; nil where it cannot be, with the reason in ``cutRemark``.
    ///
    /// - parameter isFirst: of the table's partitions, so that it is looked whether there are rollups.
    func usableTablets(of table: TableName, partition: String, isFirst: Bool) throws -> [StarRocksTablet]? {
        do {
            let tablets = try tablets(of: table, partition: partition)
            // With a rollup, the server may read it in the place of the base index, whose tablets it then skips silently.
            guard try !isFirst || self.tablets(of: table, partition, where: "").count == tablets.count else {
                cutRemark = "the table has rollups or synchronous materialized views, so it is cut by ranges of its key, not by tablets"
                return nil
            }
            return tablets.isEmpty ? nil : tablets
        } catch let error as ApusError where error.code == .permission {
            cutRemark =
                "the user may not list tablets (SHOW TABLET needs \(tabletPrivilege)), so large partitions are cut by ranges of the key, which takes longer"
            return nil
        } catch let error as ApusError where error.code == .statement || error.code == .unsupported || error.code == .notFound {
            cutRemark = "the server does not list the table's tablets, so large partitions are cut by ranges of the key"
            return nil
        }
    }

    private var tabletPrivilege: String { profile.isStarRocks(3) ? "the OPERATE privilege on SYSTEM" : "ADMIN_PRIV" }

    /// The server reads a tablet that is gone as if it were empty. Before and behind a read they must all be there:
    /// INSERT OVERWRITE, a schema change or a swap would have put others in their place.
    /// - throws: `source.changed`.
    func requireTablets(of part: StarRocksPart, in read: Read) throws {
        guard let wanted = part.tablets, let partition = part.partitions?.first, case .table(let name) = read.relation else { return }
        let known: Set<String>
        do { known = Set(try tablets(of: name, partition: partition).map(\.id)) } catch let error as ApusError
            where error.code == .notFound || error.code == .statement
        {
            known = []
        }
        let gone = wanted.filter { !known.contains($0) }
        guard !gone.isEmpty else { return }
        throw ApusError(
            .sourceChanged,
            "partition \(partition) of \(name) was rewritten since the plan was made: \(gone.count) of its tablets are gone (INSERT OVERWRITE, a schema change or a swap)",
            hint: "Plan and run this table again; nothing of what its slices hold can be trusted to fit together.",
            context: endpoint.label)
    }
}
