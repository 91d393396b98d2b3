import ApusCore

/// Scalars of a flow file: expanded, checked, with the place of every mistake.
extension FlowReading {
    func place(_ place: Place) -> String { "\(file):\(place)" }

    func checkKeys(_ entries: [YAMLValue.Entry], _ known: [String], in what: String) {
        for entry in entries where !known.contains(entry.key) {
            let synonyms = Self.synonyms.filter { known.contains($0.value) }
            let meant =
                synonyms[entry.key.lowercased()] ?? Nearest.name(to: entry.key, among: known)
                ?? Nearest.name(to: entry.key, among: synonyms.keys.sorted()).flatMap { synonyms[$0] }
            let hint = meant.map { "Did you mean `\($0)`?" } ?? Nearest.hint(for: entry.key, among: known)
            faults.add(.unknownKey, at: entry.place, "unknown key `\(entry.key)` in \(what)", hint: hint)
        }
    }

    /// What other tools call it.
    private static let synonyms = [
        "source": "from", "src": "from", "reader": "from", "target": "to", "sink": "to", "destination": "to", "writer": "to",
        "streams": "tables", "table": "tables", "object": "to", "update_key": "watermark", "cursor": "watermark",
        "primary_key": "key", "primarykey": "key", "pk": "key", "keys": "key", "filter": "where", "condition": "where",
        "select": "columns", "column": "columns", "split_by": "slice_by", "splitpk": "slice_by", "presql": "before",
        "pre_sql": "before", "postsql": "after", "post_sql": "after", "sql": "query", "querysql": "query",
        "write_mode": "mode", "writemode": "mode", "channel": "channels", "threads": "channels", "workers": "channels",
        "parallel": "channels", "speed": "limits", "errorlimit": "limits", "settings": "limits", "setting": "limits",
        "params": "parameters", "vars": "parameters", "env": "parameters", "tz": "zone", "time_zone": "zone",
        "retries": "attempts", "record": "bad_rows", "errors": "bad_rows", "mapping": "rename", "map": "rename",
        "enabled": "skip", "disabled": "skip", "ignore": "exclude", "include": "tables",
    ]

    func mapping(_ value: YAMLValue, _ key: String, example: String) -> [YAMLValue.Entry]? {
        if let map = value.map { return map }
        if value.isNull { return [] }
        faults.add(
            .configurationInvalid, at: value.place, "`\(key)` is a mapping, not \(value.what)", hint: "Write e.g. \(key): \(example).")
        return nil
    }

    // MARK: - Text

    /// Takes a text apart and fills parameters in; variables are left.
    func template(_ raw: String, at place: Place) -> Template? {
        do throws(Template.Fault) {
            let template = try Template(raw)
            used.formUnion(template.parameterNames)
            return try parameters?.fill(template) ?? template
        } catch {
            add(error, at: place)
            return nil
        }
    }

    func expand(_ raw: String, at place: Place) -> String? {
        guard let template = template(raw, at: place) else { return nil }
        do throws(Template.Fault) {
            return try reader.resolver.variables.text(template)
        } catch {
            add(error, at: place)
            return nil
        }
    }

    func add(_ fault: Template.Fault, at place: Place) {
        add(fault.error, at: faults.source.find(fault.token, from: place))
    }

    func add(_ error: ApusError, at place: Place) {
        let message = (error.context.map { "\($0): " } ?? "") + error.message
        faults.add(error.code, at: place, message, hint: error.hint)
    }

    func text(_ value: YAMLValue, _ key: String, example: String? = nil) -> String? {
        guard let raw = value.scalar else {
            faults.add(
                .configurationInvalid, at: value.place, "`\(key)` is a text, not \(value.what)",
                hint: example.map { "Write e.g. \(key): \($0)." })
            return nil
        }
        return expand(raw, at: value.place)
    }

    /// One text or a list of them.
    func texts(_ value: YAMLValue, _ key: String) -> [String] {
        switch value.kind {
        case .null: return []
        case .list(let items): return items.compactMap { text($0, key) }
        default: return text(value, key).map { [$0] } ?? []
        }
    }

    /// Names in a list, or in one text with commas.
    func names(_ value: YAMLValue, _ key: String) -> [String]? {
        if value.scalar == nil, value.list == nil {
            faults.add(
                .configurationInvalid, at: value.place, "`\(key)` is a list of columns, not \(value.what)",
                hint: "Write e.g. \(key): [id, region].")
            return nil
        }
        if value.list != nil { return texts(value, key) }
        guard let text = text(value, key) else { return nil }
        let names = ColumnList.split(text)
        if names.isEmpty || names.contains("") {
            faults.add(.configurationInvalid, at: value.place, "`\(key)` has an empty name", hint: "Write e.g. \(key): [id, region].")
            return nil
        }
        return names
    }

    // MARK: - Others

    /// What the value looks like for a message: as written, never expanded.
    private func shown(_ value: YAMLValue) -> String {
        switch value.kind {
        case .scalar(let raw, _): raw.count > 60 ? "`\(raw.prefix(60))…`" : "`\(raw)`"
        default: value.what
        }
    }

    func boolean(_ value: YAMLValue, _ key: String) -> Bool? {
        if let raw = value.scalar {
            guard let text = expand(raw, at: value.place) else { return nil }
            if !["0", "1"].contains(text), let boolean = Quantity.boolean(text) { return boolean }
        }
        faults.add(.configurationInvalid, at: value.place, "`\(key)` is true or false, not \(shown(value))")
        return nil
    }

    func count(_ value: YAMLValue, _ key: String, _ range: ClosedRange<Int>, or word: String? = nil) -> Int? {
        let upper = range.upperBound == Int.max ? "" : "…\(range.upperBound)"
        if let raw = value.scalar {
            guard let text = expand(raw, at: value.place) else { return nil }
            if text.count <= 18, let number = text.last?.isNumber ?? false ? Quantity.count(text) : exactCount(text), range.contains(number)
            {
                return number
            }
        }
        let example = range.upperBound == Int.max ? " such as 50_000 or 50k" : ""
        faults.add(
            .configurationInvalid, at: value.place,
            "`\(key)` is a whole number\(upper.isEmpty ? " from \(range.lowerBound)" : ", \(range.lowerBound)\(upper)")\(example)"
                + (word.map { " or `\($0)`" } ?? "") + ", not \(shown(value))")
        return nil
    }

    /// `50k`; a product that is not whole or too large is none.
    private func exactCount(_ text: String) -> Int? {
        guard let digits = Double(text.dropLast().replacing("_", with: "")), digits >= 0, digits < 1e9 else { return nil }
        return Quantity.count(text)
    }

    func bytes(_ value: YAMLValue, _ key: String) -> Int? {
        if let raw = value.scalar {
            guard let text = expand(raw, at: value.place) else { return nil }
            if let octets = Quantity.bytes(text), octets > 0 { return octets }
        }
        faults.add(.configurationInvalid, at: value.place, "`\(key)` is a size such as 64MiB or 10m, not \(shown(value))")
        return nil
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ value: YAMLValue, _ key: String, _: Choice.Type) -> Choice? {
        let names = Choice.allCases.map(\.rawValue)
        var hint: String?
        if let raw = value.scalar {
            guard let text = expand(raw, at: value.place) else { return nil }
            if let choice = Choice(rawValue: text.lowercased()) { return choice }
            hint = Nearest.name(to: raw, among: names).map { "Did you mean `\($0)`?" }
        }
        faults.add(
            .configurationInvalid, at: value.place, "`\(key)` is one of \(names.joined(separator: ", ")), not \(shown(value))", hint: hint)
        return nil
    }
}
