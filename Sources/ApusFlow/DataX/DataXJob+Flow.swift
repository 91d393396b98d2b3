import ApusCore
import Tabular

/// A job as a flow.
extension DataXJob {
    /// A flow, and what the user should know about it.
    public struct Made: Sendable {
        public var flow: Flow
        public var notices: [String] = []
        /// Accepted and without a meaning here, for a debug line.
        public var ignored: [String] = []
    }

    /// - parameter choose: of several connections that a `jdbcUrl` list names, the position of the one to take: the
    ///   first that answers. Nothing else is opened.
    /// - throws: `config.*`, `unsupported`, and what `choose` throws.
    public func flow(
        _ connectors: [any Connector], choose: @escaping ([Flow.Connection]) throws -> Int = { _ in 0 }
    ) throws -> Made {
        var making = FlowMaking(job: self, connectors: connectors, choose: choose)
        let flow = try making.flow()
        return Made(flow: flow, notices: notices + making.notices, ignored: ignored + making.ignored)
    }
}

/// One making of a flow.
struct FlowMaking {
    let job: DataXJob
    let connectors: [any Connector]
    let choose: ([Flow.Connection]) throws -> Int
    var notices: [String] = []
    var ignored: [String] = []
    private var sources: [Flow.Connection] = []
    private var members: [TableWish.Member] = []

    init(job: DataXJob, connectors: [any Connector], choose: @escaping ([Flow.Connection]) throws -> Int) {
        self.job = job
        self.connectors = connectors
        self.choose = choose
    }

    mutating func flow() throws -> Flow {
        var wish = TableWish(.pattern("rows"))
        switch job.reader {
        case .relational(let reader): try read(reader, &wish)
        case .text(let reader): try read(reader, &wish)
        case .stream(let reader): try read(reader, &wish)
        }
        wish.positional = true
        wish.transforms = job.transforms
        let to: Flow.Connection
        var tables: [TableWish]
        switch job.writer {
        case .relational(let writer): (to, tables) = try write(writer, wish)
        case .text(let writer): (to, tables) = try write(writer, wish)
        case .stream(let writer): (to, tables) = try write(writer, wish)
        }
        // One member each where the writer has several tables.
        if tables.count > 1 {
            for index in tables.indices { tables[index].members = [members[index]] }
        } else {
            tables[0].members = members
        }
        var flow = Flow(from: sources[0], to: to)
        flow.others = Array(sources.dropFirst())
        flow.name = job.name
        flow.tables = tables
        flow.limits.badRows = job.badRows
        flow.limits.badPercent = job.badPercent
        flow.limits.rowsPerSecond = job.rowsPerSecond
        flow.limits.bytesPerSecond = job.bytesPerSecond
        flow.limits.channels = job.channels
        flow.limits.memory = job.memory
        if let attempts = job.attempts { flow.limits.attempts = attempts }
        return flow
    }

    // MARK: - Databases

    private mutating func connection(_ database: DataXJob.Database) throws -> Flow.Connection {
        var candidates: [Flow.Connection] = []
        for address in database.addresses {
            let (endpoint, left) = try address.endpoint(database, connectors)
            for name in left where !ignored.contains("jdbcUrl.\(name)") { ignored.append("jdbcUrl.\(name)") }
            candidates.append(Flow.Connection(endpoint, reference: endpoint.label))
        }
        return candidates.count == 1 ? candidates[0] : candidates[try choose(candidates)]
    }

    /// Position of a source; the same one is opened once.
    private mutating func source(_ connection: Flow.Connection) -> Int {
        if let known = sources.firstIndex(of: connection) { return known }
        sources.append(connection)
        return sources.count - 1
    }

    private mutating func read(_ reader: DataXJob.RelationalReader, _ wish: inout TableWish) throws {
        for source in reader.sources {
            var connection = try connection(source.database)
            if connection.endpoint.connector == "mysql", !writesMySQL, connection.endpoint.settings.given["zero_dates"] == nil {
                // What has no zero dates would refuse the row; to DataX they always were NULL.
                try connection.endpoint.settings.set("zero_dates", "null")
            }
            let number = self.source(connection)
            for (index, query) in source.queries.enumerated() {
                let label = reader.sources.count > 1 || source.queries.count > 1 ? "\(connection.endpoint.label), querySql[\(index)]" : nil
                members.append(.init(source: number, .query(query, as: "query"), label: label))
            }
            for table in source.tables { members.append(member(table, number, reader, connection.endpoint.label)) }
        }
        let tables = max(1, reader.taskCount)
        let pieces = (job.channels + tables - 1) / tables
        if reader.splitKey.isEmpty || pieces == 1 || reader.isQuery {
            wish.slices = 1
        } else {
            // DataX's split factor of 5, which it multiplies again with every connection.
            wish.slices = min(tables == 1 ? pieces * 5 : pieces, 100_000)
            wish.sliceBy = reader.splitKey
        }
    }

