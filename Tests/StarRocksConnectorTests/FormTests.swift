import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import StarRocksConnector

/// What the encoder writes, read by the models of the servers' readers (`Tests/Doubles/starrocks/read.py`).
@Suite("Forms of load are read as they are written", .requires(.starrocks))
struct FormTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Doubles/starrocks").path

    /// `APUS_FORM_ROWS=100000` for the whole of it.
    private static var rows: Int { ProcessInfo.processInfo.environment["APUS_FORM_ROWS"].flatMap { Int($0) } ?? 3000 }

    private static func target(_ types: [String]) -> LoadTarget {
        let items = types.enumerated().map { index, text in
            let native = StarRocksTypes.normalized(text)
            return LoadTarget.Item(
                name: "c\(index)", type: StarRocksTypes.type(native), native: native, nullable: true,
                limit: native.hasPrefix("varchar") ? 200 : nil, nested: NestedType(text))
        }
        return LoadTarget(table: TableName("t"), items: items, model: .duplicate, key: [], isWhole: true, partitions: nil)
    }

    /// What the reader makes of a body: hexadecimal digits, or a list of them.
    private func read(_ reader: String, _ interface: String, _ form: LoadForm, _ columns: [String], _ body: [UInt8]) throws -> [[Any?]] {
        let hex = body.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let headers = Dictionary(uniqueKeysWithValues: form.headers.map { ($0.name, $0.value) }).merging(["strict_mode": "true"]) { $1 }
        let asked: [String: Any] = ["reader": reader, "interface": interface, "headers": headers, "columns": columns, "body_hex": hex]
        let text = String(decoding: try JSONSerialization.data(withJSONObject: asked), as: UTF8.self)
        let result = try runCommand("python3", [Self.folder + "/read.py"], stdin: text + "\n", timeout: .seconds(600))
        let answer = try #require(try JSONSerialization.jsonObject(with: Data(result.stdout.utf8)) as? [String: Any])
        #expect((answer["filtered"] as? [Any])?.isEmpty == true && answer["fail"] is NSNull, "\(result.stdout.prefix(300))")
        return (answer["rows"] as? [[Any]] ?? []).map { $0.map { $0 is NSNull ? nil : $0 } }
    }

    /// What Python reads of the strings of JSON lines, in hexadecimal digits; `-` is null.
    private static func strings(_ body: String) throws -> [[Substring]] {
        let program = """
            import json, sys
            for line in sys.stdin.buffer:
                row = json.loads(line)
                print(*("-" if row[k] is None else row[k].encode().hex() for k in ("c0", "c2", "c11", "c4", "c5", "c7")), sep=",")
            """
        return try runCommand("python3", ["-c", program], stdin: body).stdout.split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
    }

    private static func text(_ hex: String) -> String {
        let digits = Array(hex.utf8)
        return String(
            decoding: stride(from: 0, to: digits.count, by: 2).map {
                UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)!
            }, as: UTF8.self)
    }

    private static let types = [
        "varchar(200)", "int", "varchar(200)", "bigint", "largeint", "decimal(20,6)", "double", "date", "datetime", "boolean", "json",
        "varchar(200)",
    ]

    private static func row(_ random: inout SeededGenerator, _ pool: [String?]) -> [String?] {
        func pick() -> String? {
            if Int.random(in: 0..<3, using: &random) > 0 { return pool.randomElement(using: &random)! }
            let alphabet = ["\"", "\\", "N", "\0", "\r", "\n", "\t", " ", ",", "a", "\u{1}", "\u{2}", "é", "燕", "😀", "'", "\u{FEFF}"]
            let weight = Int.random(in: 0..<20, using: &random) == 0 ? alphabet.count : 10
            return (0..<Int.random(in: 0..<8, using: &random)).map { _ in alphabet[Int.random(in: 0..<weight, using: &random)] }.joined()
        }
        let isNull = (0..<12).map { _ in Int.random(in: 0..<10, using: &random) == 0 }
        let wide =
            "\(Bool.random(using: &random) ? "-" : "")1701411834604692317316873037158841057\(Int.random(in: 10...26, using: &random))"
        let whole = Int64.random(in: -99_999_999_999_999...99_999_999_999_999, using: &random)
        let documents = ["{\"say\":\"\\\"hi\\\"\"}", "\"text\"", "[1,null,\"\\\\N\"]", "12"]
        let values: [String?] = [
            pick(), String(Int32.random(in: .min ... .max, using: &random)), pick(),
            String(Int64.random(in: .min ... .max, using: &random)),
            wide, "\(whole).\(Int.random(in: 100_000...999_999, using: &random))", "\(Double.random(in: -1e300...1e300, using: &random))",
            "2024-02-\(Int.random(in: 10...29, using: &random))",
            "1969-12-31 23:59:59.\(Int.random(in: 100_001...999_999, using: &random) / 10 * 10 + 1)",
            Bool.random(using: &random) ? "true" : "false", documents.randomElement(using: &random)!, pick(),
        ]
        return values.enumerated().map { [0, 2, 11].contains($0) || !isNull[$0] ? $1 : nil }
    }

    /// Every text of every vector.
    private static func vectors() throws -> [[String: Any]] {
        let found = try runCommand(
            "python3", ["-c", "import lzma,sys\nsys.stdout.write(lzma.open(sys.argv[1],'rt').read())", folder + "/vectors/csv.jsonl.xz"])
        return found.stdout.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    private static func isSame(_ sent: String, _ read: String, _ type: String) -> Bool {
        switch type {
        case "double": Double(sent) == Double(read)
        case "boolean": (sent == "true") == ["1", "true"].contains(read)
        case "json": sent.filter { $0 != " " } == read.filter { $0 != " " }
        case "decimal(20,6)", "datetime": sent == read
        default: sent == read
        }
    }

    @Test(arguments: [("starrocks-plain", "stream_load"), ("starrocks-plain", "transaction"), ("doris-plain", "stream_load")])
    func `every value comes back equal, or is refused before it is sent`(_ reader: String, _ interface: String) throws {
        let isDoris = reader.hasPrefix("doris")
        let profile = StarRocksProfile(isDoris ? .doris : .starRocks, major: isDoris ? 2 : 3, minor: 3, text: "3.3")
        let target = Self.target(Self.types)
        var pool: Set<String?> = Set(ProbeTexts.list(carrying: .json, profile))
        for vector in try Self.vectors() where vector["faithful"] is Bool {
            for row in (vector["intent"] as? [[Any]]) ?? (vector["rows"] as? [[Any]]) ?? [] {
                for field in row { if let hex = field as? String, hex.count <= 400 { pool.insert(Self.text(hex)) } }
            }
        }
        let texts = pool.sorted { ($0 ?? "") < ($1 ?? "") }
        var random = SeededGenerator(seed: 7)
        var left = Self.rows
        var counts = (plain: 0, hex: 0, json: 0)
        while left > 0 {
            let rows = (0..<min(4000, left)).map { _ in Self.row(&random, texts) }
            left -= rows.count
            let batch = try LoadProbe.batch(rows, target.schema)
            let plain = LoadForm(profile, .none)
            let encoder = LoadEncoder(target, plain)
            encoder.begin(batch)
            var body = ByteBuffer()
            var carried: [Int] = [], others: [Int] = []
            for row in 0..<batch.rowCount {
                let column = encoder.append(row: row, of: batch.columns.baseAddress!, to: &body)
                if column < 0 { carried.append(row) } else { others.append(row) }
                if column >= 0 {
                    let value = rows[row][column] ?? ""
                    #expect(encoder.blocked == column, "only what another form carries is refused: \(encoder.reason(batch, row, column))")
                    #expect(value.utf8.contains(1) || value.utf8.contains(2) || (!isDoris && value == "\\N"))
                }
            }
            // Without a choice of what to refuse, every text has to come back.
            let types = Self.types.map { $0.uppercased() }
            func check(_ read: [[Any?]], _ picked: [Int], isHexed: Bool) {
                #expect(read.count == picked.count)
                for (back, row) in zip(read, picked) {
                    for index in types.indices {
                        guard let sent = rows[row][index], let hex = back[index] as? String else {
                            #expect(rows[row][index] == nil && back[index] == nil, "row \(row), column \(index)")
                            continue
                        }
                        var text = Self.text(hex)
                        if isHexed, Self.types[index].hasPrefix("varchar") { text = Self.text(text) }
                        if !Self.isSame(sent, text, Self.types[index]) {
                            Issue.record("row \(row), column \(index): \(sent.debugDescription) is \(text.debugDescription)")
                        }
                    }
                }
            }
            check(try read(reader, interface, plain, types, Array(body.bytes)), carried, isHexed: false)
            counts.plain += carried.count

            let hexed = LoadForm(profile, .none, LoadForm.Choice(hexed: [0, 2, 11]))
            let second = LoadEncoder(target, hexed)
            second.begin(batch)
            body.removeAll()
            for row in others { #expect(second.append(row: row, of: batch.columns.baseAddress!, to: &body) < 0) }
            check(
                try read(
                    reader, interface, hexed, Self.types.map { $0.hasPrefix("varchar") ? "VARCHAR(2000)" : $0.uppercased() },
                    Array(body.bytes)),
                others, isHexed: true)
            counts.hex += others.count

            let json = LoadEncoder(target, LoadForm(profile, .none, LoadForm.Choice(isJSON: true)))
            json.begin(batch)
            body.removeAll()
            for row in 0..<batch.rowCount { #expect(json.append(row: row, of: batch.columns.baseAddress!, to: &body) < 0) }
            let lines = try Self.strings(body.string)
            #expect(lines.count == batch.rowCount)
            for (line, row) in zip(lines, rows) {
                for (place, index) in [0, 2, 11, 4, 5, 7].enumerated() {
                    let text = line[place] == "-" ? nil : Self.text(String(line[place]))
                    if text != row[index] { Issue.record("JSON: \(row[index].debugDescription) is \(text.debugDescription)") }
                }
            }
            counts.json += batch.rowCount
        }
        print("\(reader) \(interface): \(counts)")
        #expect(counts.plain > Self.rows / 2 && counts.hex > Self.rows / 50)
    }

    @Test func `no body that a reader is known to misread is written for what was meant`() throws {
        var guarded = 0
        for vector in try Self.vectors() where vector["faithful"] as? Bool == false {
            guard let intent = vector["intent"] as? [[Any]], let columns = vector["columns"] as? Int,
                let body = vector["body_hex"] as? String
            else { continue }
            let isDoris = vector["server"] as? String == "doris"
            let profile = StarRocksProfile(isDoris ? .doris : .starRocks, major: 3, minor: 1, text: "3.1")
            let target = Self.target(Array(repeating: "varchar(1048576)", count: columns))
            let encoder = LoadEncoder(target, LoadForm(profile, .none))
            let rows = intent.map { $0.map { ($0 as? String).map(Self.text) } }
            // Bytes that are not UTF-8 are refused as text.
            let batch = try LoadProbe.batch(rows, target.schema)
            encoder.begin(batch)
            var written = ByteBuffer()
            for row in 0..<batch.rowCount { _ = encoder.append(row: row, of: batch.columns.baseAddress!, to: &written) }
            let hex = written.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            guarded += 1
            // Its separators may be others, its reader the one with `enclose`, which is never asked for: then the body is another, too.
            if vector["reader"] as? String == (isDoris ? "doris-plain" : "starrocks-plain"), hex == body {
                let headers = vector["headers"] as? [String: String] ?? [:]
                let same = isDoris == (headers["trim_double_quotes"] != nil) && headers["column_separator"] == "\\x01"
                #expect(!same, "\(vector["id"] ?? "")")
            }
        }
        #expect(guarded > 100)
    }

    @Test(arguments: [
        ("array<varchar(20)>", #"["a", "say \"hi\"", "c\\d", null]"#, #"["a","say ""hi""","c\d",null]"#),
        ("array<varchar(20)>", #"["a\nb","\u00e9"]"#, "[\"a\nb\",\"é\"]"),
        ("array<varchar(20)>", #"{a,NULL,"b \"c\"","NULL"}"#, #"["a",null,"b ""c""","NULL"]"#),
        ("array<varchar(20)>", #"["x""y"]"#, #"["x""y"]"#),
        ("array<int>", "[1, null,-3 ]", "[1,null,-3]"), ("array<array<varchar(5)>>", #"[["a"], []]"#, #"[["a"],[]]"#),
        ("array<date>", #"["2024-02-29"]"#, #"["2024-02-29"]"#), ("array<boolean>", "{t,f}", "[1,0]"),
        ("array<json>", #"['{"a": "b"}']"#, #"["{""a"": ""b""}"]"#),
    ])
    func `arrays are written anew in the grammar of loads`(_ type: String, _ text: String, _ expected: String) throws {
        #expect(Self.anew(text, type, .csv) == expected)
    }

    @Test(arguments: [
        ("array<int>", "[1.5]"), ("array<tinyint>", "[300]"), ("array<varchar(3)>", #"["abcd"]"#), ("array<varchar(3)>", "[a]"),
        ("array<int>", "1"), ("array<int>", "[1"), ("array<decimal(4,2)>", "[100.00]"), ("array<date>", #"["2024-02-30"]"#),
        ("array<int>", ""),
    ])
    func `what is not an array of the type is refused`(_ type: String, _ text: String) { #expect(Self.anew(text, type, .csv) == nil) }

    @Test func `maps and structs become JSON`() {
        #expect(Self.anew(#"{1:"a",2:null}"#, "map<int,varchar(5)>", .json) == #"{"1":"a","2":null}"#)
        #expect(Self.anew(#"{"A":1,"b":[1.50]}"#, "struct<a int, b array<decimal(4,2)>>", .json) == #"{"a":1,"b":["1.50"]}"#)
        #expect(Self.anew(#"{"x":1}"#, "struct<a int>", .json) == nil)
    }

    private static func anew(_ text: String, _ type: String, _ grammar: NestedText.Grammar) -> String? {
        var out = ByteBuffer()
        var text = text
        guard let type = NestedType(type) else { return "no type" }
        return text.withUTF8 { NestedText.write($0, as: type, grammar, to: &out) } ? out.string : nil
    }
}
