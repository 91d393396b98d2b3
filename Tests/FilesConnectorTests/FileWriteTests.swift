import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import FilesConnector

@Suite struct FileWriteTests {
    private let mixed: [Column] = [
        Column("id", .int64), Column("name", .text), Column("price", .decimal(precision: 10, scale: 2)),
        Column("ratio", .float64), Column("ok", .boolean), Column("day", .date), Column("at", .timestamp(precision: 6)),
        Column("when", .instant(precision: 6)), Column("raw", .bytes), Column("doc", .json), Column("big", .uint64),
    ]
    private let rows: [[String?]] = [
        [
            "1", "a,b", "12.50", "0.1", "true", "2024-02-29", "2024-02-29 10:11:12.5", "2024-02-29 10:11:12+00",
            "\\x00ff", #"{"k":[1]}"#, "18446744073709551615",
        ],
        ["-2", "", nil, "NaN", "false", "0001-01-01", "9999-12-31 23:59:59.999999", nil, "\\x", nil, "0"],
        ["3", nil, "-0.01", "-Infinity", nil, nil, nil, nil, nil, #""s""#, nil],
        ["4", "say \"hi\"\r\nnew 中文😀 \\N", "1.00", "1e+300", nil, nil, nil, nil, nil, nil, nil],
    ]

    @Test func `CSV holds quotes only where they are needed and tells NULL from the empty string`() throws {
        let desk = try FileDesk()
        try desk.write("csv:t.csv", mixed, slices: [rows])
        let text = try desk.text("t.csv")
        #expect(
            text.hasPrefix(
                "id,name,price,ratio,ok,day,at,when,raw,doc,big\n1,\"a,b\",12.50,0.1,true,2024-02-29,2024-02-29 10:11:12.5,2024-02-29 10:11:12+00,\\x00ff,\"{\"\"k\"\":[1]}\",18446744073709551615\n-2,\"\",,NaN,false,0001-01-01,"
            ))
        #expect(text.contains("\n4,\"say \"\"hi\"\"\r\nnew 中文😀 \\N\",1.00,1e+300,,,,,,,\n"))
    }

    @Test(arguments: [
        "csv:t.csv?x=", "csv:t.csv.gz?x=", "csv:t.csv.zst?x=", "csv:t.csv?escape=backslash&x=",
        "csv:t.csv?null=%5CN&x=", "csv:t.csv?null=NULL&x=",
        "csv:t.csv?separator=%7C%7C&newline=crlf&x=", "csv:t.csv?quote=none&escape=backslash&null=%5CN&x=",
        "tsv:t.tsv?x=",
        "csv:t.csv?separator=-&x=", "csv:t.csv?encoding=gb18030&x=", "csv:t.csv?encoding=utf-16le&bom=true&x=",
        "csv:t.csv?binary=base64&x=",
        "json:t.jsonl?x=", "json:t.jsonl.gz?x=", "json:t.jsonl?decimals=string&x=", "json:t.jsonl?binary=hex&x=",
        "csv:t.csv?header=false&x=",
    ])
    func `what is written is read back the same`(url: String) throws {
        let desk = try FileDesk()
        let url = url.replacing("&x=", with: "").replacing("?x=", with: "")
        #expect(try desk.write(url, mixed, slices: [rows]).isEmpty)
        let types =
            "id:int64,name:text,price:decimal(10,2),ratio:float64,ok:boolean,day:date,at:timestamp,when:instant,raw:bytes,doc:json,big:uint64"
        let names = url.contains("header=false") ? "&columns=" + mixed.map(\.name).joined(separator: ",") : ""
        let table = try desk.read(url + (url.contains("?") ? "&" : "?") + "types=\(types)" + names)
        #expect(table.rejected.isEmpty)
        #expect(table.rows == rows)
    }

