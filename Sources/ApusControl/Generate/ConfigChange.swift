import ApusCore

/// Something that a config row, its source and its target do not agree on any more.
public struct ConfigChange: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        case newTable = "table.new"
        case goneTable = "table.gone"
        case newColumn = "column.new"
        case goneColumn = "column.gone"
        case changedColumn = "column.changed"
        /// In the source when the row was first looked at, and not in its list.
        case unlistedColumn = "column.unlisted"
        /// The row's own text is no column list, or the source refuses it.
        case invalidRow = "row.invalid"
        case goneTarget = "target.gone"
        case goneTargetColumn = "target.column_gone"
        /// A target column that takes no NULL, has no default and is given nothing.
        case unfedTargetColumn = "target.column_unfed"
        case narrowTargetColumn = "target.lossy"
    }

    public var kind: Kind
    /// As the config row names it.
    public var table: String
    public var column: String?
    /// What changed, in words.
    public var detail: String

    public init(_ kind: Kind, _ table: String, column: String? = nil, _ detail: String) {
        self.kind = kind
        self.table = table
        self.column = column
        self.detail = detail
    }
}
