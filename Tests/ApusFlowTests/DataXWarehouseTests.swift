import ApusCore
import MySQLConnector
import StarRocksConnector
import Testing

@testable import ApusFlow

/// What jobs with `starrockswriter`, `doriswriter` and `starrocksreader` mean as flows.
@Suite struct DataXWarehouseTests {
    static let connectors: [any Connector] = [MySQLConnector(), StarRocksConnector(), DorisConnector()]

    private func job(
        _ writer: String, _ name: String = "starrockswriter",
        reader: String =
            #""name": "mysqlreader", "parameter": {"username": "u", "password": "r3ad", "column": ["k1", "v1"], "connection": [{"table": ["a"], "jdbcUrl": ["jdbc:mysql://h/shop"]}]}"#
    ) throws -> DataXJob {
        let text = """
            {"job": {"setting": {"speed": {"channel": 1}, "errorLimit": {"record": 0}}, "content": [{"reader": {\(reader)},
              "writer": {"name": "\(name)", "parameter": {"username": "w", "password": "s3cret", "column": ["k1", "v1"], \(writer)}}}]}}
            """
        return try DataXJobReader().read(Array(text.utf8), name: "job.json")
    }

    private func made(_ writer: String, _ name: String = "starrockswriter") throws -> DataXJob.Made {
        try job(writer, name).flow(Self.connectors)
    }

    private func refused(_ writer: String, _ says: String..., sourceLocation: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: ApusError.self, sourceLocation: sourceLocation) { try made(writer) }
        for part in says { #expect(error?.description.contains(part) == true, "\(error!)", sourceLocation: sourceLocation) }
        #expect(error?.description.contains("s3cret") != true, sourceLocation: sourceLocation)
    }

    static let connection =
        #""connection": [{"table": ["t"], "selectedDatabase": "dw", "jdbcUrl": "jdbc:mysql://fe1:9030,fe2:9031/"}]"#

    @Test func `the documented job names its FEs, database and table`() throws {
        let made = try made(
            #""preSql": ["truncate table @table"], "postSql": ["select 1"], "loadUrl": ["fe1:8030", "fe2:8030"], "loadProps": {}, "#
                + Self.connection)
        let to = made.flow.to.endpoint, wish = made.flow.tables[0]
        #expect(to.connector == "starrocks" && to.label == "starrocks://w:•••@fe1:9030,fe2:9031/dw")
        #expect(to.host == "fe1" && to.port == 9030 && to.otherHosts == [ConnectionURL.Host("fe2", port: 9031)])
        #expect(to.path == "dw" && to.password?.reveal() == "s3cret" && to.settings["http"] == "fe1:8030,fe2:8030")
        #expect(to.settings.boolean("strict") && !to.settings.boolean("https"))
        #expect(wish.to == "\"t\"" && wish.before == ["truncate table t"] && wish.after == ["select 1"])
        #expect(wish.mode == .append && wish.create == .require && wish.isShared && wish.targets == ["k1", "v1"] && wish.positional)
        #expect(made.flow.from.endpoint.settings["zero_dates"] == "null")
        #expect(made.notices.isEmpty, "\(made.notices)")
    }

