import ApusCore
import Tabular

/// What values are one to PostgreSQL, for comparing a target with its source.
extension PostgresSession {
    /// `character(n)` is filled up with blanks.
    func likeness(_ load: Load) throws -> [Likeness] {
        try layout(load).types.map { $0.oid == PostgresOID.bpchar ? .unpadded : .exact }
    }

    func canonical(_ texts: [String], in column: String, of load: Load) throws -> [String]? {
        let described = try loadShape(load)
        guard let native = described.shape.column(column)?.native, let type = described.types[column] else { return nil }
        let list = texts.map { "\"" + $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" }.joined(separator: ",")
        let answers = try query(
            """
            SELECT (\(PostgresType.cast("v::\(native)", type.cast)))::text
            FROM pg_catalog.unnest(?::text[]) WITH ORDINALITY AS t(v, n) ORDER BY n
            """, ["{\(list)}"])
        return answers.map { $0[0] ?? "" }
    }
}
