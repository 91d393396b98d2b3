import ApusCore
import ApusTesting
import Foundation

/// A database, database file or folder of its own, seen through the system's own client, never through Apus.
final class Place: Sendable {
    let system: System
    let folder: TemporaryFolder
    /// Of a server.
    let database: String

    init(_ system: System, _ options: String = "") throws {
        self.system = system
        folder = try TemporaryFolder(prefix: "apus-place")
        switch system {
        case .postgres: database = try PostgresServer.shared().makeDatabase(options)
        case .mysql: database = try MariaDBServer.shared().makeDatabase(options.isEmpty ? "CHARACTER SET utf8mb4" : options)
        case .starrocks: database = try StarRocksDouble.shared().makeDatabase()
        case .sqlite, .csv, .json: database = ""
        }
    }

    /// The URL; a given port puts a proxy in between.
    func url(_ options: String = "", port: UInt16? = nil) throws -> String {
        let plain =
            switch system {
            case .postgres: try PostgresServer.shared().url(database: database, port: port ?? Self.pooledPort())
            case .mysql: try MariaDBServer.shared().url(database: database, port: port)
            case .sqlite: "sqlite:" + folder.file("a.db")
            case .csv, .json: "\(system.rawValue):\(folder.path)/"
            case .starrocks: try StarRocksDouble.shared().url(database: database, settings: ["time_zone=UTC"])
            }
        return options.isEmpty ? plain : plain + (plain.contains("?") ? "&" : "?") + options
    }

    /// `APUS_TEST_POOLED=1` puts a pooler of transactions before PostgreSQL.
    private static func pooledPort() throws -> UInt16? {
        ProcessInfo.processInfo.environment["APUS_TEST_POOLED"] == "1" ? try PgBouncer.shared().port : nil
    }

    /// The port that a proxy stands before.
    var port: UInt16 {
        get throws {
            switch system {
            case .mysql: try MariaDBServer.shared().port
            case .postgres: try PostgresServer.shared().port
            case .sqlite, .csv, .json, .starrocks: throw KitError("\(system) has no port of its own")
            }
        }
    }

    /// What the system's client prints for SQL statements; an error throws with its message.
    @discardableResult
    func ask(_ sql: String) throws -> [[String]] {
        switch system {
        case .mysql: return try MariaDBServer.shared().query(Self.standardSQL + sql, database: database)
        case .postgres: return try PostgresServer.shared().query(sql, database: database)
        case .sqlite:
            let result = try runCommand(
                "sqlite3", ["-bail", "-batch", "-separator", "\u{1f}", "-newline", "\u{1e}", "-nullvalue", "NULL", folder.file("a.db")],
                stdin: ".timeout 20000\n" + sql)
            guard result.status == 0, result.errors.isEmpty else { throw KitError("sqlite3: \(result.stderr)") }
            return result.stdout.split(separator: "\u{1e}", omittingEmptySubsequences: false).dropLast().map {
                $0.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
            }
        case .starrocks: return try StarRocksDouble.shared().query(Self.starRocksSQL(sql), database: database)
        case .csv, .json: throw KitError("files take no SQL")
        }
    }

    /// The same quotes, escapes and operators as the other engines.
    private static let standardSQL =
        "SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES';\n"

    func run(_ sql: String) throws { try ask(sql) }

    /// The one value of a query.
    func value(_ sql: String) throws -> String {
        let rows = try ask(sql)
        guard let value = rows.first?.first else { throw KitError("no row: \(sql)") }
        return value
    }

    func columns(_ table: String) throws -> [(name: String, type: String)] {
        let name = table.replacing("'", with: "''")
        switch system {
        case .postgres:
            return try ask(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '\(name)' ORDER BY ordinal_position"
            ).map { ($0[0], $0[1]) }
        case .sqlite: return try ask("SELECT name, type FROM pragma_table_xinfo('\(name)')").map { ($0[0], $0[1]) }
        case .mysql:
            // Without ANSI_QUOTES, in which OceanBase cannot read its own views; a backslash escapes there.
            return try MariaDBServer.shared().query(
                "SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = database() AND table_name = '\(name.replacing("\\", with: "\\\\"))' ORDER BY ordinal_position",
                database: database
            ).map { ($0[0], $0[1]) }
        case .starrocks:
            return try ask(
                "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.columns WHERE TABLE_SCHEMA = '\(database)' AND TABLE_NAME = '\(name)' ORDER BY ORDINAL_POSITION"
            ).map { ($0[0], $0[1]) }
        case .csv, .json: return []
        }
    }

