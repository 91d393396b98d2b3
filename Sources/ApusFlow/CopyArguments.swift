import ApusCore
import Tabular

/// What `apus copy` was asked, as it was typed: the command line's way to the same ``Flow`` that a flow file makes.
///
/// A nil or empty field says nothing. `{{ … }}` and `${…}` are filled in every text, as in a flow file.
public struct CopyArguments: Sendable {
    /// URLs or names.
    public var from: String
    public var to: String
    /// `--table`, each with one or more patterns parted by commas.
    public var tables: [String] = []
    /// `--exclude`: patterns parted by commas.
    public var exclude: [String] = []
    /// `--to`: the target's name, with `{table}` and `{schema}`.
    public var target: String?
    public var mode: String?
    public var create: String?
    /// `--where`.
    public var filter: String?
    /// `--columns`, see ``ColumnList``.
    public var columns: String?
    public var query: String?
    /// Columns parted by commas.
    public var key: String?
    public var sliceBy: String?
    public var slices: Int?
    public var watermark: String?
    public var gonePartitions: String?
    /// `indexes,foreign-keys`.
    public var with: String?
    public var before: [String] = []
    public var after: [String] = []
    /// A number or `unlimited`.
    public var badRows: String?
    public var rowsPerSecond: String?
    public var bytesPerSecond: String?
    public var channels: Int?
    public var memory: String?
    public var attempts: Int?
    public var strict = false
    public var snapshot = false
    public var createsSchemas = false
    /// `--set name=value`.
    public var given: [String: String] = [:]
    public var timeZone: String?

    public init(from: String, to: String) {
        self.from = from
        self.to = to
    }

    /// Builds the flow.
    /// - parameter now: seconds since 1970, UTC; nil = the clock.
    /// - throws: `config.…`, naming the option.
    public func flow(_ resolver: ConnectionResolver, now: Double? = nil) throws -> FlowFile {
        let parameters =
            try now.map { try Parameters(given: given, timeZone: timeZone, now: $0) }
            ?? Parameters(given: given, timeZone: timeZone)
        var used: Set<String> = ["day"]
        func template(_ text: String) throws -> Template {
            do throws(Template.Fault) {
                let template = try Template(text)
                used.formUnion(template.parameterNames)
                return try parameters.fill(template)
            } catch {
                throw error.error
            }
        }
        func expand(_ template: Template) throws -> String {
            do throws(Template.Fault) { return try resolver.variables.text(template) } catch { throw error.error }
        }
        func fill(_ text: String?, _ option: String) throws -> String? {
            try text.map { text in try about(option) { try expand(template(text)) } }
        }
        let ends = try [("source", from), ("target", to)].map { end, text in
            try about(end) { try resolver.resolve(filled: template(text)) }
        }
        var flow = Flow(from: ends[0].connection, to: ends[1].connection)

        var common = TableWish(.pattern("*"))
        common.mode = try choice(mode, "--mode")
        common.create = try choice(create, "--create")
        common.filter = try fill(filter, "--where")
        common.columns = try fill(columns, "--columns").map { text in try about("--columns") { try ColumnList(text).columns } }
        common.key = try names(key, "--key")
        common.sliceBy = try names(sliceBy, "--slice-by")
        common.slices = try slices.map { try within(1...100_000, $0, "--slices") }
        common.watermark = try fill(watermark, "--watermark")
        common.to = try fill(target, "--to")
        if let to = common.to { _ = try about("--to") { try TargetName(to) } }
        try readWith(&common)
        common.gonePartitions = try choice(gonePartitions, "--gone-partitions")
        if let watermark = common.watermark, watermark != PlannedTable.Watermark.partitions, let mode = common.mode,
            mode == .replace || mode == .truncate
        {
            throw Self.fault(
                "--watermark reads only new rows, and --mode \(mode.rawValue) would drop the others",
                hint: "Use --mode append, or --mode upsert with --key.")
        }

        let patterns = try tables.flatMap { ColumnList.split(try fill($0, "--table") ?? "") }
        if let query {
            guard patterns.count <= 1 else {
                throw Self.fault("--query stands for one table, and --table names several", hint: "Name the target with --to.")
            }
            guard let name = common.to ?? patterns.first else {
                throw Self.fault("--query needs the target table's name", hint: "Give it with --to.")
            }
            flow.tables = [TableWish(.query(try fill(query, "--query") ?? "", as: name))]
        } else {
            flow.tables = try patterns.map { pattern in
                _ = try about("--table") { try TablePattern(pattern) }
                return TableWish(.pattern(pattern))
            }
        }
        flow.defaults = common
        for pattern in try exclude.flatMap({ ColumnList.split(try fill($0, "--exclude") ?? "") }) {
            _ = try about("--exclude") { try TablePattern(pattern) }
            var wish = TableWish(.pattern(pattern))
            wish.skip = true
            flow.tables.append(wish)
        }
        flow.before = try before.map { try fill($0, "--before") ?? "" }
        flow.after = try after.map { try fill($0, "--after") ?? "" }
        for name in given.keys.sorted() where !used.contains(name) {
            throw Self.fault(
                "nothing here uses the parameter `\(name)` that --set gives", hint: Nearest.hint(for: name, among: used.sorted()))
        }
        flow.limits = try limits()
        flow.strict = strict
        flow.consistentSnapshot = snapshot
        flow.createsSchemas = createsSchemas
        if let timeZone { try about("--zone") { flow.state(zone: try Zone.named(timeZone)) } }
        var notices = ends[0].notices
        for notice in ends[1].notices where !notices.contains(notice) { notices.append(notice) }
        return FlowFile(flow: flow, notices: notices, parameters: parameters.shown)
    }

