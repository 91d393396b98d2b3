import ApusCore

/// `starrocksreader`, `starrockswriter`, `dorisreader` and `doriswriter`: the SQL port is named by a `jdbcUrl` of MySQL's
/// driver, the HTTP ports by `loadUrl`.
extension JobReading {
    func warehouseReader(_ plugin: String, _ value: JobValue, _ scheme: String) -> DataXJob.RelationalReader? {
        guard var reader = relationalReader(plugin, value, ["mysql", scheme]) else { return nil }
        for index in reader.sources.indices {
            reader.sources[index].database.addresses = cluster(reader.sources[index].database.addresses, scheme)
        }
        return reader
    }

    func warehouseWriter(_ plugin: String, _ value: JobValue, _ scheme: String) -> DataXJob.RelationalWriter? {
        check(
            value,
            [
                "username", "password", "connection", "column", "writeMode", "preSql", "postSql", "database", "table", "jdbcUrl",
                "loadUrl", "feLoadUrl", "loadProps", "session",
            ],
            // Buffers of DataX's process, and how the rows would be written down on their way.
            ignored: [
                "maxBatchRows", "maxBatchSize", "maxBatchByteSize", "batchSize", "batchByteSize", "flushInterval", "flushQueueLength",
                "labelPrefix", "lineDelimiter", "columnSeparator", "format", "maxRetries", "connectTimeout", "timeout", "queryTimeout",
                "encoding", "dryRun", "beLoadUrl", "selectedDatabase",
            ],
            in: plugin)
        for key in ["maxBatchRows", "maxBatchSize", "batchSize", "flushInterval"] { _ = integer(value[key], "\(plugin).\(key)") }
        let connections = value["connection"].map { $0.elements ?? [$0] } ?? [value]
        guard let connection = connections.first, connection.members != nil else {
            fault("\(plugin).connection should be a list of objects with `jdbcUrl`, `table` and `selectedDatabase`")
            return nil
        }
        if connections.count > 1 {
            fault(.unsupported, "\(plugin) has \(connections.count) connections; Apus writes to one", hint: "Make one job for each.")
        }
        let isFlat = value["connection"] == nil
        let key = isFlat ? plugin : "\(plugin).connection[0]"
        if !isFlat { check(connection, ["table", "jdbcUrl", "selectedDatabase", "database", "loadUrl"], in: key) }
        func part(_ name: String) -> JobValue? { connection[name] ?? value[name] }

        let http = loadAddresses(part("loadUrl") ?? value["feLoadUrl"], plugin)
        let name = (text(part("selectedDatabase"), "\(key).selectedDatabase") ?? text(part("database"), "\(plugin).database"))?
            .trimmingSpaces()
        var database = database(value, connection, key, scheme, http)
        if let name, !name.isEmpty, database != nil {
            for index in database!.addresses.indices { database!.addresses[index].path = name }
            database!.addresses = JDBCAddress.clusters(database!.addresses)
        } else if let first = database?.addresses.first, first.path.isEmpty {
            fault("\(plugin) names no database", hint: "Write it as `selectedDatabase` of the connection, or as `database`.")
        }
        let tables = tables(part("table"), "\(key).table")
        if tables.isEmpty { fault("\(plugin) has no `table`") }
        let columns = writtenColumns(value, plugin)
        guard var database else { return nil }
        if let http { database.settings["http"] = http.hosts.joined(separator: ",") }
        if http?.isSecure == true { database.settings["https"] = "true" }
        readLoadProperties(value["loadProps"], "\(plugin).loadProps", &database)
        var writer = DataXJob.RelationalWriter(plugin: plugin, database: database, tables: tables, columns: columns)
        writer.mode = writeMode(value, plugin)
        writer.key = updateKey(value)
        writer.before = statements(value["preSql"], "\(plugin).preSql")
        writer.after = statements(value["postSql"], "\(plugin).postSql")
        return writer
    }

    /// Of the plugin's scheme, FEs of one cluster together.
    private func cluster(_ addresses: [JDBCAddress], _ scheme: String) -> [JDBCAddress] {
        JDBCAddress.clusters(
            addresses.map { address in
                var address = address
                address.scheme = scheme
                return address
            })
    }

    /// The SQL port. DataX needs it for `preSql` and `["*"]` only; without it the FEs of `loadUrl` are asked at 9030.
    private func database(
        _ value: JobValue, _ connection: JobValue, _ key: String, _ scheme: String, _ http: (hosts: [String], isSecure: Bool)?
    ) -> DataXJob.Database? {
        let isNamed = (connection["jdbcUrl"] ?? value["jdbcUrl"])?.texts?.contains { !$0.isEmpty } ?? false
        guard !isNamed, let http, !http.hosts.isEmpty else {
            guard var database = database(value, connection["jdbcUrl"] == nil ? value : connection, key, ["mysql", scheme]) else {
                return nil
            }
            database.addresses = cluster(database.addresses, scheme)
            return database
        }
        let addresses = http.hosts.compactMap { try? ConnectionURL(parsing: "\(scheme)://\($0)/") }.map {
            JDBCAddress(scheme: scheme, host: $0.host, port: 9030, path: "")
        }
        notice("\(key) has no `jdbcUrl`; the SQL port of \(http.hosts.joined(separator: ", ")) is taken for 9030")
        return credentials(value, cluster(addresses, scheme))
    }

