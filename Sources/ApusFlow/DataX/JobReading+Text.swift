import ApusCore
import Tabular

/// `txtfilereader`, `txtfilewriter`, `streamreader`, `streamwriter`.
extension JobReading {
    func textReader(_ value: JobValue) -> DataXJob.TextReader? {
        let plugin = "txtfilereader"
        check(
            value,
            [
                "path", "column", "fieldDelimiter", "encoding", "compress", "nullFormat", "skipHeader", "fileFormat", "csvReaderConfig",
            ], ignored: ["maxTraversalLevel", "bufferSize"], in: plugin)
        let paths = (texts(value["path"], "\(plugin).path") ?? []).map { $0.trimmingSpaces() }.filter { !$0.isEmpty }
        if paths.isEmpty {
            fault("\(plugin) has no `path`: 您需要指定待读取的源目录或文件", hint: "Write a file, a folder or a pattern such as /data/*.csv.")
        }
        var reader = DataXJob.TextReader(paths: paths)
        reader.format = textFormat(value, plugin)
        reader.format.skipsHeader = boolean(value["skipHeader"], "\(plugin).skipHeader") ?? false
        // Without a word on it, the documented `\N`: an empty text stays an empty text.
        if reader.format.null == nil { reader.format.null = "\\N" }
        readerConfig(value["csvReaderConfig"], &reader.format, "\(plugin).csvReaderConfig")
        // No column, or none in the list, is every field as text too.
        guard let list = value["column"], list.texts != ["*"], list.elements?.isEmpty != true else { return reader }
        var columns: [DataXJob.TextReader.Column] = []
        for (number, element) in (list.elements ?? []).enumerated() {
            let key = "\(plugin).column[\(number)]"
            check(element, ["index", "type", "value", "format"], ignored: ["name"], in: key)
            let kind = kind(element["type"], key)
            let index = integer(element["index"], "\(key).index")
            let constant = element["value"].flatMap { text($0, "\(key).value") }
            if (index == nil) == (constant == nil) {
                fault("\(key) should have either `index` or `value`", hint: "由于您配置了type, 则至少需要配置 index 或 value")
            }
            if let index, !(0..<10_000).contains(index) { fault("\(key).index should be 0 or more, and is \(index)") }
            columns.append(.init(index: index, value: constant, kind: kind, format: text(element["format"], "\(key).format")))
        }
        if columns.isEmpty { fault("\(plugin).column names no column") }
        reader.columns = columns
        return reader
    }

    /// Settings of javacsv, which DataX hands through.
    private func readerConfig(_ config: JobValue?, _ format: inout DataXJob.TextFormat, _ key: String) {
        check(
            config, ["useTextQualifier", "textQualifier", "escapeMode"], ignored: ["safetySwitch", "skipEmptyRecords", "trimWhitespace"],
            in: key)
        if let quoted = boolean(config?["useTextQualifier"], "\(key).useTextQualifier") { format.isQuoted = quoted }
        if let quote = text(config?["textQualifier"], "\(key).textQualifier"), !quote.isEmpty {
            if quote.utf8.count == 1 { format.quote = quote } else { fault("\(key).textQualifier should be one ASCII character") }
        }
        switch integer(config?["escapeMode"], "\(key).escapeMode") {
        case nil, 1: break
        case 2: format.isEscaped = true
        case let mode?: fault("\(key).escapeMode is \(mode)", hint: "There are 1, doubled quotes, and 2, backslashes.")
        }
    }

    func textWriter(_ value: JobValue) -> DataXJob.TextWriter? {
        let plugin = "txtfilewriter"
        check(
            value,
            [
                "path", "fileName", "writeMode", "fieldDelimiter", "encoding", "compress", "nullFormat", "header", "fileFormat",
                "dateFormat", "format", "suffix",
            ], ignored: ["csvWriterConfig", "maxFileSize"], in: plugin)
        guard let folder = text(value["path"], "\(plugin).path")?.trimmingSpaces(), !folder.isEmpty,
            let prefix = text(value["fileName"], "\(plugin).fileName")?.trimmingSpaces(), !prefix.isEmpty
        else {
            fault("\(plugin) needs `path` and `fileName`")
            return nil
        }
        if prefix.contains("/") { fault("\(plugin).fileName should be a name without `/`") }
        var writer = DataXJob.TextWriter(folder: folder, prefix: prefix)
        writer.format = textFormat(value, plugin)
        if writer.format.null == nil { writer.format.null = "\\N" }
        if let word = text(value["fileFormat"], "\(plugin).fileFormat")?.lowercased(), word == "csv" {
            writer.format.isQuoted = true
        } else {
            writer.format.isQuoted = false
        }
        writer.suffix = text(value["suffix"], "\(plugin).suffix") ?? ""
        writer.header = texts(value["header"], "\(plugin).header")
        writer.dateFormat = text(value["dateFormat"], "\(plugin).dateFormat") ?? text(value["format"], "\(plugin).format")
        let word = text(value["writeMode"], "\(plugin).writeMode")?.trimmingSpaces() ?? ""
        if let mode = DataXJob.TextWriter.Mode(rawValue: word) {
            writer.mode = mode
        } else {
            fault(
                word.isEmpty ? "\(plugin) has no `writeMode`" : "\(plugin).writeMode is `\(word.prefix(40))`",
                hint: "There are truncate, append and nonConflict.")
        }
        return writer
    }

