import ApusCore

/// `tables`, `defaults` and `exclude` of a flow file.
extension FlowReading {
    static let defaultKeys = [
        "skip", "to", "table", "mode", "create", "where", "columns", "exclude", "rename", "types", "key", "watermark", "slices",
        "slice_by", "with", "before", "after", "window", "gone_partitions",
    ]
    static let tableKeys = defaultKeys + ["query"]

    func tableWishes(_ value: YAMLValue) -> [TableWish] {
        switch value.kind {
        case .null: return []
        case .map(let entries): return entries.compactMap(tableEntry)
        case .list(let items): return items.flatMap(tableItem)
        case .scalar(let raw, _):
            return (expand(raw, at: value.place).map(ColumnList.split) ?? []).compactMap {
                pattern($0, value.place).map { wish($0, value.place) }
            }
        }
    }

    func excluded(_ value: YAMLValue) -> [TableWish] {
        guard value.scalar != nil || value.list != nil else {
            faults.add(
                .configurationInvalid, at: value.place, "`exclude` is a list of tables, not \(value.what)",
                hint: "Write e.g. exclude: [tmp_*, sales.secret].")
            return []
        }
        return tableWishes(value).map { wish in
            var copy = TableWish(wish.subject)
            copy.place = wish.place
            copy.skip = true
            return copy
        }
    }

    private func wish(_ pattern: String, _ at: Place) -> TableWish {
        var wish = TableWish(.pattern(pattern))
        wish.place = place(at)
        return wish
    }

    /// The pattern, if it is one.
    private func pattern(_ text: String, _ place: Place) -> String? {
        do {
            _ = try TablePattern(text)
            return text
        } catch {
            if let error = error as? ApusError { add(error, at: place) }
            return nil
        }
    }

    /// `sales.*: { mode: append }`.
    private func tableEntry(_ entry: YAMLValue.Entry) -> TableWish? {
        guard let name = expand(entry.key, at: entry.place) else { return nil }
        guard let fields = mapping(entry.value, entry.key, example: "{ mode: append }") else { return nil }
        return tableWish(name, fields, entry.place)
    }

    /// An item of a list: a pattern, `pattern: { … }`, or keys with `name` or `query`.
    private func tableItem(_ value: YAMLValue) -> [TableWish] {
        if let raw = value.scalar {
            guard let text = expand(raw, at: value.place), let pattern = pattern(text, value.place) else { return [] }
            return [wish(pattern, value.place)]
        }
        guard let entries = value.map, !entries.isEmpty else {
            faults.add(
                .configurationInvalid, at: value.place, "a table in a list is a name, a pattern or a mapping, not \(value.what)",
                hint: "Write e.g. - orders, or - orders: { mode: append }.")
            return []
        }
        let fields = Fields(entries: entries)
        if fields["name"]?.scalar == nil, fields["query"]?.scalar == nil {
            let isPatterns =
                entries.allSatisfy { $0.value.isNull || $0.value.map != nil }
                && (entries.count == 1 || !entries.contains { Self.tableKeys.contains($0.key) })
            if isPatterns { return entries.compactMap(tableEntry) }
            faults.add(
                .configurationInvalid, at: value.place, "this table has no `name`",
                hint: "Write - name: orders, or - orders: { … }.")
            return []
        }
        let name = fields["name"].flatMap { text($0, "name", example: "orders") }
        guard name != nil || fields["name"] == nil else { return [] }
        return tableWish(name, entries.filter { $0.key != "name" }, value.place).map { [$0] } ?? []
    }

    private func tableWish(_ name: String?, _ entries: [YAMLValue.Entry], _ at: Place) -> TableWish? {
        let fields = Fields(entries: entries)
        let what = name.map { "table `\($0)`" } ?? "this table"
        var result: TableWish?
        if let query = fields["query"] {
            let sql = text(query, "query", example: "SELECT * FROM orders")
            let target = (fields["to"] ?? fields["table"])?.scalar.flatMap { expand($0, at: at) }
            if let called = name ?? target {
                result = tableWish(.query(sql ?? "", as: called), entries, in: what, Self.tableKeys)
            } else {
                faults.add(
                    .configurationInvalid, at: query.place, "this query has no target table",
                    hint: "Write to: and the table's name beside it.")
            }
        } else if let name, let pattern = pattern(name, at) {
            result = tableWish(.pattern(pattern), entries, in: what, Self.tableKeys)
        } else {
            _ = tableWish(.pattern("*"), entries, in: what, Self.tableKeys)
        }
        result?.place = place(at)
        return result
    }

