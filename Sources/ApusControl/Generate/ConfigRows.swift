import ApusCore
import Tabular

/// Config rows made of a source's catalogue, each with the reasons for what was chosen.
public struct ConfigRows {
    public struct Proposal: Sendable, Hashable {
        public var row: ControlRow
        public var shape: TableShape
        public var watermark: WatermarkProposal
        public var split: SplitProposal
    }

    let wish: GenerateWish
    let names: ColumnName
    /// The connection's own schema: what `{schema}` is for a table without one, and what rows leave out.
    let own: String?
    /// Rows name the schema, also the own one.
    let isQualified: Bool
    let holdsNull: (_ table: TableShape, _ column: String) throws -> Bool?

    /// - parameter holdsNull: asks the source whether a column holds a NULL; nil = nobody may ask.
    public init(
        _ wish: GenerateWish, dialect: any Dialect, own: String?, isQualified: Bool = false,
        holdsNull: @escaping (TableShape, String) throws -> Bool? = { _, _ in nil }
    ) {
        self.wish = wish
        self.isQualified = isQualified
        names = ColumnName(dialect: dialect)
        self.own = own
        self.holdsNull = holdsNull
    }

    /// In the order in which they are to be run. `from` is the ordernum behind which the first one comes: thousandths
    /// are counted up, so that all stay in few integers.
    public func propose(_ shapes: [TableShape], after from: Double = 1) throws -> [Proposal] {
        let start = Int((from * 1000).rounded())
        return try ordered(shapes).enumerated().map { number, shape in
            var proposal = try propose(shape)
            proposal.row.order = Double(start + number + 1) / 1000
            return proposal
        }
    }

    private func propose(_ shape: TableShape) throws -> Proposal {
        let watermark = try WatermarkProposal(shape, fullBelow: wish.fullBelow, replaced: replaced) { try holdsNull(shape, $0) }
        let split = SplitProposal(shape)
        let name = isQualified || shape.name.schema != own ? shape.name : TableName(shape.name.name)
        var row = ControlRow(Self.tableName(name), to: Self.tableName(try wish.target.fill(shape.name, own: own)))
        row.type = wish.type
        row.jobID = wish.jobID
        row.splitKey = split.column.map { $0.contains(".") ? names.text($0) : $0 } ?? ""
        row.relation = wish.relation
        row.sourceColumns = columnList(shape)
        row.serverType = wish.serverType
        row.status = wish.status
        if let column = watermark.column, !wish.alwaysFull {
            row.etlType = ControlRow.Increment.day.rawValue
            row.etlColumn = names.text(column)
        }
        row.note = note(shape, watermark, split)
        return Proposal(row: row, shape: shape, watermark: watermark, split: split)
    }

    /// `1.001`.
    public static func orderText(_ row: ControlRow) -> String { Thousandths.text(row.order) }

    /// As a user writes it: quoted only where it has to be.
    static func tableName(_ name: TableName) -> String {
        func part(_ text: String) -> String {
            let isPlain = text.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || $0.properties.numericType != nil || "_$#-".unicodeScalars.contains($0)
            }
            return isPlain ? text : "\"\(text.replacing("\"", with: "\"\""))\""
        }
        return (name.schema.map { part($0) + "." } ?? "") + part(name.name)
    }

    /// Every column that can be written, in ordinal order, replaced where asked, and the constants behind.
    public func columnList(_ shape: TableShape) -> String {
        let constants = wish.constants.map { "\($0.expression) as \(names.text($0.column))" }
        return (columns(shape).map { item($0.name) } + constants).joined(separator: ",")
    }

    /// A column as it stands in the list.
    func item(_ column: String) -> String {
        guard let expression = replacement(column) else { return names.text(column) }
        return "\(expression) as \(names.text(column))"
    }

    /// The columns that a list holds: not those that the target would compute itself, nor those that a constant stands for.
    func columns(_ shape: TableShape) -> [ColumnShape] {
        shape.columns.filter { column in
            !column.generated && !wish.constants.contains { $0.column.lowercased() == column.name.lowercased() }
        }
    }

    private var replaced: Set<String> {
        Set((wish.replacements.map(\.column) + wish.constants.map(\.column)).map { $0.lowercased() })
    }

    private func replacement(_ column: String) -> String? {
        wish.replacements.first { $0.column.lowercased() == column.lowercased() }?.expression
    }

    /// The replacements that no table has a column for.
    public func unused(in shapes: [TableShape]) -> [String] {
        let present = Set(shapes.lazy.flatMap { $0.columns.lazy.map { $0.name.lowercased() } })
        return wish.replacements.map(\.column).filter { !present.contains($0.lowercased()) }
    }

    private func ordered(_ shapes: [TableShape]) -> [TableShape] {
        func size(_ shape: TableShape) -> Int { shape.bytes ?? (shape.rows ?? 0) * 100 }
        func name(_ shape: TableShape) -> String { shape.name.description }
        return shapes.sorted { a, b in
            switch wish.order {
            case .large: (-size(a), name(a)) < (-size(b), name(b))
            case .small: (size(a), name(a)) < (size(b), name(b))
            case .name: name(a) < name(b)
            }
        }
    }

    /// At most 255 characters, which the column holds.
    private func note(_ shape: TableShape, _ watermark: WatermarkProposal, _ split: SplitProposal) -> String {
        let load =
            watermark.column == nil
            ? "full: \(watermark.reason)" : (wish.alwaysFull ? "full as asked; could be by day: " : "by day: ") + watermark.reason
        let text = "\(load); split: \(split.reason)"
        return text.count > 255 ? text.prefix(254) + "…" : text
    }
}
