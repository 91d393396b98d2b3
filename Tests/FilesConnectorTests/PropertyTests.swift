import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import FilesConnector

/// Random tables, random options and random garbage, all from seeds.
@Suite struct PropertyTests {
    private static let pieces = [
        "", "a", "é", "中", "😀", ",", ";", "\t", "|", "||", "\"", "\"\"", "\n", "\r", "\r\n", "\\", "\\N", "\\n", "NULL",
        " ", "0", "007", "-1.5",
        "'", "#", "{", "}", "[", ":", "\u{0}", "\u{1}", "true", "x\u{301}",
        "long text that spans more than one block of sixty-four octets, yes it does",
    ]

    private static func text(_ random: inout SeededGenerator) -> String? {
        if Int.random(in: 0..<6, using: &random) == 0 { return nil }
        return (0..<Int.random(in: 0..<6, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
    }

    private static func table(_ random: inout SeededGenerator) -> (columns: [Column], rows: [[String?]]) {
        let width = Int.random(in: 1...7, using: &random)
        let columns = (0..<width).map { Column("k\($0)", .text) }
        let rows = (0..<Int.random(in: 0...40, using: &random)).map { _ in (0..<width).map { _ in text(&random) } }
        return (columns, rows)
    }

    private static let options = [
        "separator=%2C", "separator=;", "separator=%5Ct", "separator=%7C%7C", "separator=%7C", "escape=backslash",
        "null=%5CN", "null=NULL", "newline=crlf",
        "newline=lf", "newline=cr", "quote='", "header=false&columns=NAMES", "comment=%23",
        "escape=backslash&null=%5CN",
        "quote=none&escape=backslash&null=%5CN", "quote=none&escape=backslash&null=%5CN&separator=%5Ct",
        "encoding=gb18030", "encoding=utf-16be",
        "bom=true", "compression=gzip", "compression=zstd",
    ]

    @Test(arguments: 0..<120)
    func `random tables are read back the same, whatever the options and block size`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let desk = try FileDesk()
        let (columns, rows) = PropertyTests.table(&random)
        var url = "json:t.x"
        if seed % 4 != 0 {
            let chosen = PropertyTests.options.randomElement(using: &random)!
            url = "csv:t.x?" + chosen.replacing("NAMES", with: columns.map(\.name).joined(separator: ","))
        } else {
            url = "json:t.x?columns=" + columns.map(\.name).joined(separator: ",")
        }
        let half = rows.count / 2
        let rejected = try desk.write(url, columns, slices: [Array(rows[..<half]), Array(rows[half...])])
        #expect(rejected.isEmpty, "\(url)")
        for blockSize in [1, 7, 64 << 10] {
            let table = try desk.read(url + "&infer=false", blockSize: blockSize, batchRows: 3)
            #expect(table.rejected.isEmpty, "\(url) \(blockSize)")
            #expect(table.rows == rows, "\(url) \(blockSize)")
        }
    }

    @Test(arguments: 0..<150)
    func `garbage never crashes or hangs: every fault is a rejected row or a clear error`(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 1000)
        let desk = try FileDesk()
        let alphabet: [UInt8] = Array(",\"\n\r\\{}[]:\"ae1-.0 \tu".utf8) + [0, 0xFF, 0xC3, 0xA9, 0xF0]
        let bytes = (0..<Int.random(in: 1...400, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
        try desk.put("t.csv", Array("a,b\n".utf8) + bytes)
        try desk.put("t.jsonl", Array("{\"a\":1}\n".utf8) + bytes)
        try desk.put("t.csv.gz", bytes)
        try desk.put("u.csv.zst", bytes)
        for url in [
            "csv:t.csv?", "csv:t.csv?escape=backslash&", "csv:t.csv?quote=none&", "csv:t.csv?separator=%5C%5C&",
            "csv:t.csv?encoding=gbk&", "json:t.jsonl?columns=a&", "csv:t.csv.gz?", "csv:u.csv.zst?",
        ] {
            var results: [Result<FileDesk.Table, ApusError>] = []
            for blockSize in [1, 7, 64 << 10] {
                do {
                    let table = try desk.read(url + "infer=false", blockSize: blockSize, batchRows: 5)
                    #expect(table.rows.count + table.rejected.count == table.rowsRead)
                    results.append(.success(table))
                } catch let error as ApusError {
                    results.append(.failure(error))
                }
            }
            #expect(results[0] == results[1] && results[1] == results[2], "\(url)")
        }
    }

    @Test func `Python's csv module reads what is written, and writes what is read`() throws {
        var random = SeededGenerator(seed: 42)
        let desk = try FileDesk()
        for round in 0..<5 {
            let (columns, source) = PropertyTests.table(&random)
            // Python knows no NULL, and cannot tell one empty field from none.
            let rows = source.map { $0.map { ($0 ?? "").replacing("\0", with: "") + "." } }
            try desk.write("csv:t.csv", columns, slices: [rows.map { $0.map { Optional($0) } }], run: "r\(round)")
            let script = """
                import csv, json, sys
                rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8')))
                json.dump(rows, open(sys.argv[2], 'w'))
                w = csv.writer(open(sys.argv[3], 'w', newline='', encoding='utf-8'))
                w.writerows(rows)
                with open(sys.argv[4], 'w', encoding='utf-8') as f:
                    for r in rows[1:]: f.write(json.dumps(dict(zip(rows[0], r)), ensure_ascii=\(round % 2 == 0 ? "True" : "False")) + '\\n')
                """
            let paths = ["t.csv", "t.json", "p.csv", "p.jsonl"].map { desk.folder.file($0) }
            let result = try runCommand("python3", ["-c", script] + paths)
            #expect(result.status == 0, "\(result.stderr)")
            let python = try JSONDecoder().decode([[String]].self, from: Data(try desk.bytes("t.json")))
            #expect(python == [columns.map(\.name)] + rows)
            #expect(try desk.read("csv:p.csv?infer=false").rows == rows)
            if !rows.isEmpty { #expect(try desk.read("json:p.jsonl?infer=false").rows == rows) }
        }
    }

    @Test func `Python's json module reads what is written`() throws {
        var random = SeededGenerator(seed: 43)
        let desk = try FileDesk()
        let (columns, rows) = PropertyTests.table(&random)
        try desk.write("json:t.jsonl", columns, slices: [rows])
        let script =
            "import json,sys; json.dump([list(json.loads(l).values()) for l in open(sys.argv[1], encoding='utf-8', newline='\\n')], open(sys.argv[2],'w'))"
        let result = try runCommand("python3", ["-c", script, desk.folder.file("t.jsonl"), desk.folder.file("o.json")])
        #expect(result.status == 0, "\(result.stderr)")
        #expect(try JSONDecoder().decode([[String?]].self, from: Data(try desk.bytes("o.json"))) == rows)
    }
}