    func tableWish(_ subject: TableWish.Subject, _ entries: [YAMLValue.Entry], in what: String, _ known: [String]) -> TableWish {
        checkKeys(entries, known, in: what)
        let fields = Fields(entries: entries.filter { !$0.value.isNull })
        var wish = TableWish(subject)
        wish.skip = fields["skip"].flatMap { boolean($0, "skip") } ?? false
        if let to = fields["to"], let other = fields["table"] {
            faults.add(
                .configurationInvalid, at: other.place, "`to` and `table` say the same, the target's name; line \(to.place.line) has it")
        }
        if let value = fields["to"] ?? fields["table"], let to = text(value, "to", example: "ods.ods_{table}") {
            do {
                _ = try TargetName(to)
                wish.to = to
            } catch { if let error = error as? ApusError { add(error, at: value.place) } }
        }
        wish.mode = fields["mode"].flatMap { choice($0, "mode", LoadMode.self) }
        wish.create = fields["create"].flatMap { choice($0, "create", CreatePolicy.self) }
        wish.window = fields["window"].flatMap { text($0, "window", example: "day = '{{ day }}'") }
        wish.filter = fields["where"].flatMap { text($0, "where", example: "amount > 0") }
        wish.columns = fields["columns"].flatMap(columns)
        wish.exclude = fields["exclude"].flatMap { names($0, "exclude") } ?? []
        wish.rename = fields["rename"].map { pairs($0, "rename", example: "{ old: new }") } ?? [:]
        wish.types = fields["types"].map { pairs($0, "types", example: "{ amount: \"numeric(12,2)\" }") } ?? [:]
        wish.key = fields["key"].flatMap { names($0, "key") }
        wish.watermark = fields["watermark"].flatMap { text($0, "watermark", example: "updated_at") }
        wish.gonePartitions = fields["gone_partitions"].flatMap { choice($0, "gone_partitions", GonePartitions.self) }
        wish.slices = fields["slices"].flatMap { count($0, "slices", 1...100_000) }
        wish.sliceBy = fields["slice_by"].flatMap { names($0, "slice_by") }
        if let with = fields["with"] { readWith(with, &wish) }
        wish.before = fields["before"].map { texts($0, "before") } ?? []
        wish.after = fields["after"].map { texts($0, "after") } ?? []
        if let watermark = wish.watermark, watermark != PlannedTable.Watermark.partitions, wish.mode == .replace || wish.mode == .truncate,
            let mode = fields["mode"]
        {
            faults.add(
                .configurationInvalid, at: mode.place,
                "with a `watermark` only new rows are read, and mode \(wish.mode?.rawValue ?? "") would drop the others",
                hint: "Write mode: append, or mode: upsert with a key.")
        }
        return wish
    }

    func readWith(_ value: YAMLValue, _ wish: inout TableWish) {
        if value.isNull { return }
        guard value.map == nil else {
            faults.add(
                .configurationInvalid, at: value.place, "`with` is a list, not a mapping", hint: "Write with: [indexes, foreign-keys].")
            return
        }
        wish.withIndexes = false
        wish.withForeignKeys = false
        let items =
            value.list
            ?? (value.scalar ?? "").split(separator: ",").map {
                YAMLValue(kind: .scalar(String($0).trimmingSpaces(), isPlain: true), place: value.place)
            }
        for item in items {
            guard let word = text(item, "with") else { continue }
            switch word.lowercased().replacing("_", with: "-") {
            case "indexes": wish.withIndexes = true
            case "foreign-keys": wish.withForeignKeys = true
            case "nothing" where items.count == 1: continue
            default:
                faults.add(
                    .configurationInvalid, at: item.place, "`with` takes indexes and foreign-keys, not `\(item.scalar ?? "")`",
                    hint: Nearest.name(to: word, among: ["indexes", "foreign-keys"]).map { "Did you mean `\($0)`?" })
            }
        }
    }

    private func pairs(_ value: YAMLValue, _ key: String, example: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for entry in mapping(value, key, example: example) ?? [] {
            guard let name = expand(entry.key, at: entry.place), let text = text(entry.value, entry.key) else { continue }
            pairs[name] = text
        }
        return pairs
    }

    private func columns(_ value: YAMLValue) -> [ColumnWish]? {
        var columns: [ColumnWish] = []
        var places: [Place] = []
        func add(_ name: String, _ value: YAMLValue?, _ place: Place) {
            guard let name = expand(name, at: place) else { return }
            var expression: String?
            if let value, !value.isNull {
                guard let sql = text(value, name, example: "upper(name)") else { return }
                expression = sql
            }
            columns.append(ColumnWish(name, expression: expression))
            places.append(place)
        }
        switch value.kind {
        case .scalar(let raw, _):
            guard let text = expand(raw, at: value.place) else { return nil }
            do { columns = try ColumnList(text).columns } catch {
                if let error = error as? ApusError { self.add(error, at: value.place) }
            }
            places = columns.map { _ in value.place }
        case .map(let entries): for entry in entries { add(entry.key, entry.value, entry.place) }
        case .list(let items):
            for item in items {
                if let name = item.scalar {
                    add(name, nil, item.place)
                } else if let entries = item.map {
                    for entry in entries { add(entry.key, entry.value, entry.place) }
                } else {
                    faults.add(
                        .configurationInvalid, at: item.place, "a column is a name or { name: expression }, not \(item.what)",
                        hint: "Write e.g. columns: [id, { name: upper(name) }].")
                }
            }
        case .null: return nil
        }
        for (index, column) in columns.enumerated() where columns[..<index].contains(where: { $0.name == column.name }) {
            faults.add(.configurationInvalid, at: places[index], "the column `\(column.name)` is wanted twice")
        }
        if columns.isEmpty {
            faults.add(.configurationInvalid, at: value.place, "`columns` is empty", hint: "Leave it out to have all of them.")
            return nil
        }
        return columns
    }
}