    private func textFormat(_ value: JobValue, _ plugin: String) -> DataXJob.TextFormat {
        var format = DataXJob.TextFormat()
        if let separator = text(value["fieldDelimiter"], "\(plugin).fieldDelimiter") {
            if separator.isEmpty { fault("\(plugin).fieldDelimiter is empty") } else { format.separator = separator }
        }
        if let encoding = text(value["encoding"], "\(plugin).encoding")?.trimmingSpaces(), !encoding.isEmpty {
            format.encoding = encoding.lowercased()
        }
        if let word = text(value["compress"], "\(plugin).compress")?.trimmingSpaces().lowercased(), !word.isEmpty, word != "none" {
            if ["gzip", "zstd", "gz"].contains(word) {
                format.compression = word == "gz" ? "gzip" : word
            } else {
                fault(.unsupported, "\(plugin).compress is `\(word.prefix(40))`", hint: "There are gzip and zstd; unpack others first.")
            }
        }
        format.null = text(value["nullFormat"], "\(plugin).nullFormat")
        if let word = text(value["fileFormat"], "\(plugin).fileFormat")?.trimmingSpaces().lowercased(), !["text", "csv", ""].contains(word)
        {
            fault(.unsupported, "\(plugin).fileFormat is `\(word.prefix(40))`", hint: "There are text and csv.")
        }
        return format
    }

    private func kind(_ value: JobValue?, _ key: String) -> DataXJob.Kind {
        let word = text(value, "\(key).type")?.trimmingSpaces().lowercased() ?? "string"
        if let kind = DataXJob.Kind(rawValue: ["bool": "boolean", "int": "long", "float": "double"][word] ?? word) { return kind }
        fault(
            "\(key).type is `\(word.prefix(40))`",
            hint: "There are \(DataXJob.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
        return .string
    }

    // MARK: - Stream

    func streamReader(_ value: JobValue) -> DataXJob.StreamReader? {
        let plugin = "streamreader"
        check(value, ["column", "sliceRecordCount"], in: plugin)
        let rows = integer(value["sliceRecordCount"], "\(plugin).sliceRecordCount") ?? 0
        if rows < 1 {
            fault("\(plugin).sliceRecordCount should be 1 or more")
            return nil
        }
        var columns: [DataXJob.StreamReader.Column] = []
        for (number, element) in (value["column"]?.elements ?? []).enumerated() {
            let key = "\(plugin).column[\(number)]"
            check(element, ["type", "value", "random", "dateFormat"], in: key)
            let kind = kind(element["type"], key)
            if let random = text(element["random"], "\(key).random") {
                let ends = random.split(separator: ",").map { String($0).trimmingSpaces() }
                if ends.count == 2, let made = randomValue(ends, kind, text(element["dateFormat"], key)) {
                    columns.append(.init(kind: kind, value: made))
                } else {
                    fault("\(key).random should be two bounds such as \"0,10\"")
                }
            } else if let constant = text(element["value"], "\(key).value") {
                columns.append(.init(kind: kind, value: .constant(isoDate(constant, kind, text(element["dateFormat"], key), key))))
            } else {
                fault("\(key) should have `value` or `random`")
            }
        }
        if columns.isEmpty { fault("\(plugin) has no `column`") }
        return DataXJob.StreamReader(rows: rows, columns: columns)
    }

    private func randomValue(_ ends: [String], _ kind: DataXJob.Kind, _ format: String?) -> DataXJob.StreamReader.Value? {
        if kind == .date {
            let low = isoDate(ends[0], kind, format, "random"), high = isoDate(ends[1], kind, format, "random")
            return low <= high ? .random(low, high) : nil
        }
        if kind == .double {
            guard let low = Double(ends[0]), let high = Double(ends[1]), low <= high else { return nil }
            return .random(ends[0], ends[1])
        }
        guard let low = Int(ends[0]), let high = Int(ends[1]), low <= high, kind == .long || low >= 0 else { return nil }
        if kind == .string || kind == .bytes, high > 1_000_000 { return nil }
        return .random(ends[0], ends[1])
    }

    /// A date in the form that everything here reads; one that does not fit its format is a fault.
    private func isoDate(_ text: String, _ kind: DataXJob.Kind, _ format: String?, _ key: String) -> String {
        guard kind == .date else { return text }
        let patterns = format.map { [$0] } ?? ["yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd"]
        for pattern in patterns {
            guard let made = DatePattern(pattern) else {
                fault("`\(key)`: `\(pattern)` is no date format", hint: "Write e.g. yyyy-MM-dd HH:mm:ss.")
                return text
            }
            guard let moment = made.microseconds(text) else { continue }
            var iso = ByteBuffer(capacity: 32)
            iso.append(timestamp: moment)
            return iso.string
        }
        fault("`\(key)`: a date does not fit its format `\(format ?? "yyyy-MM-dd HH:mm:ss")`")
        return text
    }

    func streamWriter(_ value: JobValue) -> DataXJob.StreamWriter? {
        let plugin = "streamwriter"
        check(
            value, ["print", "fieldDelimiter"], ignored: ["encoding", "recordNumBeforeSleep", "sleepTime", "path", "fileName"],
            in: plugin)
        var writer = DataXJob.StreamWriter()
        writer.prints = boolean(value["print"], "\(plugin).print") ?? true
        if let separator = text(value["fieldDelimiter"], "\(plugin).fieldDelimiter"), !separator.isEmpty { writer.separator = separator }
        for key in ["path", "fileName"] where value[key] != nil {
            notice("\(plugin): `\(key)` is left out; txtfilewriter writes files")
        }
        return writer
    }
}
