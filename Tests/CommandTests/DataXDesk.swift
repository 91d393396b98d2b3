import ApusTesting
import Foundation
import Testing

/// Someone who runs DataX jobs: job files of their own folder, `apus datax` and `bin/datax.py`.
final class DataXDesk: Sendable {
    let user: User

    init() throws { user = try User() }

    var home: TemporaryFolder { user.home }

    /// `bin/datax.py` of this repository.
    static let launcher: String = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/", !FileManager.default.fileExists(atPath: folder.appendingPathComponent("bin/datax.py").path) {
            folder.deleteLastPathComponent()
        }
        return folder.appendingPathComponent("bin/datax.py").path
    }()

    /// Writes a job and runs it.
    func run(_ job: String, _ options: [String] = [], name: String = "job.json") throws -> CommandResult {
        try user.run(["datax", try home.write(job, to: name)] + options)
    }

    /// A job of one reader and one writer; `setting` is what stands within `"setting": {…}`.
    static func job(_ reader: String, _ writer: String, setting: String = "\"speed\": {\"channel\": 1}, \"errorLimit\": {\"record\": 0}")
        -> String
    {
        """
        {"job": {"setting": {\(setting)}, "content": [{"reader": \(reader), "writer": \(writer)}]}}
        """
    }
}

extension Store {
    /// The `jdbcUrl` of this database.
    var jdbc: String {
        switch kind {
        case .mariadb: "jdbc:mysql://127.0.0.1:\(port)/\(database)?useUnicode=true&characterEncoding=utf8"
        case .postgres: "jdbc:postgresql://127.0.0.1:\(port)/\(database)"
        case .sqlite: "jdbc:sqlite:" + folder.file("a.db")
        case .csv: ""
        }
    }

    private var account: String {
        switch kind {
        case .mariadb: #""username": "\#(mariadb.options.user)", "password": "\#(mariadb.options.password)""#
        case .postgres: #""username": "\#(postgres.options.user)", "password": "\#(postgres.options.password)""#
        case .sqlite, .csv: #""username": """#
        }
    }

    private var plugin: String { kind == .mariadb ? "mysql" : kind == .postgres ? "postgresql" : "sqlite" }

    /// A reader of tables. `more` is put among the parameters.
    func reader(_ tables: String..., columns: String = #"["*"]"#, more: String = "", plugin name: String? = nil) -> String {
        let list = tables.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"name": "\(name ?? plugin)reader", "parameter": {\(account), "column": \(columns),\(more)
              "connection": [{"table": [\(list)], "jdbcUrl": ["\(jdbc)"]}]}}
            """
    }

    /// A reader of queries, each in a connection of its own.
    func reader(queries: String..., plugin name: String? = nil) -> String {
        let connections = queries.map { "{\"querySql\": [\"\($0)\"], \"jdbcUrl\": [\"\(jdbc)\"]}" }.joined(separator: ", ")
        return "{\"name\": \"\(name ?? plugin)reader\", \"parameter\": {\(account), \"connection\": [\(connections)]}}"
    }

    func writer(_ table: String, columns: String = #"["*"]"#, more: String = "", plugin name: String? = nil) -> String {
        """
        {"name": "\(name ?? plugin)writer", "parameter": {\(account), "column": \(columns),\(more)
          "connection": [{"table": ["\(table)"], "jdbcUrl": "\(jdbc)"}]}}
        """
    }
}

/// The value behind one of the seven labels of DataX's statistics.
func statistic(_ label: String, in output: String) -> String? {
    for line in output.split(separator: "\n") where line.hasPrefix(label) {
        return line.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
    }
    return nil
}