    private mutating func member(
        _ table: String, _ source: Int, _ reader: DataXJob.RelationalReader, _ label: String
    ) -> TableWish.Member {
        let columns = reader.columns ?? DataXColumns(["*"])
        let isPlain = columns.isStar || !columns.items.contains { $0.sql == "*" }
        guard let name = TableText(table), isPlain else {
            // Whatever else stands there is SQL of the source.
            if !reader.splitKey.isEmpty { notices.append("\(reader.plugin): `\(table)` is read whole; splitPk is left out") }
            let sql = "SELECT \(columns.sql) FROM \(table)" + (reader.filter.map { " WHERE (\($0)\n)" } ?? "")
            return .init(source: source, .query(sql, as: "query"), label: "\(label) \(table)")
        }
        var wishes: [ColumnWish]?
        if !columns.isStar {
            var taken: Set<String> = []
            wishes = columns.items.enumerated().map { index, item in
                let plain = DataXColumns.name(item.sql)
                var name = item.alias ?? plain ?? "column_\(index + 1)"
                while !taken.insert(name.lowercased()).inserted { name += "_" }
                return ColumnWish(name, expression: plain ?? item.sql)
            }
        }
        return .init(source: source, .pattern(name.pattern), filter: reader.filter, columns: wishes, label: "\(label) \(table)")
    }

    private var writesMySQL: Bool {
        guard case .relational(let writer) = job.writer else { return false }
        return writer.database.addresses.first?.scheme == "mysql"
    }

    private mutating func write(
        _ writer: DataXJob.RelationalWriter, _ wish: TableWish
    ) throws -> (Flow.Connection, [TableWish]) {
        let to = try connection(writer.database)
        let tables = try writer.tables.map { table in
            guard let name = TableText(table) else {
                throw ApusError(
                    .configurationInvalid, "\(writer.plugin): `\(table)` is no table's name",
                    hint: "Write a name such as orders or dw.orders; quotes may stand around each part.")
            }
            var wish = wish
            wish.subject = .pattern(name.pattern)
            wish.to = name.pattern
            wish.create = .require
            wish.targets = writer.columns
            wish.emptyIsNull = writer.emptyIsNull
            wish.before = writer.before.map { $0.replacing("@table", with: table) }
            wish.after = writer.after.map { $0.replacing("@table", with: table) }
            wish.mode = .append
            wish.isShared = true
            wish.rounds = true
            switch writer.mode {
            case .insert: break
            case .ignore:
                guard to.endpoint.connector == "mysql" else {
                    throw ApusError(
                        .unsupported, "\(writer.plugin).writeMode is `insert ignore`, which only MySQL knows",
                        hint: "Write `update`, which changes the row of the same key, or `insert`.")
                }
                wish.duplicates = .ignore
            case .replace, .update:
                if to.endpoint.connector == "mysql" {
                    wish.duplicates = writer.mode == .replace ? .replace : .update
                } else {
                    wish.mode = .upsert
                    wish.key = writer.key
                    wish.isShared = false
                }
            }
            return wish
        }
        return (to, tables)
    }

    // MARK: - Files

    private func endpoint(_ scheme: String, _ path: String, _ settings: [(String, String?)]) throws -> Flow.Connection {
        guard let connector = connectors.first(where: { $0.schemes.contains(scheme) }) else {
            throw ApusError(.unknownConnector, "there is no connector for `\(scheme):`")
        }
        var url = try ConnectionURL(parsing: "\(scheme):x")
        url.path = path
        var endpoint = try Endpoint(url, connector)
        for case (let name, let value?) in settings { try endpoint.settings.set(name, value) }
        return Flow.Connection(endpoint, reference: endpoint.label)
    }

    private func settings(_ format: DataXJob.TextFormat) -> [(String, String?)] {
        [
            ("separator", Self.escaped(format.separator)), ("quote", format.isQuoted ? format.quote : "none"),
            ("escape", format.isEscaped ? "backslash" : nil), ("encoding", format.encoding),
            ("compression", format.compression), ("null", format.null),
        ]
    }

