import ApusControl
import ApusCore
import ApusFlow

/// Which table a row fills, whatever names it and its job use for it.
extension RowFlow {
    /// Server, database and table in one text; nil where it cannot be known. Nothing is opened.
    func targetKey(of task: ExtractTask) -> String? {
        guard let increment = task.row.increment else { return nil }
        if let file = task.job.template(for: increment) {
            let path = file.hasPrefix("/") ? file : "\(wish.templateFolder ?? ".")/\(file)"
            let values = ["src_table_name": "t", "des_table_name": task.row.targetTable, "des_table_columns": "*"]
            guard let text = try? Script.text(path),
                let job = try? DataXJobReader(parameters: JobParameters(escaping: values.merging(Self.others(text)) { a, _ in a })).read(
                    Array(text.utf8), name: file),
                let flow = try? job.flow(resolver.connectors).flow, let table = flow.tables.first?.to
            else { return nil }
            return key(flow.to.endpoint, Self.name(table))
        }
        guard let target = try? resolver.resolve(task.job.target) else { return nil }
        return key(target.connection.endpoint, Self.name(task.row.targetTable))
    }

    /// Whatever else a template has in `${…}`.
    private static func others(_ text: String) -> [String: String] {
        let names = text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: "}").map { String(part[..<$0]) }
        }
        return Dictionary(names.map { ($0, "1") }, uniquingKeysWith: { a, _ in a })
    }

    private func key(_ endpoint: Endpoint, _ table: TableName) -> String {
        let database = endpoint.path.drop { $0 == "/" }.lowercased()
        let schemas = endpoint.settings.setting(named: "schema") == nil ? nil : endpoint.settings["schema"]
        let first = schemas?.split(separator: ",").first.map { $0.filter { !$0.isWhitespace } }
        let schema = (table.schema ?? first ?? "").lowercased()
        // What a table without a schema is taken for.
        let place = [database, "public", "main"].contains(schema) ? "" : schema
        let server = "\(endpoint.connector)|\(endpoint.host?.lowercased() ?? "")|\(endpoint.port.map(String.init) ?? "")"
        return "\(server)|\(endpoint.path)|\(place)|\(table.name.lowercased())"
    }
}
