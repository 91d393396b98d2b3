import ApusCore
import Tabular

/// Where the columns of a read come from: columns of the files by name, or constants.
struct ReadPlan {
    enum Origin: Hashable {
        case column(String)
        /// `'text'`, as SQL writes it.
        case constant([UInt8])
    }

    /// In batch order.
    var origins: [Origin]
    var schema: Schema

    /// - throws: `unsupported` for what only a database can do.
    init(_ read: Read) throws {
        guard case .table = read.relation else {
            throw ApusError(
                .unsupported, "files cannot answer a query", hint: "Name a table, or load the files into SQLite first.")
        }
        guard read.filters.isEmpty else {
            throw ApusError(
                .unsupported, "files cannot be filtered by a condition (`where`)",
                hint: "Load all rows and filter in the target, or load the files into SQLite first.")
        }
        schema = read.schema
        origins = try read.items.map { item in
            guard let expression = item.expression else { return .column(item.name) }
            return try ReadPlan.origin(expression, for: item.name)
        }
        guard origins.count == schema.count else {
            throw ApusError(.internalFault, "\(origins.count) columns are read, but \(schema.count) are described")
        }
    }

    static func origin(_ expression: String, for name: String) throws -> Origin {
        if expression.count >= 2, expression.hasPrefix("'"), expression.hasSuffix("'") {
            return .constant(Array(expression.dropFirst().dropLast().replacing("''", with: "'").utf8))
        }
        if expression.count >= 2, expression.hasPrefix("\""), expression.hasSuffix("\"") {
            return .column(String(expression.dropFirst().dropLast().replacing("\"\"", with: "\"")))
        }
        if expression.contains(where: { "()+*/|:".contains($0) }) {
            throw ApusError(
                .unsupported, "the column `\(name)` is an expression, which files cannot compute",
                hint: "Files know column names and constants such as 'text'.")
        }
        return .column(expression)
    }

    /// - throws: `object.not_found` with the nearest name.
    func place(of name: String, among names: [String], in label: String) throws -> Int {
        if let place = names.firstIndex(of: name) { return place }
        throw ApusError(
            .notFound, "\(label) has no column `\(name)`",
            hint: Nearest.hint(for: name, among: names) ?? "Say columns=… when the file has no header.")
    }
}

/// A source of rows in one file, for ``FileReader``.
protocol RowFile: AnyObject {
    /// Appends rows until the batch is full. False when the file has ended. Adds the rows it met to `rows`, rejected
    /// ones included.
    func fill(_ batch: Batch, rows: inout Int) throws -> Bool
}

/// Reads the files of one slice, one after another.
final class FileReader: Reader {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private var paths: ArraySlice<String>
    private let open: (String) throws -> any RowFile
    private var file: (any RowFile)?
    /// Rejected rows after which a batch is handed on, however few good ones it has.
    static let rejectedLimit = 256

    init(_ paths: [String], open: @escaping (String) throws -> any RowFile) {
        self.paths = paths[...]
        self.open = open
    }

    func read(into batch: Batch) throws -> Bool {
        batch.firstRow = rowsRead
        while true {
            if file == nil {
                guard let path = paths.popFirst() else { return false }
                file = try open(path)
            }
            if try file!.fill(batch, rows: &rowsRead) { return true }
            file = nil
        }
    }

    func close() {
        file = nil
        paths = []
    }
}
