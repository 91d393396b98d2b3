/// One column of a batch.
public struct Column: Hashable, Sendable, Codable {
    public var name: String
    public var type: ColumnType
    public var nullable: Bool

    public init(_ name: String, _ type: ColumnType, nullable: Bool = true) {
        self.name = name
        self.type = type
        self.nullable = nullable
    }
}

/// The columns of a batch, in order.
public struct Schema: Hashable, Sendable, Codable {
    public var columns: [Column]

    public init(_ columns: [Column]) { self.columns = columns }

    public var names: [String] { columns.map(\.name) }
    public var types: [ColumnType] { columns.map(\.type) }
    public var count: Int { columns.count }
    public subscript(index: Int) -> Column { columns[index] }

    /// The position of the column of exactly that name.
    public func index(of name: String) -> Int? { columns.firstIndex { $0.name == name } }
}
