import ApusCore
import Tabular

/// One opened place of files. There is no connection: every call looks at the files as they are.
final class FilesSession {
    let interrupt: Interrupt
    let endpoint: Endpoint
    let location: FileLocation
    let format: any FileFormat
    var options: FileOptions { format.options }
    /// Locks that this session holds, by path.
    var locks: [[UInt8]: FileLock] = [:]
    private var shapes: [[UInt8]: TableShape] = [:]
    /// See ``FileSample/texts``, by table.
    private var texts: [[UInt8]: Set<String>] = [:]

    init(_ endpoint: Endpoint, format: any FileFormat, interrupt: Interrupt) throws {
        self.endpoint = endpoint
        self.format = format
        self.interrupt = interrupt
        location = FileLocation(endpoint)
        if let encoding = format.options.encoding {
            // Found out now, before anything is read or made.
            _ = try DecodedInput(EmptyInput(), encoding: encoding, label: endpoint.label)
        }
    }
}

/// A stream of nothing.
private final class EmptyInput: ByteInput {
    let position = 0
    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int { 0 }
}

extension FilesSession: Session {
    var banner: String { format.name == "csv" ? "CSV files" : "JSON Lines files" }

    func close() {
        for lock in locks.values { lock.release() }
        locks = [:]
    }

    func tables(schema: String?) throws -> [TableSummary] {
        try location.tables(endings: format.endings, named: options.table).map {
            TableSummary(name: TableName($0.name), kind: .file, bytes: $0.bytes)
        }
    }

    func describe(_ table: TableName) throws -> TableShape {
        if let shape = shapes[Array(table.name.utf8)] { return shape }
        let files = try location.files(of: table.name, endings: format.endings, named: options.table)
        let shape = try describe(files)
        shapes[Array(table.name.utf8)] = shape
        return shape
    }

    /// Files of a table that are looked at for its columns; the others must have no further ones.
    private static let sampledFiles = 20

    /// Whether the sample has values of the column that are not bytes as the option `binary` says.
    func isText(_ column: String, of table: TableName) -> Bool { texts[Array(table.name.utf8)]?.contains(column) == true }

    private func describe(_ files: TableFiles) throws -> TableShape {
        var names: [String] = []
        var types: [String: ColumnType] = [:]
        var rows = 0, bytes = 0
        let step = max(1, files.paths.count / FilesSession.sampledFiles)
        for index in stride(from: 0, to: files.paths.count, by: step) {
            try interrupt.check()
            let sample = try format.sample(files.paths[index], interrupt)
            rows += sample.rows
            bytes += sample.bytes
            texts[Array(files.name.utf8), default: []].formUnion(sample.texts)
            for (name, type) in zip(sample.names, sample.types) {
                if let known = types[name] {
                    // A file without rows says nothing about types.
                    types[name] = sample.rows == 0 ? known : FilesSession.common(known, type)
                } else {
                    names.append(name)
                    types[name] = type
                }
            }
        }
        for (name, type) in options.types {
            guard types[name] != nil else {
                throw ApusError(
                    .unknownKey, "option `types`: \(files.paths[0]) has no column `\(name)`",
                    hint: Nearest.hint(for: name, among: names))
            }
            types[name] = type
        }
        if names.isEmpty {
            throw ApusError(
                .malformedInput, "\(InputOpener.label(files.paths[0])) is empty: it does not even name its columns",
                hint: "Say columns=a,b,c, or leave the file out.")
        }
        var shape = TableShape(
            name: TableName(files.name), kind: .file, origin: format.name,
            columns: names.map { name in
                let type = types[name] ?? .text
                return ColumnShape(name, type, native: type.description)
            })
        if files.paths != [FileLocation.standard] {
            shape.bytes = files.bytes
            let isPlain = files.paths.allSatisfy { (options.compression ?? Compression(ofName: $0)) == .none }
            if isPlain, bytes > 0, options.encoding == nil { shape.rows = files.bytes * rows / bytes }
        }
        return shape
    }

    /// The type that holds the values of both.
    static func common(_ a: ColumnType, _ b: ColumnType) -> ColumnType {
        if a == b { return a }
        switch (a, b) {
        case (.integer, .decimal), (.decimal, .integer): return .decimal(precision: nil, scale: nil)
        case (.date, .timestamp), (.timestamp, .date): return .timestamp(precision: 6)
        case (.json, _), (_, .json): return .json
        default: return .text
        }
    }
}
