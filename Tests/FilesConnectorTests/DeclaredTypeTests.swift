import ApusCore
import Tabular
import Testing

@testable import FilesConnector

/// How fields are read when the target's column is declared.
@Suite struct DeclaredTypeTests {
    let desk: FileDesk
    init() throws { desk = try FileDesk() }

    /// Reads the column `v` as a target of that type would have it.
    private func read(_ url: String, as target: ColumnType) throws -> FileDesk.Table {
        let session = try desk.open(url)
        let table = try session.tables(schema: nil)[0].name
        let type = try session.reading("v", of: table, as: target)?.type ?? target
        return try desk.read(url, types: ["v": type], columns: ["v"])
    }

    private func values(_ url: String, as target: ColumnType) throws -> [String?] { try read(url, as: target).rows.map { $0[0] } }

    @Test func `into text a field arrives character for character, whatever it looks like`() throws {
        let fields = ["1e5", "TRUE", "2024-06-01 00:00:00+0800", "007", "-0.0", " 1 ", "1.50", "0x10"]
        for field in fields {
            try desk.put("t.csv", "v\n\(field)\n")
            #expect(try values("csv:t.csv", as: .text) == [field])
            #expect(try values("csv:t.csv", as: .text(length: 40)) == [field])
            #expect(try values("csv:t.csv", as: .other("citext")) == [field])
        }
        try desk.put("t.jsonl", #"{"v":1e5}"# + "\n" + #"{"v":true}"# + "\n" + #"{"v":"a\tb"}"# + "\n" + #"{"v":[1, 2.0]}"# + "\n{}\n")
        #expect(try values("json:t.jsonl", as: .text) == ["1e5", "true", "a\tb", "[1, 2.0]", nil])
    }

    @Test func `what the user says about types holds against the target`() throws {
        try desk.put("t.csv", "v,w\n1e5,1\n")
        #expect(try desk.open("csv:t.csv?types=v:float64").reading("v", of: TableName("t"), as: .text) == nil)
        #expect(try desk.open("csv:t.csv?types=w:float64").reading("v", of: TableName("t"), as: .text) == Reading(.text))
        #expect(try desk.open("csv:t.csv?infer=false").reading("v", of: TableName("t"), as: .bytes) == nil)
    }

    @Test func `whole numbers may be written with an exponent or zeros, and no other fraction`() throws {
        try desk.put("t.csv", "v\n1e3\n1.0\n1.5\n1e-1\n9.3e18\n7\n 8 \n")
        let table = try read("csv:t.csv", as: .int64)
        #expect(table.rows == [["1000"], ["1"], ["7"], ["8"]] && table.rejected.count == 3)
        #expect(try values("csv:t.csv", as: .uint64) == ["1000", "1", "9300000000000000000", "7", "8"])
        #expect(try values("csv:t.csv", as: .decimal(precision: 5, scale: 1)) == ["1000", "1.0", "1.5", "0.1", "7", "8"])
        try desk.put("b.csv", "v\ntrue\nFALSE\n")
        #expect(try desk.open("csv:b.csv").reading("v", of: TableName("b"), as: .integer(bits: 8, unsigned: false))?.type == .boolean)
    }

    @Test func `times finer than the column, and times of day in a date, are rejected`() throws {
        try desk.put("t.csv", "v\n2024-06-01 10:00:00.5\n2024-06-01 00:00:00\n2024-06-01\n")
        #expect(try values("csv:t.csv", as: .timestamp(precision: 0)) == ["2024-06-01 00:00:00", "2024-06-01 00:00:00"])
        try desk.put("d.csv", "v\n2024-06-01\n2024-06-02 00:00:00\nx\n2024-06-01 10:00:00\n")
        #expect(try values("csv:d.csv", as: .date) == ["2024-06-01", "2024-06-02"])
        try desk.put("c.csv", "v\n10:00:00\n10:00:00.250\n")
        #expect(try values("csv:c.csv", as: .time(precision: 0)) == ["10:00:00"])
        try desk.put("p.csv", "v\n01.06.2024 00:00\n01.06.2024 10:00\n")
        #expect(try values("csv:p.csv?date_format=dd.MM.yyyy HH:mm", as: .date) == ["2024-06-01"])
    }

    @Test func `bytes are read in the form in which they are written, and anything else is rejected and known to the plan`() throws {
        try desk.put("t.csv", "v,w\n\\x00ff,a\n\\x,b\n\"\",c\n0xCAFE,d\n,e\n")
        #expect(try values("csv:t.csv", as: .bytes) == ["\\x00ff", "\\x", "\\x", "\\xcafe", nil])
        #expect(try desk.open("csv:t.csv").reading("v", of: TableName("t"), as: .bytes) == Reading(.bytes))
        try desk.put("p.csv", "v\n\\x00ff\ncafe\n\\x0\n\\xzz\nhello\n")
        let table = try read("csv:p.csv", as: .bytes)
        #expect(table.rows == [["\\x00ff"]] && table.rejected.count == 4)
        let reading = try desk.open("csv:p.csv").reading("v", of: TableName("p"), as: .bytes)
        #expect(reading?.loss?.contains("binary=text") == true)
        #expect(try values("csv:p.csv?binary=text", as: .bytes).last == "\\x68656c6c6f")
        #expect(try desk.open("csv:p.csv?binary=text").reading("v", of: TableName("p"), as: .bytes) == Reading(.bytes))
        try desk.put("t.jsonl", "{\"v\":\"AP8=\"}\n{\"v\":\"hello\"}\n")
        #expect(try values("json:t.jsonl", as: .bytes) == ["\\x00ff"])
        #expect(try desk.open("json:t.jsonl").reading("v", of: TableName("t"), as: .bytes)?.loss?.contains("Base64") == true)
    }

    @Test func `bits are their digits`() throws {
        try desk.put("t.csv", "v\n10\n000000010\n")
        #expect(try values("csv:t.csv", as: .bits(length: 9)) == ["10", "000000010"])
    }

    @Test func `the JSON value null is told from a missing key, in a column of JSON only`() throws {
        try desk.put("t.jsonl", "{\"v\":{\"a\":null}}\n{\"v\":null}\n{}\n{\"v\":\"null\"}\n")
        #expect(try values("json:t.jsonl", as: .json) == ["{\"a\":null}", "null", nil, "\"null\""])
        #expect(try values("json:t.jsonl?json_null=null", as: .json) == ["{\"a\":null}", nil, nil, "\"null\""])
        #expect(try values("json:t.jsonl", as: .text) == ["{\"a\":null}", nil, nil, "null"])
        try desk.put("t.csv", "v\nnull\n\"\"\"null\"\"\"\n\"{\"\"a\"\":1}\"\n")
        #expect(try values("csv:t.csv", as: .json) == ["null", "\"null\"", "{\"a\":1}"])
    }

    @Test func `a zero below zero stays one`() throws {
        try desk.put("t.csv", "v\n-0\n1.5\n-0.0\n")
        #expect(try desk.read("csv:t.csv").rows == [["-0"], ["1.5"], ["-0"]])
        #expect(try values("csv:t.csv", as: .float64) == ["-0", "1.5", "-0"])
    }

    @Test(arguments: [";", "|", "\t"])
    func `another separator than the one that nobody gave is refused with the option's name`(_ separator: String) throws {
        try desk.put("t.csv", ["id,name,qty", "1,x,5", "2,\"y,z\",6"].map { $0.replacing(",", with: separator) }.joined(separator: "\n"))
        let error = #expect(throws: ApusError.self) { try desk.read("csv:t.csv") }
        #expect(error?.code == .configurationInvalid && error?.hint?.contains("separator=") == true)
        #expect(throws: ApusError.self) { try desk.read("csv:t.csv?infer=false") }
        let given = separator == "\t" ? "\\t" : separator
        #expect(try desk.read("csv:t.csv?separator=\(given)").names == ["id", "name", "qty"])
        // One that is given is taken, and so is a column in which the others stand here and there.
        #expect(try desk.read("csv:t.csv?separator=,").names.count == 1)
        try desk.put("u.csv", "text\na\(separator)b\nc\nd\(separator)e\(separator)f\n")
        #expect(try desk.read("csv:u.csv").rows.count == 3)
        try desk.put("u.csv", "a\(separator)b\n1\n2\n")
        #expect(try desk.read("csv:u.csv").rows.count == 2)
        try desk.put("v.csv", "one sentence\(separator) and another\n")
        #expect(try desk.read("csv:v.csv?header=false").rows.count == 1)
    }

    @Test func `commas in a file that is read with tabs are another separator too`() throws {
        try desk.put("t.tsv", "a,b\n1,2\n")
        #expect(throws: ApusError.self) { try desk.read("tsv:t.tsv") }
        try desk.put("t.csv", "a\n1\n")
        #expect(try desk.read("csv:t.csv").names == ["a"])
    }
}
