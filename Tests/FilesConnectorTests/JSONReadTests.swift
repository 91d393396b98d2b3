import ApusCore
import Tabular
import Testing

@testable import FilesConnector

@Suite struct JSONReadTests {
    @Test func `columns are the union of keys, types come from the values`() throws {
        let desk = try FileDesk()
        try desk.put(
            "a.jsonl",
            #"""
            {"id":1,"name":"Ann","at":"2024-01-02T03:04:05Z","price":1.50}
            {"name":"Bob","id":2,"tags":["x",{"y":null}],"ok":true,"zip":"007","mixed":1}

            {"id":3,"mixed":"one","big":123456789012345678901234567890.5,"e":1.5e3}
            """#)
        let table = try desk.read("json:a.jsonl")
        #expect(table.names == ["id", "name", "at", "price", "tags", "ok", "zip", "mixed", "big", "e"])
        #expect(
            table.types == [
                "int64", "text", "instant(6)", "decimal", "json", "boolean", "text", "text", "decimal", "float64",
            ])
        #expect(table.rows[0] == ["1", "Ann", "2024-01-02 03:04:05+00", "1.50", nil, nil, nil, nil, nil, nil])
        #expect(table.rows[1] == ["2", "Bob", nil, nil, #"["x",{"y":null}]"#, "true", "007", "1", nil, nil])
        #expect(
            table.rows[2] == ["3", nil, nil, nil, nil, nil, nil, "one", "123456789012345678901234567890.5", "1500"])
        #expect(table.rowsRead == 3)
    }

    @Test func `escapes, surrogate pairs and NUL become their characters`() throws {
        let desk = try FileDesk()
        try desk.put("a.jsonl", #"{"a":"\u4e2d\ud83d\ude00\n\"\\\/\u0000x"}"# + "\n" + #"{"\u0061":"key","a":"last"}"#)
        let table = try desk.read("json:a.jsonl")
        #expect(table.rows == [["中😀\n\"\\/\0x"], ["last"]])
    }

    @Test(arguments: [
        "{\"a\":01}", "{\"a\":1,}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":NaN}", "{'a':1}",
        "{\"a\":\"\\ud800\"}", "{\"a\":\"\\x\"}",
        "{\"a\":tru}", "{\"a\":1} x", "{\"a\":\"x", "{\"a\" 1}", "[1]", "{\"a\":[1 2]}", "{\"a\":{\"b\"}}", "5",
        "{\"a\":\"\t\"}", "{",
    ])
    func `a line that is no valid JSON object is rejected with its number`(line: String) throws {
        let desk = try FileDesk()
        try desk.put("a.jsonl", "{\"a\":1}\n\(line)\n{\"a\":2}\n")
        let table = try desk.read("json:a.jsonl")
        #expect(table.rows == [["1"], ["2"]])
        #expect(table.rejected.count == 1)
        #expect(table.rejected[0].reason.contains("a.jsonl: line 2"))
        #expect(table.rowsRead == 3)
    }

    @Test func `a key that the sample did not show rejects its row`() throws {
        let desk = try FileDesk()
        try desk.put("a.jsonl", "{\"a\":1}\n{\"a\":2,\"b\":3}\n")
        let table = try desk.read("json:a.jsonl?sample_rows=1")
        #expect(table.rows == [["1"]])
        #expect(table.rejected[0].reason.contains("has the key `b`"))
        #expect(try desk.read("json:a.jsonl?columns=a").rows == [["1"], ["2"]])
        #expect(try desk.read("json:a.jsonl", columns: ["a"]).rows == [["1"], ["2"]])
    }

    @Test func `one JSON array is refused with what to do`() throws {
        let desk = try FileDesk()
        try desk.put("a.json", "[{\"a\":1}]")
        let error = try #require(throws: ApusError.self) { try desk.read("json:a.json") }
        #expect(error.code == .malformedInput)
        #expect(error.hint?.contains("jq") == true)
    }

    @Test func `nesting deeper than 512 is rejected, not followed`() throws {
        let desk = try FileDesk()
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        try desk.put("a.jsonl", "{\"a\":1}\n{\"a\":\(deep)}\n")
        #expect(try desk.read("json:a.jsonl").rejected.count == 1)
    }
}