    @Test func `the flat form of older jobs means the same, and Doris has its own connector`() throws {
        let flat = try made(
            #""database": "dw", "table": "t", "jdbcUrl": "jdbc:mysql://fe1:9030/other?connectTimeout=3000", "loadUrl": "http://fe1:8030;fe2:8030""#,
            "doriswriter")
        let to = flat.flow.to.endpoint
        #expect(to.connector == "doris" && to.label == "doris://w:•••@fe1:9030/dw")
        #expect(to.settings["http"] == "fe1:8030,fe2:8030" && to.settings.seconds("connect_timeout") == 3)
        #expect(flat.flow.tables[0].to == "\"t\"")
        let list = try made(
            #""feLoadUrl": ["fe1:8030"], "#
                + #""connection": [{"table": ["t"], "jdbcUrl": ["jdbc:mysql://fe1:9030/dw", "jdbc:mysql://fe3:9030/dw"]}]"#, "doriswriter")
        #expect(list.flow.to.endpoint.label == "doris://w:•••@fe1:9030,fe3:9030/dw")
    }

    @Test func `without a jdbcUrl the FEs of loadUrl are asked at 9030`() throws {
        let made = try made(#""database": "dw", "table": "t", "loadUrl": ["https://fe1:8443", "https://fe2:8443"]"#)
        #expect(made.flow.to.endpoint.label == "starrocks://w:•••@fe1:9030,fe2:9030/dw")
        #expect(made.flow.to.endpoint.settings.boolean("https"))
        #expect(made.notices.contains { $0.contains("taken for 9030") }, "\(made.notices)")
    }

    @Test func `what a load means is honoured, how it is written down is named and left to Apus`() throws {
        let made = try made(
            #""maxBatchRows": "500000", "maxBatchSize": 104857600, "flushInterval": 300000, "labelPrefix": "x", "loadUrl": ["fe1:8030"], "#
                + #""loadProps": {"column_separator": "\\x01", "row_delimiter": "\\x02", "format": "json", "strip_outer_array": true, "#
                + #""strict_mode": "false", "timeout": 900, "partial_update": "true", "merge_condition": "v1", "max_filter_ratio": 0.1}, "#
                + Self.connection)
        let settings = made.flow.to.endpoint.settings
        #expect(!settings.boolean("strict") && settings.seconds("load_timeout") == 900)
        #expect(settings.boolean("partial_update") && settings["merge_condition"] == "v1")
        for key in ["maxBatchRows", "maxBatchSize", "flushInterval", "labelPrefix"] {
            #expect(made.ignored.contains("starrockswriter.\(key)"), "\(made.ignored)")
        }
        for key in ["column_separator", "row_delimiter", "format", "strip_outer_array"] {
            #expect(made.ignored.contains("starrockswriter.loadProps.\(key)"), "\(made.ignored)")
        }
        #expect(made.notices.contains { $0.contains("max_filter_ratio") && $0.contains("errorLimit") }, "\(made.notices)")
        let typo = try self.made(#""loadUrl": ["fe1:8030"], "loadProps": {"strict_mod": true}, "# + Self.connection)
        #expect(typo.notices.contains { $0.contains("`strict_mode`") }, "\(typo.notices)")
    }

    @Test func `what would load other rows is refused, and so is what names no target`() {
        refused(
            #""loadUrl": ["fe1:8030"], "loadProps": {"where": "k1 > 3", "columns": "a,b"}, "# + Self.connection, "loadProps.where",
            "loadProps.columns")
        refused(#""loadUrl": ["fe1:8030"], "loadProps": {"merge_type": "DELETE"}, "# + Self.connection, "merge_type")
        refused(#""loadUrl": ["fe1"], "# + Self.connection, "host:port")
        refused(Self.connection, "no `loadUrl`")
        refused(#""loadUrl": ["fe1:8030"], "connection": [{"table": ["t"], "jdbcUrl": "jdbc:mysql://fe1:9030/"}]"#, "names no database")
        refused(#""loadUrl": ["fe1:8030"], "connection": [{"selectedDatabase": "dw", "jdbcUrl": "jdbc:mysql://fe1:9030/"}]"#, "no `table`")
        refused(
            #""loadUrl": ["fe1:8030"], "database": "dw", "table": "t", "jdbcUrl": "jdbc:postgresql://fe1:9030/""#, "takes jdbc:mysql:")
    }

    @Test func `a reader of a cluster and rdbms with its own scheme take the connector of StarRocks`() throws {
        let reader =
            #""name": "starrocksreader", "parameter": {"username": "u", "password": "r3ad", "column": ["k1", "v1"], "splitPk": "k1", "connection": [{"table": ["a"], "jdbcUrl": ["jdbc:mysql://fe1:9030/dw", "jdbc:mysql://fe2:9030/dw"]}]}"#
        let made = try job(#""loadUrl": ["fe1:8030"], "# + Self.connection, reader: reader).flow(Self.connectors)
        #expect(
            made.flow.from.endpoint.connector == "starrocks" && made.flow.from.endpoint.label == "starrocks://u:•••@fe1:9030,fe2:9030/dw")
        #expect(made.flow.from.endpoint.settings["http"] == "8030")
        let rdbms = try self.made(
            #""connection": [{"table": ["t"], "jdbcUrl": "jdbc:starrocks://fe1:9030,fe2:9030/dw?http=18030&useSSL=false"}]"#, "rdbmswriter")
        // rdbmswriter knows nothing of clusters: the first that answers is taken.
        #expect(rdbms.flow.to.endpoint.connector == "starrocks" && rdbms.flow.to.endpoint.label == "starrocks://w:•••@fe1:9030/dw")
        #expect(rdbms.flow.to.endpoint.settings["http"] == "18030" && rdbms.flow.to.endpoint.settings["tls"] == "off")
    }

    @Test func `the template of a writer can be read again`() throws {
        let text = try DataXTemplate.text(reader: "mysqlreader", writer: "starrockswriter")
        #expect(text.contains("loadUrl") && text.contains("selectedDatabase"))
        let other = try DataXTemplate.text(reader: "starrocksreader", writer: "doriswriter")
        #expect(other.contains("jdbc:mysql://127.0.0.1:9030/database"))
    }
}