    /// A separator as the option takes it.
    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 9: return "\\t"
            case UInt8(ascii: "\\"): return "\\\\"
            case 0..<32, 127...255: return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            default: return String(Unicode.Scalar(byte))
            }
        }.joined()
    }

    private mutating func read(_ reader: DataXJob.TextReader, _ wish: inout TableWish) throws {
        var settings = settings(reader.format)
        settings.append(("table", "rows"))
        var wishes: [ColumnWish]?
        settings.append(("header", reader.format.skipsHeader ? "true" : "false"))
        settings.append(("infer", "false"))
        if let columns = reader.columns {
            let width = (columns.compactMap(\.index).max() ?? 0) + 1
            settings.append(("columns", (1...width).map { "c\($0)" }.joined(separator: ",")))
            settings.append(("ragged", "cut"))
            var types: [Int: DataXJob.TextReader.Column] = [:]
            for column in columns {
                guard let index = column.index else { continue }
                if let other = types[index], other.kind != column.kind {
                    throw ApusError(
                        .unsupported, "txtfilereader: field \(index) is read as \(other.kind.rawValue) and as \(column.kind.rawValue)",
                        hint: "Read it once, or as string both times.")
                }
                types[index] = column
            }
            let declared = types.sorted { $0.key < $1.key }.compactMap { index, column in
                Self.type(column.kind).map { "c\(index + 1):\($0)" }
            }
            if !declared.isEmpty { settings.append(("types", declared.joined(separator: ","))) }
            let dates = types.sorted { $0.key < $1.key }.compactMap { index, column in
                column.kind == .date ? column.format.map { "c\(index + 1)=\($0)" } : nil
            }
            if !dates.isEmpty { settings.append(("date_format", dates.joined(separator: ";"))) }
            wishes = columns.enumerated().map { position, column in
                guard let index = column.index else {
                    let text = (column.value ?? "").replacing("'", with: "''")
                    return ColumnWish("constant_\(position + 1)", expression: "'\(text)'")
                }
                return ColumnWish("c\(index + 1)")
            }
        }
        for place in TextSource.places(reader.paths) {
            let number = source(try endpoint("csv", place, settings))
            members.append(.init(source: number, .pattern("rows"), columns: wishes, label: place))
        }
        wish.columns = wishes
    }

    /// Exact whatever its length; nil = text.
    private static func type(_ kind: DataXJob.Kind) -> String? {
        switch kind {
        case .string, .bytes: nil
        case .long: "decimal(38,0)"
        case .double: "decimal"
        case .boolean: "boolean"
        case .date: "timestamp"
        }
    }

    private func write(_ writer: DataXJob.TextWriter, _ wish: TableWish) throws -> (Flow.Connection, [TableWish]) {
        var settings = settings(writer.format)
        settings.append(("header", writer.header == nil ? "false" : "true"))
        settings.append(("date_format", writer.dateFormat))
        let to = try endpoint("csv", writer.target(), settings)
        var wish = wish
        wish.targets = writer.header
        wish.mode = .replace
        return (to, [wish])
    }

    // MARK: - Streams

    private mutating func read(_ reader: DataXJob.StreamReader, _ wish: inout TableWish) throws {
        let schema = reader.columns.enumerated().map { index, column in
            func quoted(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
            let name = "c\(index + 1)"
            switch (column.kind, column.value) {
            case (.long, .constant(let text)): return "\(name):\(Int64(text) == nil ? "decimal(38,0)" : "int64")=constant(\(quoted(text)))"
            case (.double, .constant(let text)): return "\(name):float64=constant(\(quoted(text)))"
            case (.boolean, .constant(let text)): return "\(name):boolean=constant(\(quoted(text)))"
            case (.date, .constant(let text)): return "\(name):timestamp=constant(\(quoted(text)))"
            case (_, .constant(let text)): return "\(name):text=constant(\(quoted(text)))"
            case (.long, .random(let low, let high)): return "\(name):int64=uniform(\(low),\(high))"
            case (.double, .random(let low, let high)): return "\(name):float64=range(\(low),\(high))"
            case (.boolean, .random): return "\(name):boolean"
            case (.date, .random(let low, let high)): return "\(name):timestamp(0)=between(\(quoted(low)),\(quoted(high)))"
            case (_, .random(let low, let high)): return "\(name):text=length(\(low),\(high))"
            }
        }
        let (rows, overflow) = reader.rows.multipliedReportingOverflow(by: job.channels)
        guard !overflow else { throw ApusError(.configurationInvalid, "streamreader.sliceRecordCount is too large") }
        let from = try endpoint("generator", "rows", [("rows", String(rows)), ("schema", schema.joined(separator: ","))])
        members.append(.init(source: source(from), .pattern("rows"), label: "streamreader"))
        wish.slices = job.channels
    }

    private func write(_ writer: DataXJob.StreamWriter, _ wish: TableWish) throws -> (Flow.Connection, [TableWish]) {
        guard writer.prints else { return (try endpoint("null", "", []), [wish]) }
        let to = try endpoint(
            "csv", "-",
            [
                ("separator", Self.escaped(writer.separator)), ("quote", "none"), ("escape", "none"), ("header", "false"),
                ("null", "null"),
            ])
        var wish = wish
        wish.mode = .append
        return (to, [wish])
    }
}

/// A table's name as a job writes it: `orders`, `dw.orders`, each part perhaps in quotes.
struct TableText {
    let parts: [String]

    /// Nil when it is something else, e.g. a name with an alias.
    init?(_ text: String) {
        var parts: [String] = [""]
        var quote: Character?
        for character in text {
            if let open = quote {
                if character == open { quote = nil }
            } else if "`\"".contains(character) {
                quote = character
            } else if character == "." {
                parts.append("")
                continue
            }
            parts[parts.count - 1].append(character)
        }
        let names = parts.compactMap {
            DataXColumns.name($0) ?? ($0.allSatisfy { $0.isLetter || $0.isNumber || "_$#".contains($0) } && !$0.isEmpty ? $0 : nil)
        }
        guard names.count == parts.count, (1...2).contains(names.count) else { return nil }
        self.parts = names
    }

    /// In quotes, so that no sign in it is one of a pattern.
    var pattern: String { parts.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: ".") }
}