    @Test func `JSON Lines hold exact numbers bare, bytes as Base64 and documents as they are`() throws {
        let desk = try FileDesk()
        try desk.write("json:t.jsonl", mixed, slices: [rows])
        let lines = try desk.text("t.jsonl").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines[0]
                == #"{"id":1,"name":"a,b","price":12.50,"ratio":0.1,"ok":true,"day":"2024-02-29","at":"2024-02-29 10:11:12.5","when":"2024-02-29 10:11:12+00","raw":"AP8=","doc":{"k":[1]},"big":18446744073709551615}"#
        )
        #expect(lines[1].contains(#""price":null,"ratio":"NaN""#))
        #expect(lines[3].contains(#""name":"say \"hi\"\r\nnew 中文😀 \\N""#))
        #expect(lines.count == 5)
    }

    @Test(arguments: ["t.csv", "t.csv.gz", "t.csv.zst"])
    func `slices are joined in their order under one header, also compressed`(name: String) throws {
        let desk = try FileDesk()
        try desk.write("csv:" + name, texts("a", "b"), slices: [[["1", "x"]], [], [["2", "y"], ["3", "z"]]])
        let table = try desk.read("csv:" + name)
        #expect(table.rows == [["1", "x"], ["2", "y"], ["3", "z"]])
        #expect(try desk.names() == [name])
        if name.hasSuffix(".gz") {
            #expect(try runCommand("gzip", ["-dc", desk.folder.file(name)]).stdout == "a,b\n1,x\n2,y\n3,z\n")
        }
    }

    @Test func `a folder gets a file a table, an empty table a header`() throws {
        let desk = try FileDesk()
        try desk.write("csv:out/", texts("a"), slices: [[["1"]]], table: "orders")
        try desk.write("csv:out/", texts("a", "b"), slices: [], table: "a/b")
        #expect(try desk.text("out/orders.csv") == "a\n1\n")
        #expect(try desk.text("out/a%2Fb.csv") == "a,b\n")
        #expect(try desk.open("csv:out/").tables(schema: nil).map(\.name.name) == ["a/b", "orders"])
    }

    @Test func `parts roll by size, are one table to read, and go when the table is replaced`() throws {
        let desk = try FileDesk()
        let many = (1...3).map { slice in
            (1...50).map { [Optional("\(slice * 100 + $0)"), String(repeating: "x", count: 60_000)] }
        }
        try desk.write("csv:out/?part_size=1MiB", texts("a", "b"), slices: many, table: "t")
        let names = try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("out")).sorted()
        #expect(names == ["t-00001.csv", "t-00002.csv", "t-00003.csv"])
        #expect(try desk.read("csv:out/", table: "t", columns: ["a"]).rows.count == 150)
        try desk.write(
            "csv:out/?part_size=1MiB", texts("a", "b"), slices: [many[0]], table: "t", mode: .append, run: "run-2")
        #expect(try desk.read("csv:out/", table: "t", columns: ["a"]).rows.count == 200)
        try desk.write("csv:out/", texts("a", "b"), slices: [[["1", "2"]]], table: "t", run: "run-3")
        #expect(try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("out")) == ["t.csv"])
    }

    @Test(arguments: ["t.csv", "t.csv.gz"])
    func `append keeps what is there and refuses other columns`(name: String) throws {
        let desk = try FileDesk()
        try desk.write("csv:" + name, texts("a", "b"), slices: [[["1", "x"]]])
        try desk.write(
            "csv:" + name, texts("a", "b"), slices: [[["2", "y"]], [["3", "z"]]], mode: .append, run: "run-2")
        #expect(try desk.read("csv:" + name).rows == [["1", "x"], ["2", "y"], ["3", "z"]])
        let error = try #require(throws: ApusError.self) {
            try desk.write("csv:" + name, texts("b", "a"), slices: [[["2", "y"]]], mode: .append, run: "run-3")
        }
        #expect(error.message.contains("has the columns a, b, but b, a are to be appended"))
        try desk.put("u.csv", "a,b\n1,x")
        try desk.write("csv:u.csv", texts("a", "b"), slices: [[["2", "y"]]], mode: .append)
        #expect(try desk.text("u.csv") == "a,b\n1,x\n2,y\n")
    }

    @Test func `a character that the encoding lacks rejects its row alone`() throws {
        let desk = try FileDesk()
        let rejected = try desk.write("csv:t.csv?encoding=gbk", texts("a"), slices: [[["中"], ["😀"], ["x"]]])
        #expect(rejected.map(\.row) == [1])
        #expect(rejected[0].values == #"{"a":"😀"}"#)
        #expect(try desk.bytes("t.csv") == Array("a\n".utf8) + [0xD6, 0xD0] + Array("\nx\n".utf8))
    }

    @Test func `without quotes a value that needs them is rejected`() throws {
        let desk = try FileDesk()
        let rejected = try desk.write("csv:t.csv?quote=none", texts("a"), slices: [[["x"], ["p,q"], ["z"]]])
        #expect(rejected.map(\.row) == [1])
        #expect(try desk.text("t.csv") == "a\nx\nz\n")
    }

    @Test func `a missing folder two levels deep is an error that names it`() throws {
        let desk = try FileDesk()
        let error = try #require(throws: ApusError.self) {
            try desk.write("csv:no/such/t.csv", texts("a"), slices: [[["x"]]])
        }
        #expect(error.code == .notFound)
        #expect(error.message.contains("no/such"))
    }

    @Test func `a full disk is told as such`() throws {
        let desk = try FileDesk()
        let session = try desk.open("csv:full")
        let load = FileDesk.load(texts("a"))
        try FileManager.default.createSymbolicLink(atPath: desk.folder.file("full"), withDestinationPath: "/dev/full")
        let writer = try session.writer(load)
        try writer.begin(Slice(id: 0, bounds: .all), careful: false)
        _ = try writer.write(FileDesk.batch(texts("a"), [["x"]]))
        let error = try #require(throws: ApusError.self) { try writer.flush() }
        #expect(error.code == .full)
    }
}
