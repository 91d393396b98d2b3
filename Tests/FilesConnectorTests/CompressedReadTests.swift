import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import FilesConnector

@Suite struct CompressedReadTests {
    private func rows(_ count: Int) -> String { (1...count).map { "\($0),\($0 &* 7919)\n" }.joined() }

    @Test(arguments: ["gzip", "zstd"])
    func `a compressed file that breaks off is an error that names it`(tool: String) throws {
        let desk = try FileDesk()
        let suffix = tool == "gzip" ? ".gz" : ".zst"
        try desk.write(
            "csv:t.csv" + suffix, texts("a", "b"), slices: [(1...20_000).map { ["\($0)", "\($0 &* 7919)"] }])
        let whole = try desk.bytes("t.csv" + suffix)
        for length in [0, 5, 30, whole.count / 2, whole.count - 1] {
            try desk.put("cut.csv" + suffix, Array(whole.prefix(length)))
            let error = try #require(throws: ApusError.self, "\(length)") {
                try desk.read("csv:cut.csv\(suffix)?columns=a,b&infer=false")
            }
            #expect(error.code == .malformedInput)
            #expect(error.message.contains("cut.csv" + suffix))
        }
        var damaged = whole
        damaged[whole.count / 2] ^= 0xFF
        try desk.put("bad.csv" + suffix, damaged)
        let error = try #require(throws: ApusError.self) { try desk.read("csv:bad.csv\(suffix)") }
        #expect(error.code == .malformedInput)
    }

    @Test func `members of gzip one behind another are one file`() throws {
        let desk = try FileDesk()
        try desk.put("a", "a,b\n" + rows(1000))
        try desk.put("b", rows(500))
        let command =
            "gzip -c '\(desk.folder.file("a"))' > '\(desk.folder.file("t.csv.gz"))'; gzip -c '\(desk.folder.file("b"))' >> '\(desk.folder.file("t.csv.gz"))'"
        try runCommand("/bin/sh", ["-c", command])
        #expect(try desk.read("csv:t.csv.gz").rows.count == 1500)
    }

    @Test func `files of a pattern are one table, a slice each, in octet order`() throws {
        let desk = try FileDesk()
        try desk.put("in/orders-2.csv", "b,a\nx,2\n")
        try desk.put("in/orders-1.csv", "a,b\n1,w\n")
        try desk.put("in/other.csv", "q\n1\n")
        let session = try desk.open("csv:in/orders-*.csv")
        #expect(try session.tables(schema: nil).map(\.name.name) == ["orders"])
        #expect(try desk.read("csv:in/orders-*.csv").rows == [["1", "w"], ["2", "x"]])
        #expect(try desk.read("csv:in/orders-*.csv", wholeTable: true).rows == [["1", "w"], ["2", "x"]])
        #expect(try desk.open("csv:in/").tables(schema: nil).map(\.name.name) == ["orders-1", "orders-2", "other"])
        let error = try #require(throws: ApusError.self) { try desk.open("csv:in/").describe(TableName("othr")) }
        #expect(error.code == .notFound)
        #expect(error.hint == "Did you mean `other`?")
    }

    @Test func `a file with a column that the table lacks, or without one it has, is an error`() throws {
        let desk = try FileDesk()
        try desk.put("o-1.csv", "a,b\n1,w\n")
        try desk.put("o-2.csv", "a\n2\n")
        let error = try #require(throws: ApusError.self) { try desk.read("csv:o-*.csv") }
        #expect(error.message.contains("o-2.csv has no column `b`"))
    }

    @Test func `what files cannot do is said`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a\n1\n")
        let session = try desk.open("csv:a.csv")
        var read = Read(relation: .table(TableName("a")), items: [Read.Item("a")], schema: Schema(texts("a")))
        read.filters = ["a > 1"]
        #expect(throws: ApusError.self) { try session.reader(read, Slice(id: 0, bounds: .all), wire: []) }
        read.filters = []
        read.items = [Read.Item("x", expression: "a"), Read.Item("k", expression: "'it''s'")]
        read.schema = Schema([Column("x", .int64), Column("k", .text)])
        let reader = try session.reader(read, Slice(id: 0, bounds: .all), wire: [])
        let batch = Batch(schema: read.schema)
        #expect(try reader.read(into: batch) == false)
        #expect(FileDesk.texts(batch, 0) == ["1", "it's"])
    }
}
