import ApusCore

/// `mysqlreader`, `postgresqlwriter` and their relatives.
extension JobReading {
    func relationalReader(_ plugin: String, _ value: JobValue, _ schemes: [String]?) -> DataXJob.RelationalReader? {
        check(
            value,
            ["username", "password", "connection", "column", "where", "splitPk", "session", "querySql", "table", "jdbcUrl", "jdbcConfig"],
            ignored: [
                "fetchSize", "queryTimeout", "encoding", "mandatoryEncoding", "splitFactor", "haveKerberos", "hint", "preSql", "postSql",
            ],
            in: plugin)
        var sources: [DataXJob.RelationalReader.Source] = []
        for (number, connection) in connections(value, plugin).enumerated() {
            let key = "\(plugin).connection[\(number)]"
            check(connection, ["table", "querySql", "jdbcUrl"], ignored: ["selectedDatabase"], in: key)
            let database = database(value, connection, key, schemes)
            let queries = (texts(connection["querySql"], "\(key).querySql") ?? []).map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
            let tables = tables(connection["table"], "\(key).table")
            if queries.isEmpty == tables.isEmpty {
                fault(
                    queries.isEmpty
                        ? "\(key) has neither `table` nor `querySql`"
                        : "\(key) has both `table` and `querySql`: 您的配置凌乱了. 因为datax不能同时既配置table又配置querySql",
                    hint: "Write one of them.")
            }
            if let database {
                sources.append(.init(database: database, tables: queries.isEmpty ? tables : [], queries: queries))
            }
        }
        let isQuery = sources.contains { !$0.queries.isEmpty }
        if isQuery, sources.contains(where: { !$0.tables.isEmpty }) {
            fault(
                "some connections of \(plugin) have `table` and others `querySql`: 您的配置凌乱了. 因为datax不能同时既配置table又配置querySql",
                hint: "Write all of them as tables, or all as queries.")
        }
        var reader = DataXJob.RelationalReader(plugin: plugin, sources: sources)
        let filter = text(value["where"], "\(plugin).where")?.trimmingSpaces()
        let split = text(value["splitPk"], "\(plugin).splitPk").map { DataXColumns.split($0) } ?? []
        let columns = texts(value["column"], "\(plugin).column").map { DataXColumns($0) }
        if isQuery {
            for (key, isSet) in [
                ("where", filter?.isEmpty == false), ("splitPk", !split.isEmpty),
                ("column", columns?.items.isEmpty == false && !(columns?.isStar ?? false)),
            ] where isSet {
                notice("\(plugin): with `querySql`, `\(key)` is left out")
            }
            return reader
        }
        reader.filter = filter.flatMap { $0.isEmpty ? nil : $0 }
        reader.splitKey = split.map { DataXColumns.name($0) ?? $0 }
        reader.columns = columns
        if columns?.items.isEmpty ?? true {
            fault("\(plugin) has no `column`: 您未配置读取数据库表的列信息", hint: "Write e.g. \"column\": [\"id\", \"name\"], or [\"*\"].")
        }
        return sources.isEmpty ? nil : reader
    }

    func relationalWriter(_ plugin: String, _ value: JobValue, _ schemes: [String]?) -> DataXJob.RelationalWriter? {
        check(
            value,
            [
                "username", "password", "connection", "column", "writeMode", "preSql", "postSql", "session", "emptyAsNull", "table",
                "jdbcUrl", "jdbcConfig",
            ],
            ignored: [
                "batchSize", "batchByteSize", "encoding", "queryTimeout", "socketTimeout", "dryRun", "bufferSize", "segment_reject_limit",
                "copy_queue_size", "num_copy_processor", "num_copy_writer",
            ],
            in: plugin)
        for key in ["batchSize", "batchByteSize"] { _ = integer(value[key], "\(plugin).\(key)") }
        let connections = connections(value, plugin)
        guard let connection = connections.first else { return nil }
        let key = "\(plugin).connection[0]"
        check(connection, ["table", "jdbcUrl"], in: key)
        if connections.count > 1 {
            fault(.unsupported, "\(plugin) has \(connections.count) connections; Apus writes to one", hint: "Make one job for each.")
        }
        let database = database(value, connection, key, schemes)
        let tables = tables(connection["table"], "\(key).table")
        if tables.isEmpty { fault("\(key) has no `table`") }
        let columns = writtenColumns(value, plugin)
        guard let database else { return nil }
        var writer = DataXJob.RelationalWriter(plugin: plugin, database: database, tables: tables, columns: columns)
        writer.mode = writeMode(value, plugin)
        writer.key = updateKey(value)
        writer.before = statements(value["preSql"], "\(plugin).preSql")
        writer.after = statements(value["postSql"], "\(plugin).postSql")
        writer.emptyIsNull = boolean(value["emptyAsNull"], "\(plugin).emptyAsNull") ?? true
        return writer
    }

    /// The names of a writer's columns; nil = all (`["*"]`).
    func writtenColumns(_ value: JobValue, _ plugin: String) -> [String]? {
        let columns = texts(value["column"], "\(plugin).column").map { $0.flatMap { DataXColumns.split($0) } } ?? []
        if columns.isEmpty { fault("\(plugin) has no `column`", hint: "Write e.g. \"column\": [\"id\", \"name\"], or [\"*\"].") }
        if columns.contains("*"), columns.count > 1 { fault("`*` in \(plugin).column stands beside other columns; it must stand alone") }
        let names = columns.map { DataXColumns.name($0) ?? $0 }
        for name in Set(names.filter { name in names.count { $0 == name } > 1 }).sorted() {
            fault("the column `\(name)` stands twice in \(plugin).column")
        }
        return columns == ["*"] ? nil : names
    }

