import ApusCore
import Foundation
import Tabular
import Testing

@testable import ApusEngine

/// DataX's transformers once more, apart from the engine's: on arrays of UTF-16 code units, one row at a time, and only
/// as long as needed. A lone half of a pair becomes a question mark at the end, as Java's encoder writes it.
struct TransformerModel {
    enum Outcome: Equatable {
        case value(String?)
        case dropped
        case fault
    }

    static func apply(_ change: Transform.Change, to text: String?) -> Outcome {
        let units = text.map { Array($0.utf16) }
        switch change {
        case .substring(let start, let length):
            guard let units else { return .value(nil) }
            guard start <= units.count else { return .fault }
            return .value(string(units[start..<min(units.count, start + length)]))
        case .replace(let start, let length, let new):
            guard let units else { return .value(nil) }
            guard start <= units.count else { return .fault }
            let rest = start + length >= units.count ? [] : Array(units[(start + length)...])
            // The halves of a pair are apart before they are encoded: each is a question mark by itself.
            return .value(string(units[..<start]) + new + string(rest[...]))
        case .pad(let side, let length, let filler):
            let units = units ?? []
            guard units.count < length else { return .value(string(units[..<length])) }
            var fill: [UInt16] = []
            let unit = Array(filler.utf16)
            while fill.count < length - units.count { fill.append(unit[fill.count % unit.count]) }
            return .value(side == .left ? string(fill[...]) + string(units[...]) : string(units[...]) + string(fill[...]))
        case .filter(let comparison, let value):
            guard let units else {
                let isNull = value.lowercased() == "null"
                return comparison == .notLike || (comparison == .equal && isNull) || (comparison == .notEqual && !isNull)
                    ? .dropped : .value(nil)
            }
            let other = Array(value.utf16)
            let isLess = units.lexicographicallyPrecedes(other), isEqual = units == other
            let isMatch =
                switch comparison {
                case .greater: !isLess && !isEqual
                case .less: isLess
                case .equal: isEqual
                case .notEqual: !isEqual
                case .atLeast: !isLess
                case .atMost: isLess || isEqual
                case .like, .notLike: false
                }
            return isMatch ? .dropped : .value(text)
        case .digest: return .fault
        }
    }

    private static func string(_ units: ArraySlice<UInt16>) -> String {
        var text = ""
        var decoder = UTF16()
        var iterator = units.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar): text.unicodeScalars.append(scalar)
            case .error: text += "?"
            case .emptyInput: return text
            }
        }
    }
}

@Suite struct TransformTests {
    // MARK: Running a pass

    /// One column of text through transforms: what is left, the reasons of the faulty rows, and how many were dropped.
    func run(_ changes: [Transform.Change], _ values: [String?]) throws -> (left: [String?], faults: [String], dropped: Int) {
        let batch = Batch(schema: Schema([Column("a", .int64), Column("t", .text)]))
        for (index, value) in values.enumerated() {
            batch.columns[0].append(Int64(index))
            if let value { batch.columns[1].append(value) } else { batch.columns[1].appendNull() }
            batch.endRow(bytes: 1)
        }
        let pass = try TransformPass(changes.map { Transform(column: 1, $0) }, from: batch.schema)
        let out = pass.apply(batch)
        #expect(out.rowCount + out.rejected.count + pass.filtered == values.count)
        let left = (0..<out.rowCount).map { out.columns[1].isNull($0) ? nil : out.columns[1].string($0) }
        return (left, out.rejected.map(\.reason), pass.filtered)
    }

    /// A single value of any type.
    func run(_ change: Transform.Change, _ type: ColumnType, _ append: (inout ColumnBuffer) -> Void) throws -> [String?] {
        let batch = Batch(schema: Schema([Column("v", type)]))
        append(&batch.columns[0])
        batch.endRow(bytes: 1)
        let out = try TransformPass([Transform(column: 0, change)], from: batch.schema).apply(batch)
        guard change.makesText else { return [String?](repeating: "kept", count: out.rowCount) }
        return (0..<out.rowCount).map { out.columns[0].isNull($0) ? nil : out.columns[0].string($0) }
    }

    // MARK: One by one

