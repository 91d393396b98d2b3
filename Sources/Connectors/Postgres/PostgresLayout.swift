import ApusCore
import Tabular

/// The columns that a load writes, as the target has them, and how COPY carries them.
struct PostgresLayout {
    var names: [String]
    /// What the actual columns are.
    var types: [PostgresType]
    /// What batches carry.
    var schema: Schema
    /// One for each column in binary COPY; nil = COPY text for the whole table.
    var codecs: [PostgresCodec]?

    /// - throws: `object.not_found` for a column that is not there, `unsupported` for one that the server computes.
    init(_ session: PostgresSession, _ load: Load) throws {
        let described = try session.loadShape(load)
        names = load.columns
        var columns: [Column] = []
        var codecs: [PostgresCodec?] = []
        types = []
        for name in load.columns {
            guard let column = described.shape.column(name), let type = described.types[name] else {
                throw ApusError(
                    .notFound, "table \(load.destination) has no column \(name)",
                    hint: Nearest.hint(for: name, among: described.shape.columns.map(\.name)), context: session.endpoint.label)
            }
            guard !column.generated else {
                throw ApusError(
                    .unsupported, "column \(name) of \(load.destination) is computed by the server and cannot be written",
                    hint: "Leave it out with `exclude`.", context: session.endpoint.label)
            }
            let planned = load.shape.column(name)?.type
            types.append(type)
            if type.oid == PostgresOID.interval, case .duration = planned {
                columns.append(Column(name, type.taken ?? planned!, nullable: column.nullable))
                codecs.append(.interval)
            } else {
                columns.append(
                    Column(name, type.oid == PostgresOID.interval ? type.type : type.taken ?? type.type, nullable: column.nullable))
                codecs.append(type.codec)
            }
        }
        schema = Schema(columns)
        let known = codecs.compactMap { $0 }
        self.codecs = known.count == codecs.count ? known : nil
    }

    /// The format in which tuples of the same columns pass as they are.
    var wire: WireFormat? {
        guard codecs != nil, !types.contains(where: { $0.codec == nil }) else { return nil }
        return WireFormat("pgcopy:" + types.map { String($0.wireOID) }.joined(separator: ","))
    }
}

extension PostgresSession {
    /// The shape of the table that receives the rows, or that will be made.
    func loadShape(_ load: Load) throws -> (shape: TableShape, types: [String: PostgresType]) {
        for name in [load.destination, load.target] {
            let found = try typedColumns(of: "pg_catalog.to_regclass(\(dialect.literal(dialect.quote(name))))")
            guard !found.isEmpty else { continue }
            let shape = TableShape(name: name, origin: "postgres", columns: found.map(\.column))
            return (shape, Dictionary(found.map { ($0.column.name, $0.type) }, uniquingKeysWith: { first, _ in first }))
        }
        // Not made yet: ask the server what the declarations mean.
        let columns = load.shape.columns
        let sql = "SELECT " + columns.map { "NULL::\($0.native)" }.joined(separator: ", ")
        let results = try resultColumns(of: sql, doing: "checking the column types of \(load.target)")
        return (load.shape, Dictionary(zip(columns.map(\.name), results.map(\.type)), uniquingKeysWith: { first, _ in first }))
    }
}