    /// SQL whose result is the column's value as hexadecimal UTF-8, octets as `\x…`, or NULL.
    private func hexSQL(_ column: String, _ type: String) -> String {
        let name = system.quote(column)
        switch system {
        case .postgres: return "encode(convert_to(\(name)::text, 'UTF8'), 'hex')"
        case .sqlite:
            return
                "CASE typeof(\(name)) WHEN 'null' THEN NULL WHEN 'blob' THEN hex('\\x' || lower(hex(\(name)))) WHEN 'real' THEN hex('=' || hex(ieee754_to_blob(\(name)))) ELSE hex(CAST(\(name) AS BLOB)) END"
        case .mysql:
            let kind = type.prefix { $0.isLetter || $0.isNumber }
            switch kind {
            case "bit": return "HEX(LPAD(BIN(CAST(\(name) AS UNSIGNED)), \(type.filter(\.isNumber)), '0'))"
            case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob": return "HEX('\\x' || LOWER(HEX(\(name))))"
            case "float": return "HEX(CAST(CAST(\(name) AS DOUBLE) AS CHAR))"
            default: return "HEX(CONVERT(CAST(\(name) AS CHAR) USING utf8mb4))"
            }
        case .starrocks: return starRocksHex(name, type)
        case .csv, .json: return name
        }
    }

    /// Statements that make text forms the same everywhere.
    private var preamble: String {
        switch system {
        case .postgres: "SET timezone = 'UTC'; SET extra_float_digits = 1; SET intervalstyle = 'postgres'; SET datestyle = 'ISO, YMD';\n"
        case .mysql, .sqlite, .csv, .json, .starrocks: ""
        }
    }

    /// All rows as text, nil being NULL, in the order of the first column.
    func rows(_ table: String, columns wanted: [String]? = nil) throws -> [[String?]] {
        if system.isFile { return try fileRows(table) }
        let known = try self.columns(table)
        let columns = wanted.map { wanted in wanted.map { name in known.first { $0.name == name } ?? (name, "") } } ?? known
        guard let first = columns.first else { throw KitError("\(system) has no table \(table)") }
        let list = columns.map { hexSQL($0.name, $0.type) }.joined(separator: ", ")
        return try ask("\(preamble)SELECT \(list) FROM \(system.quote(table)) ORDER BY \(system.quote(first.name))").map { row in
            row.map { $0 == "NULL" ? nil : Self.text(hex: $0) }
        }
    }

    func count(_ table: String) throws -> Int {
        if system.isFile { return try fileRows(table).count }
        return Int(try value("SELECT count(*) FROM \(system.quote(table))")) ?? -1
    }

    static func text(hex: String) -> String {
        let digits = Array(hex.utf8)
        func value(_ digit: UInt8) -> UInt8 { digit < 58 ? digit - 48 : (digit | 32) - 87 }
        let octets = stride(from: 0, to: digits.count - 1, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
        let text = String(decoding: octets, as: UTF8.self)
        // The bits of a double.
        if text.count == 17, text.hasPrefix("="), let bits = UInt64(text.dropFirst(), radix: 16) { return "\(Double(bitPattern: bits))" }
        return text
    }

    // MARK: Files

    /// A reader of its own, in Python: an unquoted empty field is NULL.
    private static let reader = #"""
        import sys, json, glob, os
        def csv_rows(data):
            i, n, row, out = 0, len(data), [], []
            while i < n:
                if data[i] == '"':
                    j, text = i + 1, []
                    while True:
                        k = data.index('"', j)
                        text.append(data[j:k])
                        if k + 1 < n and data[k + 1] == '"':
                            text.append('"'); j = k + 2
                        else:
                            i = k + 1; break
                    row.append(''.join(text))
                else:
                    j = i
                    while j < n and data[j] not in ',\n': j += 1
                    row.append(data[i:j] if j > i else None); i = j
                if i >= n or data[i] == '\n':
                    out.append(row); row = []; i += 1
                else:
                    i += 1
                    if i >= n or data[i] == '\n': row.append(None); out.append(row); row = []; i += 1
            return out[1:]
        def text(value):
            if value is None: return 'NULL'
            if value is True: value = 'true'
            elif value is False: value = 'false'
            elif isinstance(value, (dict, list)): value = json.dumps(value, ensure_ascii=False)
            return value.encode('utf-8').hex()
        rows = []
        for path in sorted(glob.glob(sys.argv[1])):
            data = open(path, newline='', encoding='utf-8').read()
            if path.endswith('.csv'): rows += csv_rows(data)
            else:
                # A key of NULL in a column of JSON is left out.
                lines = [line for line in data.split('\n') if line]
                plain = [json.loads(line) for line in lines]
                exact = [json.loads(line, parse_float=str, parse_int=str, parse_constant=str) for line in lines]
                keys = list(dict.fromkeys(k for values in exact for k in values))
                for values, known in zip(exact, plain):
                    rows.append([known[k] if isinstance(values.get(k), (dict, list)) else values.get(k) for k in keys])
        for row in rows: print(' '.join(text(value) for value in row))
        """#

    private func fileRows(_ table: String) throws -> [[String?]] {
        let result = try runCommand(
            findProgram("/usr/bin/python3") ?? "python3", ["-c", Self.reader, folder.file("\(table).\(system.rawValue)*")])
        guard result.status == 0 else { throw KitError("python3: \(result.stderr)") }
        let rows: [[String?]] = result.stdout.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: false).map { field -> String? in
                field == "NULL" ? nil : Self.text(hex: String(field))
            }
        }
        func key(_ row: [String?]) -> Int { row[0].flatMap { Int($0) } ?? 0 }
        return rows.sorted { key($0) < key($1) }
    }
}