    @Test func `substr takes what is there and complains of a start behind the end`() throws {
        let (left, faults, _) = try run([.substring(start: 2, length: 3)], ["abcdef", "abcd", "ab", "a", nil, ""])
        #expect(left == ["cde", "cd", "", nil])
        #expect(
            faults == [
                "transformer(dx_substr) has Exception(Code:[TransformerErrorCode-06], Description:[Transformer run exception].  - dx_substr startIndex(2) out of range(1))",
                "transformer(dx_substr) has Exception(Code:[TransformerErrorCode-06], Description:[Transformer run exception].  - dx_substr startIndex(2) out of range(0))",
            ])
    }

    @Test func `pad cuts, fills up again and again, and makes something of NULL`() throws {
        #expect(
            try run([.pad(.left, length: 6, filler: "ab")], ["x", nil, "1234567", "123456"]).left == [
                "ababax", "ababab", "123456", "123456",
            ])
        #expect(try run([.pad(.right, length: 5, filler: "-=")], ["x", nil, "1234567"]).left == ["x-=-=", "-=-=-", "12345"])
        #expect(try run([.pad(.right, length: 0, filler: "-")], ["x", nil]).left == ["", ""])
    }

    @Test func `replace puts a text in the place of another`() throws {
        let (left, faults, _) = try run([.replace(start: 3, length: 4, text: "****")], ["13812345678", "1381", "138", "13", nil])
        #expect(left == ["138****5678", "138****", "138****", nil])
        #expect(faults.count == 1)
        #expect(faults[0].contains("dx_replace startIndex(3) out of range(2)"))
        #expect(try run([.replace(start: 2, length: -1, text: "-")], ["abcd"]).left == ["ab-bcd"])
    }

    @Test func `digest gives the known values, of NULL those of nothing`() throws {
        #expect(
            try run([.digest(.md5, uppercase: false)], ["", nil, "abc"]).left == [
                "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e", "900150983cd24fb0d6963f7d28e17f72",
            ])
        #expect(
            try run([.digest(.sha1, uppercase: true)], ["abc", "中文"]).left == [
                "A9993E364706816ABA3E25717850C26C9CD0D89D", "7BE2D2D20C106EEE0836C9BC2B939890A78E8FB3",
            ])
    }

    @Test(arguments: [
        ("like", "a.*", ["abc", "a"], false), ("like", "b", ["abc"], true), ("not like", "a.*", ["xyz"], false),
        ("not like", "a.*", ["abc"], true), ("=", "5", ["5"], false), ("==", "5", ["05", "6"], true), ("!=", "5", ["6"], false),
        (">", "5", ["6", "50"], false), (">", "5", ["5", "4", "49"], true), (">=", "5", ["5"], false), ("<", "5", ["49"], false),
        ("<=", "5", ["5"], false), ("<=", "5", ["50"], true), ("LIKE", #"\d{3}-\d+"#, ["010-123"], false),
        ("like", "(?i)ABC", ["abc"], false), ("like", "中.", ["中文"], false), ("like", ".", ["\n", "😀x"], true),
    ])
    func `filter drops what matches`(code: String, value: String, texts: [String], stays: Bool) throws {
        let transform = try Transform(named: "dx_filter", column: 0, parameters: [code, value])
        let result = try run([transform.change], texts)
        #expect(result.left.count == (stays ? texts.count : 0))
        #expect(result.dropped == (stays ? 0 : texts.count))
    }

    @Test(arguments: [
        ("like", ".*", true), ("not like", ".*", false), (">", "1", true), ("<", "1", true), ("=", "x", true), ("=", "NULL", false),
        ("!=", "x", false), ("!=", "null", true),
    ])
    func `filter treats NULL as DataX does`(code: String, value: String, stays: Bool) throws {
        let transform = try Transform(named: "dx_filter", column: 0, parameters: [code, value])
        #expect(try run([transform.change], [nil]).left.count == (stays ? 1 : 0))
    }

    @Test func `filter compares numbers as numbers and dates as milliseconds`() throws {
        func drops(_ comparison: Transform.Comparison, _ value: String, _ type: ColumnType, _ append: (inout ColumnBuffer) -> Void) throws
            -> Bool
        {
            try run(.filter(comparison, value: value), type, append).isEmpty
        }
        #expect(try drops(.greater, "9", .int64) { $0.append(Int64(10)) })
        #expect(try !drops(.greater, "9", .text) { $0.append("10") })
        #expect(try drops(.greater, "9223372036854775807", .uint64) { $0.append(Int64(bitPattern: .max)) } == true)
        #expect(try !drops(.less, "0", .uint64) { $0.append(Int64(-1)) })
        #expect(try drops(.less, "9.5", .decimal(precision: 10, scale: 2)) { $0.append("-12.50") })
        #expect(try drops(.equal, "0.1", .float64) { $0.append(0.1) })
        #expect(try !drops(.notEqual, "1e3", .float64) { $0.append(1000.0) })
        #expect(try !drops(.greater, "0", .float64) { $0.append(Double.nan) })
        #expect(try drops(.equal, "true", .boolean) { $0.append(Int64(1)) })
        #expect(try drops(.atLeast, "1705888812345", .instant(precision: 6)) { $0.append(Int64(1_705_888_812_345_999)) })
        #expect(try !drops(.greater, "1705888812345", .instant(precision: 6)) { $0.append(Int64(1_705_888_812_345_999)) })
        #expect(try drops(.equal, "-1", .instant(precision: 6)) { $0.append(Int64(-1)) })
        // A zero date is NULL to DataX.
        let zero = Temporal.zeroDate(year: 0, month: 0, day: 0)
        #expect(try !drops(.less, "9", .date) { $0.append(zero) })
        #expect(try drops(.notEqual, "9", .date) { $0.append(zero) })
        #expect(try drops(.greater, "9", .timestamp(precision: 0)) { $0.append(Temporal.infinity) })
    }

    @Test func `a value that is none of the column's type makes the row dirty`() throws {
        let batch = Batch(schema: Schema([Column("n", .int64)]))
        batch.columns[0].append(Int64(1))
        batch.endRow(bytes: 8)
        batch.columns[0].appendNull()
        batch.endRow(bytes: 8)
        let out = try TransformPass([Transform(column: 0, .filter(.greater, value: "x"))], from: batch.schema).apply(batch)
        #expect(out.rowCount == 1)
        #expect(out.rejected.count == 1)
        #expect(out.rejected[0].stage == .transform)
        #expect(out.rejected[0].column == "n")
        #expect(out.rejected[0].values == #"{"n":1}"#)
        #expect(out.rejected[0].reason.contains(#"For input string: "x""#))
    }

    @Test func `values become text as DataX writes them`() throws {
        let all = Transform.Change.substring(start: 0, length: 100)
        #expect(try run(all, .int64) { $0.append(Int64(-7)) } == ["-7"])
        #expect(try run(all, .uint64) { $0.append(Int64(-1)) } == ["18446744073709551615"])
        #expect(try run(all, .decimal(precision: 30, scale: 2)) { $0.append("99999999999999.99") } == ["99999999999999.99"])
        #expect(try run(all, .boolean) { $0.append(Int64(0)) } == ["false"])
        #expect(try run(all, .bytes) { $0.append("中") } == ["中"])
        #expect(try run(all, .date) { $0.append(Int64(19_744)) } == ["2024-01-22"])
        #expect(try run(all, .time(precision: 0)) { $0.append(Int64(3_661_000_000)) } == ["01:01:01"])
        #expect(try run(all, .timestamp(precision: 6)) { $0.append(Int64(1_705_888_812_000_000)) } == ["2024-01-22 02:00:12"])
        #expect(try run(all, .timestamp(precision: 6)) { $0.append(Int64(1_705_888_812_500_000)) } == ["2024-01-22 02:00:12.5"])
        // An instant is what the clock of this zone shows.
        let moment = Date(timeIntervalSince1970: 1_705_888_812)
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        #expect(
            try run(all, .instant(precision: 6)) { $0.append(Int64(1_705_888_812_000_000)) } == [formatter.string(from: moment)])
    }

    @Test func `octets that are no text make the row dirty, but have a digest`() throws {
        let octets: [UInt8] = [0xff, 0x00]
        func add(_ column: inout ColumnBuffer) { column.append(octets, count: 2) }
        #expect(try run(.substring(start: 0, length: 1), .bytes, add).isEmpty)
        #expect(try run(.digest(.md5, uppercase: false), .bytes, add) == ["e0e8bfafbb0689563b2fba789c97b3cc"])
    }

    @Test func `transforms of one column follow each other, and stop at the first that fails or drops`() throws {
        let (left, faults, dropped) = try run(
            [
                .substring(start: 1, length: 10), .filter(.like, value: "x.*"), .pad(.left, length: 4, filler: "0"),
                .substring(start: 3, length: 9), .digest(.md5, uppercase: false), .substring(start: 0, length: 4),
            ], ["a12", "axyz", "", nil, "a9"])
        // md5("2"), md5("0"), md5("9"); the empty text has no second unit, and NULL is padded.
        #expect(left == ["c81e", "cfcd", "45c4"])
        #expect(faults.count == 1)
        #expect(dropped == 1)
    }

    @Test func `the other columns stay with their rows`() throws {
        let batch = Batch(schema: Schema([Column("a", .int64), Column("t", .text), Column("b", .text)]))
        for row in 0..<4000 {
            batch.columns[0].append(Int64(row))
            if row % 5 == 0 { batch.columns[1].appendNull() } else { batch.columns[1].append("t\(row)") }
            if row % 7 == 0 { batch.columns[2].appendNull() } else { batch.columns[2].append("b\(row)") }
            batch.endRow(bytes: 10)
        }
        let pass = try TransformPass(
            [
                Transform(column: 0, .filter(.less, value: "100")), Transform(column: 1, .pad(.left, length: 6, filler: "*")),
                Transform(column: 2, .filter(.like, value: ".*3")), Transform(column: 1, .substring(start: 0, length: 6)),
            ], from: batch.schema)
        #expect(pass.to.types == [.int64, .text(length: 6), .text])
        let out = pass.apply(batch)
        var row = 0
        for number in 100..<4000 where number % 7 == 0 || number % 10 != 3 {
            let text = number % 5 == 0 ? "" : "t\(number)"
            #expect(out.columns[0].int(row) == Int64(number))
            #expect(out.columns[1].string(row) == String(repeating: "*", count: 6 - text.count) + text)
            if number % 7 == 0 { #expect(out.columns[2].isNull(row)) } else { #expect(out.columns[2].string(row) == "b\(number)") }
            row += 1
        }
        #expect(out.rowCount == row)
        #expect(pass.filtered == 4000 - row)
        #expect(out.byteCount == 40_000)
    }

    @Test func `an expression that goes back and forth for ever is given up`() throws {
        let (left, faults, _) = try run([.filter(.like, value: "(a+)+b")], [String(repeating: "a", count: 60) + "c", "b"])
        #expect(left.count + faults.count == 2)
    }

    // MARK: By chance

    @Test func `random texts come out as the model says`() throws {
        var seeded = Seed(state: 20_261_126)
        let letters = ["a", "Z", "0", " ", "é", "中", "文", "😀", "𝄞", "\u{FFFD}", "\u{E000}", "ﬀ", "\u{0}", "'"]
        func text(_ most: Int) -> String {
            (0..<Int.random(in: 0...most, using: &seeded)).map { _ in letters.randomElement(using: &seeded)! }.joined()
        }
        for _ in 0..<3_000 {
            let number = { (most: Int) in Int.random(in: 0...most, using: &seeded) }
            let change: Transform.Change =
                switch number(3) {
                case 0: .substring(start: number(8), length: number(8))
                case 1: .pad(number(1) == 0 ? .left : .right, length: number(12), filler: "x" + text(3))
                case 2: .replace(start: number(6), length: number(6), text: text(3))
                default:
                    .filter(
                        [.greater, .less, .equal, .notEqual, .atLeast, .atMost].randomElement(using: &seeded)!, value: "v" + text(2))
                }
            let values = (0..<6).map { _ in number(7) == 0 ? nil : text(8) }
            let outcomes = values.map { TransformerModel.apply(change, to: $0) }
            let result = try run([change], values)
            #expect(
                result.left == outcomes.compactMap { if case .value(let value) = $0 { .some(value) } else { nil } },
                "\(change) on \(values)")
            #expect(result.faults.count == outcomes.count { $0 == .fault })
            #expect(result.dropped == outcomes.count { $0 == .dropped })
        }
    }

    struct Seed: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    @Test func `digests are those of Python`() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c",
            "import hashlib\nfor i in range(300):\n t=('中'*i+str(i)*(i%7)).encode()\n print(hashlib.md5(t).hexdigest(), hashlib.sha1(t).hexdigest())",
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.count == 300)
        let texts = (0..<300).map { String(repeating: "中", count: $0) + String(repeating: "\($0)", count: $0 % 7) }
        #expect(try run([.digest(.md5, uppercase: false)], texts).left == lines.map { $0[0] })
        #expect(try run([.digest(.sha1, uppercase: false)], texts).left == lines.map { $0[1] })
    }

    // MARK: What is refused

    @Test(arguments: [
        ("dx_substr", ["1"]), ("dx_substr", ["x", "1"]), ("dx_substr", ["-1", "1"]), ("dx_substr", ["1", "-1"]),
        ("dx_substr", ["1", "99999999999"]), ("dx_pad", ["m", "1", "x"]), ("dx_pad", ["l", "5", ""]),
        ("dx_pad", ["l", "99999999", "x"]), ("dx_replace", ["2", "-3", "x"]), ("dx_filter", ["~", "x"]), ("dx_filter", ["=", ""]),
        ("dx_digest", ["sha256", "toUpperCase"]), ("dx_digest", ["md5", "up"]), ("dx_groovy", []), ("dx_sbstr", ["1", "2"]),
    ])
    func `what cannot work is refused before the run`(name: String, parameters: [String]) {
        let error = #expect(throws: ApusError.self) { try Transform(named: name, column: 0, parameters: parameters) }
        #expect(error?.message.contains(name) == true)
        #expect(error.map { [.configurationInvalid, .unsupported].contains($0.code) } == true)
    }

    @Test func `Groovy is refused with what to do instead`() {
        let error = #expect(throws: ApusError.self) { try Transform(named: "dx_groovy", column: nil, parameters: []) }
        #expect(error?.hint?.contains("an expression in the reader's `column`") == true)
    }

    @Test func `a column that is not there is refused in DataX's words`() throws {
        let transform = try Transform(named: "dx_substr", column: 5, parameters: ["0", "1"])
        let error = #expect(throws: ApusError.self) { try TransformPass([transform], from: Schema([Column("a", .text)])) }
        #expect(error?.message == "columnIndex[5] out of bound[1]. name=dx_substr")
    }

    @Test func `a broken regular expression is refused with its place`() {
        let error = #expect(throws: ApusError.self) {
            try TransformPass([Transform(column: 0, .filter(.like, value: "a(b"))], from: Schema([Column("a", .text)]))
        }
        #expect(error?.code == .configurationInvalid)
        #expect(error?.message.contains("`a(b` is no regular expression") == true)
    }

    @Test func `spelling does not matter where DataX lets it pass`() throws {
        #expect(try Transform(named: "dx_digest", column: 0, parameters: ["MD5", "TOUPPERCASE"]).change == .digest(.md5, uppercase: true))
        #expect(try Transform(named: "dx_pad", column: 0, parameters: ["R", "+3", " "]).change == .pad(.right, length: 3, filler: " "))
    }

    // MARK: Plans

    @Test func `a plan keeps its transforms, and one without does not speak of them`() throws {
        let store = FakeStore(rows: 10)
        var plan = store.plan(slices: 1)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let plain = try encoder.encode(plan)
        #expect(!String(decoding: plain, as: UTF8.self).contains("transforms"))
        #expect(try JSONDecoder().decode(Plan.self, from: plain) == plan)
        plan.tables[0].transforms = [
            Transform(column: 0, .filter(.notLike, value: "a")), Transform(column: 0, .digest(.md5, uppercase: true)),
            Transform(column: 0, .pad(.left, length: 3, filler: "0")),
        ]
        #expect(try JSONDecoder().decode(Plan.self, from: encoder.encode(plan)) == plan)
    }
}