    func writeMode(_ value: JobValue, _ plugin: String) -> DataXJob.WriteMode {
        guard let word = text(value["writeMode"], "\(plugin).writeMode")?.trimmingSpaces().lowercased(), !word.isEmpty else {
            return .insert
        }
        // DataX looks at the beginning only, and puts the whole text before INTO.
        if word.hasPrefix("insert") {
            return word.dropFirst(6).split(whereSeparator: \.isWhitespace).contains("ignore") ? .ignore : .insert
        }
        // `update (a, b)`: MySQL changes every column whatever stands there.
        for mode in [DataXJob.WriteMode.replace, .update] where word.hasPrefix(mode.rawValue) { return mode }
        fault("\(plugin).writeMode is `\(word.prefix(40))`", hint: "There are insert, insert ignore, replace and update.")
        return .insert
    }

    /// The columns of `update (a, b)`.
    func updateKey(_ value: JobValue) -> [String]? {
        guard let word = value["writeMode"]?.text?.trimmingSpaces(), word.lowercased().hasPrefix("update"),
            let open = word.firstIndex(of: "("), let close = word.lastIndex(of: ")"), open < close
        else { return nil }
        let names = DataXColumns.split(String(word[word.index(after: open)..<close])).map { DataXColumns.name($0) ?? $0 }
        return names.isEmpty ? nil : names
    }

    /// `@table` is only filled in when there is one table, or later for each of several.
    func statements(_ value: JobValue?, _ key: String) -> [String] {
        (texts(value, key) ?? []).map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
    }

    private func connections(_ value: JobValue, _ plugin: String) -> [JobValue] {
        guard let connection = value["connection"] else {
            // A flat form that people write: table and jdbcUrl beside username.
            if value["jdbcUrl"] != nil { return [value] }
            fault("\(plugin) has no `connection`", hint: "Write \"connection\": [{\"table\": […], \"jdbcUrl\": …}].")
            return []
        }
        let list = connection.elements ?? [connection]
        if list.isEmpty || list.contains(where: { $0.members == nil }) {
            fault("\(plugin).connection should be a list of objects with `jdbcUrl` and `table`")
            return []
        }
        return list
    }

    func database(_ value: JobValue, _ connection: JobValue, _ key: String, _ schemes: [String]?) -> DataXJob.Database? {
        guard let urls = texts(connection["jdbcUrl"], "\(key).jdbcUrl"), !urls.isEmpty else {
            fault("\(key) has no `jdbcUrl`", hint: "Write e.g. jdbc:mysql://host:3306/shop.")
            return nil
        }
        var addresses: [JDBCAddress] = []
        var broken: [ApusError] = []
        for url in urls {
            do { addresses += try JDBCAddress.parse(url) } catch var error as ApusError {
                error.message = "\(key): \(error.message)"
                broken.append(error)
            } catch {}
        }
        // Of a list, the first that answers is taken: one that is no address is one that does not answer.
        for error in broken { addresses.isEmpty ? fault(error) : notice("\(error.message); it is left out of the list") }
        for member in value["jdbcConfig"]?.members ?? [] {
            guard let text = member.value.text else { continue }
            for index in addresses.indices where addresses[index].parameters[member.name] == nil {
                addresses[index].parameters[member.name] = text
            }
        }
        if let schemes, let odd = addresses.first(where: { !schemes.contains($0.scheme) }) {
            fault(
                "\(key): the plugin takes jdbc:\(schemes[0]):, and `jdbcUrl` is jdbc:\(odd.scheme):",
                hint: "Use the plugin of that system, or rdbmsreader and rdbmswriter, which take any.")
        }
        guard let first = addresses.first else { return nil }
        if addresses.contains(where: { $0.scheme != first.scheme }) { fault("\(key): the addresses of `jdbcUrl` are of several systems") }
        return credentials(value, addresses)
    }

    func credentials(_ value: JobValue, _ addresses: [JDBCAddress]) -> DataXJob.Database {
        let user = value["username"]?.text, password = value["password"]?.text
        return DataXJob.Database(
            addresses: addresses, user: user.flatMap { $0.isEmpty ? nil : $0 },
            password: password.flatMap { $0.isEmpty ? nil : Secret($0) },
            session: texts(value["session"], "session") ?? [])
    }

    /// `t[00-31]` is 32 tables, `t[0-9]` ten.
    func tables(_ value: JobValue?, _ key: String) -> [String] {
        var names: [String] = []
        for element in texts(value, key) ?? [] {
            for name in DataXColumns.split(element) {
                guard let open = name.firstIndex(of: "["), let close = name[open...].firstIndex(of: "]") else {
                    names.append(name)
                    continue
                }
                let ends = name[name.index(after: open)..<close].split(separator: "-", omittingEmptySubsequences: false)
                guard ends.count == 2, let low = Int(ends[0]), let high = Int(ends[1]), low >= 0 else {
                    // `[dbo]` quotes a name.
                    names.append(name)
                    continue
                }
                guard low <= high, high - low < 100_000 else {
                    fault("`\(key)`: the range `\(name[open...close])` runs backwards or has more than 100,000 tables")
                    continue
                }
                let width = ends[0].hasPrefix("0") ? ends[0].count : 0
                for number in low...high {
                    let digits = String(number)
                    names.append(
                        name[..<open] + String(repeating: "0", count: max(0, width - digits.count)) + digits
                            + name[name.index(after: close)...])
                }
            }
        }
        return names
    }
}
