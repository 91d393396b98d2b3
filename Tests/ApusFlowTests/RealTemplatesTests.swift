import ApusCore
import ApusFlow
import FilesConnector
import GeneratorConnector
import MySQLConnector
import PostgresConnector
import SQLiteConnector
import Testing

@Suite struct `Templates of the real connectors` {
    static let connectors: [any Connector] = [
        MySQLConnector(), PostgresConnector(), SQLiteConnector(), CSVConnector(), JSONLinesConnector(), GeneratorConnector(),
        NullConnector(),
    ]

    @Test func `are flows, and every default is a value that its setting takes`() throws {
        for source in Self.connectors {
            for target in Self.connectors { try FlowTemplate.check(from: source, to: target) }
            for setting in source.settings {
                guard let initial = setting.initial else { continue }
                #expect(setting.fault(in: initial) == nil, "\(source.name).\(setting.name)")
            }
        }
    }
}
