import ApusCore
import Tabular

/// What tells CSV from JSON Lines behind the same plumbing.
protocol FileFormat {
    /// The connector's name.
    var name: String { get }
    /// Name endings without the dot, the preferred one first.
    var endings: [String] { get }
    var options: FileOptions { get }
    /// Values may be JSON of their own.
    var hasJSON: Bool { get }
    /// Column names and types of one file, from its first rows.
    func sample(_ path: String, _ interrupt: Interrupt) throws -> FileSample
    func open(_ path: String, _ plan: ReadPlan, known: [String], _ interrupt: Interrupt) throws -> any RowFile
    /// The columns that a file which rows are appended to has; nil when it names none.
    func existingColumns(_ path: String, _ interrupt: Interrupt) throws -> [String]?
    func encoder(_ columns: [Column]) -> any RowEncoder
}

/// What the first rows of a file say.
struct FileSample {
    /// In order of appearance.
    var names: [String]
    var types: [ColumnType]
    /// Columns with values that are not bytes in the form that the option `binary` says.
    var texts: Set<String> = []
    var rows = 0
    /// Octets of these rows.
    var bytes = 0
}

/// Writes rows as text.
protocol RowEncoder: AnyObject {
    /// What every file begins with, e.g. a header.
    func prefix(into buffer: inout ByteBuffer)
    /// Writes rows of a batch. A row that cannot be written leaves nothing in the buffer.
    func encode(_ batch: Batch, _ rows: Range<Int>, into buffer: inout ByteBuffer, rejected: inout [RejectedRow])
}
