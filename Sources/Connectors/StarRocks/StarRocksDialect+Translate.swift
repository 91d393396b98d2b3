import ApusCore
import Tabular

extension StarRocksDialect {
    /// As the protocol's own, and the table gets a layout: a table of the same system keeps its own, one with a key becomes
    /// a primary-key table (Doris: unique key, merge on write), others keep all rows.
    func translate(_ source: TableShape, named name: TableName, origin: String) -> (shape: TableShape, losses: [String]) {
        var losses: [String] = []
        let isOwn = source.origin == origin
        let key = isOwn ? [] : Set(source.primaryKey)
        var shape = translated(source, named: name, origin: origin, &losses) { column in
            let declared = declaration(of: column, origin: source.origin)
            return key.contains(column.name) ? keyDeclaration(declared) : declared
        }
        for index in shape.columns.indices where !isOwn && shape.columns[index].identity {
            // The values are loaded; a counter would begin anew.
            shape.columns[index].identity = false
            losses.append("\(shape.columns[index].name): it does not count by itself here")
        }
        if !isOwn { shape.checks = nil }
        shape.indexes = []
        shape.foreignKeys = []
        let keepsLayout = source.layout.map { layout in
            isOwn && layout.model != "" && (layout.key + layout.partitionColumns).allSatisfy { shape.column($0) != nil }
        }
        if keepsLayout == true, let layout = source.layout {
            var layout = kept(layout, &losses)
            fit(&layout, &shape.columns, &losses)
            shape.layout = layout
        } else {
            shape.layout = made(&shape, isOwn ? source.primaryKey : source.primaryKey, &losses)
        }
        if shape.layout?.isUnique != true { shape.primaryKey = [] }
        return (shape, losses)
    }

    // MARK: Keys

    /// A key takes integers, texts, dates and BOOLEAN: decimals become integers or text.
    private func keyDeclaration(_ declared: Declaration) -> Declaration {
        guard case .decimal(let precision?, let scale) = declared.type, declared.native != "largeint", !profile.isDoris else {
            return declared
        }
        if scale ?? 0 == 0 {
            if precision <= 18 { return Declaration("bigint", .int64, loss: "a primary key takes no decimal: it becomes bigint") }
            return Declaration("largeint", .decimal(precision: 39, scale: 0), loss: "a primary key takes no decimal: it becomes largeint")
        }
        let length = precision + 2
        return Declaration(
            "varchar(\(length))", .text(length: length), loss: "a primary key takes no decimal: it becomes the number's text")
    }

    private func canBeKey(_ column: ColumnShape) -> Bool {
        let base = column.native.prefix { $0.isLetter }
        if profile.isDoris { return !["float", "double", "json", "array", "map", "struct", "string", "bitmap", "hll"].contains(base) }
        return ["boolean", "tinyint", "smallint", "int", "bigint", "largeint", "varchar", "string", "date", "datetime"].contains(base)
    }

    /// Whether rows can be sorted by the column, as the first columns of a table without a key must be.
    private func canSort(_ column: ColumnShape) -> Bool {
        let base = column.native.prefix { $0.isLetter }
        return canBeKey(column) || base == "decimal" || base == "char"
    }

    /// Octets of an encoded key: text counts its declared length.
    private func keyOctets(_ column: ColumnShape) -> Int {
        switch column.type {
        case .boolean: 1
        case .integer(let bits, _): bits / 8
        case .date: 4
        case .timestamp: 8
        case .decimal: 16
        case .text(let length): (length ?? 65_533) + 2
        default: 16
        }
    }

    // MARK: Layouts

