import ApusCore

/// The template of a job that `-r` and `-w` print.
public enum DataXTemplate {
    /// - throws: `config.unknown_connector`.
    public static func text(reader: String, writer: String) throws -> String {
        let parameters = try [(reader, "reader"), (writer, "writer")].map { name, role in
            switch try DataXPlugins.family(name, role) {
            case .relational(let schemes):
                let scheme = schemes?.first ?? "mysql"
                return role == "reader" ? relationalReader(scheme) : relationalWriter(scheme, name)
            case .warehouse: return role == "reader" ? relationalReader("starrocks") : warehouseWriter
            case .text: return role == "reader" ? textReader : textWriter
            case .stream: return role == "reader" ? streamReader : streamWriter
            }
        }
        return """
            Please save the following configuration as a json file and use
                 python {DATAX_HOME}/bin/datax.py {JSON_FILE_NAME}.json
            to run the job.

            {
                "job": {
                    "content": [
                        {
                            "reader": {
                                "name": "\(reader)",
                                "parameter": {
            \(indented(parameters[0]))
                                }
                            },
                            "writer": {
                                "name": "\(writer)",
                                "parameter": {
            \(indented(parameters[1]))
                                }
                            }
                        }
                    ],
                    "setting": {
                        "speed": {
                            "channel": 1
                        },
                        "errorLimit": {
                            "record": 0
                        }
                    }
                }
            }
            """
    }

    private static func indented(_ text: String) -> String {
        text.split(separator: "\n").map { String(repeating: " ", count: 24) + $0 }.joined(separator: "\n")
    }

    private static func address(_ scheme: String) -> String {
        switch scheme {
        case "postgresql": "jdbc:postgresql://127.0.0.1:5432/database"
        case "sqlite": "jdbc:sqlite:/path/to/file.db"
        case "starrocks": "jdbc:mysql://127.0.0.1:9030/database"
        default: "jdbc:mysql://127.0.0.1:3306/database"
        }
    }

    private static func relationalReader(_ scheme: String) -> String {
        """
        "username": "",
        "password": "",
        "column": ["*"],
        "where": "",
        "splitPk": "",
        "connection": [
            {
                "table": [""],
                "jdbcUrl": ["\(address(scheme))"]
            }
        ]
        """
    }

    private static func relationalWriter(_ scheme: String, _ name: String) -> String {
        """
        "username": "",
        "password": "",\(scheme == "mysql" ? "\n\"writeMode\": \"insert\"," : "")
        "column": ["*"],
        "preSql": [],
        "postSql": [],
        "connection": [
            {
                "table": [""],
                "jdbcUrl": "\(address(scheme))"
            }
        ]
        """
    }

    private static let warehouseWriter = """
        "username": "",
        "password": "",
        "column": ["*"],
        "preSql": [],
        "postSql": [],
        "loadUrl": ["127.0.0.1:8030"],
        "loadProps": {},
        "connection": [
            {
                "table": [""],
                "selectedDatabase": "",
                "jdbcUrl": "jdbc:mysql://127.0.0.1:9030/"
            }
        ]
        """

    private static let textReader = """
        "path": ["/path/to/*.csv"],
        "encoding": "UTF-8",
        "fieldDelimiter": ",",
        "skipHeader": "false",
        "nullFormat": "\\\\N",
        "column": [
            {
                "index": 0,
                "type": "long"
            },
            {
                "index": 1,
                "type": "string"
            }
        ]
        """

    private static let textWriter = """
        "path": "/path/to/folder",
        "fileName": "rows",
        "writeMode": "truncate",
        "fieldDelimiter": ",",
        "fileFormat": "csv",
        "dateFormat": "yyyy-MM-dd"
        """

    private static let streamReader = """
        "sliceRecordCount": 10,
        "column": [
            {
                "type": "string",
                "value": "DataX"
            },
            {
                "type": "long",
                "random": "0,10"
            }
        ]
        """

    private static let streamWriter = """
        "print": true,
        "encoding": "UTF-8"
        """
}
