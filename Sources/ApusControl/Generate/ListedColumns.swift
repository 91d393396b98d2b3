import ApusCore

/// A row's column list, beside the columns that its source table has.
struct ListedColumns {
    let list: SelectList
    /// Every name that stands in the list, in lower case: columns within expressions and aliases too.
    private let words: Set<String>
    /// Whether the row reads from its table alone: its relation is nothing or an alias.
    let isAlone: Bool

    /// - throws: `config.invalid`.
    init(_ row: ControlRow) throws {
        list = try SelectList(row.sourceColumns)
        words = Set(try SQLScan(row.sourceColumns).tokens.lazy.filter(\.isName).map { $0.name.lowercased() })
        isAlone = row.relation.split(whereSeparator: \.isWhitespace).filter { $0.lowercased() != "as" }.count <= 1
    }

    /// Why a row's list cannot be read.
    static func fault(_ row: ControlRow, _ error: any Error) -> ConfigChange {
        ConfigChange(.invalidRow, row.sourceTable, "src_table_column: \((error as? ApusError)?.message ?? "\(error)")")
    }

    func mentions(_ column: String) -> Bool { list.isStar || words.contains(column.lowercased()) }

    /// The columns that the list takes as they are and the table does not have; none where other tables are joined.
    func missing(in shape: TableShape) -> [String] {
        guard isAlone, !list.isStar else { return [] }
        let present = Set(shape.columns.lazy.map { $0.name.lowercased() })
        return list.items.filter(\.isColumn).compactMap { Self.column($0) }.filter { !present.contains($0.lowercased()) }
    }

    /// The column's own name, without table and quotes.
    static func column(_ item: SelectList.Item) -> String? {
        guard item.isColumn, let tokens = try? SQLScan(item.expression).tokens else { return nil }
        return tokens.last { $0.isName }?.name
    }

    /// Whether the list is more than columns, so that only the source can say whether it is right.
    var hasExpressions: Bool { !isAlone || list.items.contains { !$0.isColumn && $0.expression != "*" } }
}