    /// The layout of a table that comes from elsewhere. Puts the key's columns first.
    private func made(_ shape: inout TableShape, _ wanted: [String], _ losses: inout [String]) -> TableLayout {
        let columns = wanted.compactMap { shape.column($0) }
        var key = columns.count == wanted.count ? wanted : []
        if let unfit = columns.first(where: { !canBeKey($0) }) {
            losses.append(
                "the key \(wanted.joined(separator: ", ")) cannot be a primary key, since \(unfit.name) is \(unfit.native): the table keeps "
                    + "all rows (DUPLICATE KEY), and cannot be loaded by upsert")
            key = []
        } else if !profile.isDoris, columns.reduce(0, { $0 + keyOctets($1) }) > 128 {
            losses.append(
                "the key \(wanted.joined(separator: ", ")) is declared longer than 128 octets: rows with longer keys are rejected")
        }
        let isUnique = !key.isEmpty
        if !isUnique {
            // Rows are sorted by the first columns, which must be of types that have an order.
            let sortable = (wanted.isEmpty ? [] : columns.filter(canSort)) + shape.columns.filter(canSort)
            if let first = sortable.first { key = [first.name] }
        }
        let first = key.compactMap { shape.column($0) }
        let rest = shape.columns.filter { !key.contains($0.name) }
        shape.columns = first + rest
        for index in shape.columns.indices where isUnique && index < key.count { shape.columns[index].nullable = false }
        shape.primaryKey = isUnique ? key : []
        var layout = TableLayout(
            model: isUnique ? (profile.isDoris ? "UNIQUE KEY" : "PRIMARY KEY") : "DUPLICATE KEY", key: key)
        layout.distribution = distribution(isUnique || !profile.hasRandomBuckets ? key : [])
        if let replicas { layout.properties["replication_num"] = String(replicas) }
        if isUnique {
            layout.properties[profile.isDoris ? "enable_unique_key_merge_on_write" : "enable_persistent_index"] = "true"
        }
        return layout
    }

    private func distribution(_ key: [String]) -> String {
        let by = key.isEmpty ? "RANDOM" : "HASH(\(list(key)))"
        if let buckets { return "\(by) BUCKETS \(buckets)" }
        if profile.isDoris { return "\(by) BUCKETS AUTO" }
        // Left out, the server chooses; versions before 2.5.7 cannot.
        return profile.since(3) ? by : "\(by) BUCKETS 10"
    }

    /// Another cluster's layout: its partitions, buckets and sort order, and those properties that mean the same here.
    private func kept(_ layout: TableLayout, _ losses: inout [String]) -> TableLayout {
        var copy = layout
        var dropped: [String] = []
        for name in layout.properties.keys.sorted() where !Self.isPortable(name) {
            copy.properties[name] = nil
            if !Self.goesUnsaid.contains(name) { dropped.append("\(name)=\(layout.properties[name]!)") }
        }
        if !dropped.isEmpty {
            losses.append("properties that belong to the source's cluster are left out: \(dropped.joined(separator: ", "))")
        }
        copy.properties["replication_num"] = replicas.map(String.init) ?? layout.properties["replication_num"]
        if layout.model == "PRIMARY KEY", profile.isDoris { copy.model = "UNIQUE KEY" }
        if let buckets, let distribution = layout.distribution {
            let head = distribution.ranges(of: " BUCKETS").first.map { distribution[..<$0.lowerBound] } ?? distribution[...]
            copy.distribution = "\(head) BUCKETS \(buckets)"
        }
        return copy
    }

    /// What a table means, not where its cluster keeps it.
    private static func isPortable(_ property: String) -> Bool {
        [
            "replication_num", "compression", "bloom_filter_columns", "enable_persistent_index", "partition_live_number", "partition_ttl",
            "enable_unique_key_merge_on_write", "function_column.sequence_col", "function_column.sequence_type", "store_row_column",
            "bucket_size", "fast_schema_evolution",
        ].contains(property) || property.hasPrefix("dynamic_partition.")
    }

    /// Every table has them, and their loss changes nothing.
    private static let goesUnsaid: Set<String> = [
        "in_memory", "replicated_storage", "storage_format", "light_schema_change", "disable_auto_compaction", "storage_medium",
        "is_being_synced", "enable_single_replica_compaction", "min_load_replica_num", "group_commit_interval_ms",
        "group_commit_data_bytes", "replication_allocation", "file_bundling", "base_compaction_forbidden_time_ranges",
        "binlog.enable", "binlog.ttl_seconds", "binlog.max_bytes", "binlog.max_history_nums", "inverted_index_storage_format",
        "compaction_policy", "time_series_compaction_goal_size_mbytes", "datacache.enable", "enable_async_write_back",
    ]
}
