import ApusCore
import Tabular

extension FilesSession: Source {
    var rereadable: Bool { location != .stream }

    /// One slice a file.
    func slices(of read: Read, wish: SliceWish) throws -> [Slice] {
        let files = try files(of: read)
        let shape = try describe(TableName(files.name))
        return files.paths.enumerated().map { index, path in
            var rows: Int?
            if let all = shape.rows, let bytes = shape.bytes, bytes > 0 {
                rows = all * Int(fileStatus(path)?.st_size ?? 0) / bytes
            }
            return Slice(id: index, bounds: path == FileLocation.standard ? .all : .part(path), rows: rows)
        }
    }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        let plan = try ReadPlan(read)
        let files = try files(of: read)
        let paths: [String]
        switch slice.bounds {
        case .all: paths = files.paths
        case .part(let path): paths = [path]
        case .null, .range:
            throw ApusError(.unsupported, "files have no slices by key", context: endpoint.label)
        }
        // What the table was described by tells columns that are left out on purpose from those nobody knew of.
        let hasNone = files.paths == [FileLocation.standard] || files.bytes == 0
        let known = hasNone ? [] : try describe(TableName(files.name)).columns.map(\.name)
        let (format, interrupt) = (self.format, self.interrupt)
        return FileReader(paths) { try format.open($0, plan, known: known, interrupt) }
    }

    private func files(of read: Read) throws -> TableFiles {
        guard case .table(let table) = read.relation else {
            throw ApusError(.unsupported, "files cannot answer a query", context: endpoint.label)
        }
        return try location.files(of: table.name, endings: format.endings, named: options.table)
    }
}