    /// The limits that were given, over others: for flags beside a flow file.
    public func limits(over base: Flow.Limits = Flow.Limits()) throws -> Flow.Limits {
        var limits = base
        if let badRows {
            limits.badRows = badRows == "unlimited" ? nil : try count(badRows, 0, "--bad-rows")
        }
        if let rowsPerSecond { limits.rowsPerSecond = try count(rowsPerSecond, 1, "--rows-per-second") }
        if let bytesPerSecond { limits.bytesPerSecond = try size(bytesPerSecond, "--bytes-per-second") }
        if let memory { limits.memory = try size(memory, "--memory") }
        if let channels { limits.channels = try within(1...256, channels, "--channels") }
        if let attempts { limits.attempts = try within(1...1000, attempts, "--attempts") }
        return limits
    }

    // MARK: - Checks

    private static func fault(_ message: String, hint: String? = nil) -> ApusError {
        ApusError(.configurationInvalid, message, hint: hint)
    }

    private func about<Value>(_ option: String, _ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as ApusError { throw error.about(option) }
    }

    private func choice<Choice: RawRepresentable<String> & CaseIterable>(_ text: String?, _ option: String) throws -> Choice? {
        guard let text else { return nil }
        if let choice = Choice(rawValue: text.lowercased()) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        throw Self.fault(
            "\(option) is one of \(names.joined(separator: ", ")), not `\(text)`",
            hint: Nearest.name(to: text, among: names).map { "Did you mean `\($0)`?" })
    }

    private func names(_ text: String?, _ option: String) throws -> [String]? {
        guard let text else { return nil }
        let list = try about(option) { try ColumnList(text) }.columns
        if list.contains(where: { $0.expression != nil }) { throw Self.fault("\(option) takes names of columns only") }
        return list.map(\.name)
    }

    private func within(_ range: ClosedRange<Int>, _ number: Int, _ option: String) throws -> Int {
        guard range.contains(number) else {
            throw Self.fault("\(option) is a number \(range.lowerBound)…\(range.upperBound), not \(number)")
        }
        return number
    }

    private func count(_ text: String, _ least: Int, _ option: String) throws -> Int {
        guard let number = Quantity.count(text), number >= least else {
            throw Self.fault("\(option) is a whole number from \(least) such as 50_000 or 50k, not `\(text)`")
        }
        return number
    }

    private func size(_ text: String, _ option: String) throws -> Int {
        guard let octets = Quantity.bytes(text), octets > 0 else {
            throw Self.fault("\(option) is a size such as 64MiB or 10m, not `\(text)`")
        }
        return octets
    }

    private func readWith(_ wish: inout TableWish) throws {
        guard let with else { return }
        wish.withIndexes = false
        wish.withForeignKeys = false
        for word in ColumnList.split(with) {
            switch word.lowercased().replacing("_", with: "-") {
            case "indexes": wish.withIndexes = true
            case "foreign-keys": wish.withForeignKeys = true
            case "nothing": continue
            default:
                throw Self.fault(
                    "--with takes indexes and foreign-keys, not `\(word)`",
                    hint: Nearest.name(to: word, among: ["indexes", "foreign-keys"]).map { "Did you mean `\($0)`?" })
            }
        }
    }
}