    /// `fe1:8030`, a list of such, or several parted by `;` or `,`, perhaps with `http://` in front.
    private func loadAddresses(_ value: JobValue?, _ plugin: String) -> (hosts: [String], isSecure: Bool)? {
        let words = (texts(value, "\(plugin).loadUrl") ?? []).flatMap { $0.split { ";,".contains($0) || $0.isWhitespace } }
        guard !words.isEmpty else {
            fault(
                "\(plugin) has no `loadUrl`", hint: "Write the FEs' HTTP addresses: \"loadUrl\": [\"fe1:8030\", \"fe2:8030\"].")
            return nil
        }
        var hosts: [String] = []
        for word in words {
            var place = word[...]
            for prefix in ["http://", "https://"] where place.lowercased().hasPrefix(prefix) { place = place.dropFirst(prefix.count) }
            while place.hasSuffix("/") { place.removeLast() }
            guard let url = try? ConnectionURL(parsing: "http://\(place)/"), url.host != nil, url.port != nil, url.user == nil,
                url.path.isEmpty
            else {
                fault("`\(plugin).loadUrl`: loadUrl的格式不正确", hint: "Write host:port of the FEs' HTTP interface, e.g. fe1:8030.")
                continue
            }
            if !hosts.contains(String(place)) { hosts.append(String(place)) }
        }
        return (hosts, words.allSatisfy { $0.lowercased().hasPrefix("https://") })
    }

    /// Headers of a Stream Load: those that say what is loaded are honoured or refused, those that only say how the rows
    /// are written down on their way are left to Apus.
    private func readLoadProperties(_ value: JobValue?, _ key: String, _ database: inout DataXJob.Database) {
        guard let value else { return }
        guard value.members != nil else {
            fault("`\(key)` should be an object, and is \(value.what)")
            return
        }
        let honoured = ["strict_mode", "timeout", "partial_update", "merge_condition", "max_filter_ratio", "merge_type"]
        let refused = [
            "columns", "where", "partitions", "temporary_partitions", "negative", "delete", "hidden_columns",
            "function_column.sequence_col", "jsonpaths", "json_root", "unique_key_update_mode", "partial_columns",
        ]
        check(
            value, honoured + refused,
            ignored: [
                "column_separator", "row_delimiter", "line_delimiter", "format", "strip_outer_array", "read_json_by_line", "fuzzy_parse",
                "num_as_string", "ignore_json_size", "compression", "compress_type", "compress", "Content-Encoding", "enclose", "escape",
                "skip_header", "skip_lines", "trim_space", "trim_double_quotes", "label", "timezone", "load_mem_limit", "exec_mem_limit",
                "log_rejected_record_num", "transmission_compression_type", "load_dop", "send_batch_parallelism",
                "load_to_single_tablet", "two_phase_commit", "group_commit", "enable_merge_commit", "merge_commit_interval_ms",
                "merge_commit_parallel", "merge_commit_async", "enable_profile", "Expect", "warehouse",
            ],
            in: key)
        for name in refused where value[name] != nil {
            fault(
                .unsupported, "`\(key).\(name)` changes what is loaded, and Apus does not take it",
                hint: "Name the columns in `column`, and filter and compute in the reader's `column` and `where`.")
        }
        if let type = text(value["merge_type"], "\(key).merge_type"), !["", "append"].contains(type.lowercased()) {
            fault(.unsupported, "`\(key).merge_type` is \(type.prefix(40)), and Apus only appends or changes rows by DataX jobs")
        }
        if let strict = boolean(value["strict_mode"], "\(key).strict_mode") { database.settings["strict"] = String(strict) }
        if boolean(value["partial_update"], "\(key).partial_update") == true { database.settings["partial_update"] = "true" }
        if let column = text(value["merge_condition"], "\(key).merge_condition"), !column.isEmpty {
            database.settings["merge_condition"] = column
        }
        if let seconds = integer(value["timeout"], "\(key).timeout"), seconds > 0 { database.settings["load_timeout"] = "\(seconds)s" }
        if let ratio = number(value["max_filter_ratio"], "\(key).max_filter_ratio"), ratio > 0 {
            notice("\(key).max_filter_ratio is left out: a row that the server would filter is a dirty row, and errorLimit decides")
        }
    }
}
