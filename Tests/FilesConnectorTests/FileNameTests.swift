import ApusCore
import ApusTesting
import Foundation
import Tabular
import Testing

@testable import FilesConnector

/// Every table has a file of its own, and no file of anybody else's is touched.
@Suite struct FileNameTests {
    static let odd = [
        "a/b", "a%2Fb", "a%252Fb", "a%25252Fb", "%", "%25", "%2", "%2F", "", ".", "..", "...", ".a", "%2Ea", "a.b", "a.csv", "a.csv.gz",
        "a b",
        "per%20cent", "a\0b", "a%00b", "log", "log-20241130", "log-00001", "log%2D00001", "zip-90210", "log-000001", "a-1", "x-00001-00002",
        "A", "a", "é", "e\u{301}", "*?[x]", "a\nb", "~", "-", "-00001", "中文", "“”", "%2e", "%2f", "a%", "a%2", "a%%2F",
    ]

    @Test func `names map one to one and back, and plain ones stay as they are`() {
        let names = Self.odd.map(FileNames.encode)
        for (index, name) in names.enumerated() {
            let table = Self.odd[index]
            #expect(!name.isEmpty && name != "." && name != ".." && !name.contains("/") && !name.contains("\0") && !name.hasPrefix("."))
            #expect(FileNames.decode(name).utf8.elementsEqual(table.utf8), "\(table) → \(name)")
            for other in names[..<index] { #expect(!other.utf8.elementsEqual(name.utf8), "\(table)") }
        }
        for plain in ["orders", "log-20241130", "per%20cent", "a.b", "中文", "a-1", "100%"] { #expect(FileNames.encode(plain) == plain) }
    }

    @Test func `also random names map one to one`() {
        var random = SeededGenerator(seed: 9)
        let pieces = ["%", "2", "F", "5", "E", "0", "D", ".", "/", "-", "a", "00001", "\0"]
        var seen: [String: String] = [:]
        for _ in 0..<20_000 {
            let table = (0..<Int.random(in: 0...7, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
            let name = FileNames.encode(table)
            #expect(FileNames.decode(name) == table && FileLocation.table(ofPart: name) == nil)
            #expect(seen.updateValue(table, forKey: name).map { $0 == table } ?? true, "\(name)")
        }
    }

    @Test func `each of these tables is written into one folder and read back as itself`() throws {
        let desk = try FileDesk()
        let tables = Self.odd.filter { !$0.contains("\0") }
        for table in tables { try desk.write("csv:out/", texts("a"), slices: [[[table]]], table: table, run: "run-\(table.hashValue)") }
        let found = try desk.open("csv:out/").tables(schema: nil).map(\.name.name)
        #expect(found.count == tables.count)
        for table in tables { #expect(try desk.read("csv:out/", table: table, columns: ["a"]).rows == [[table]], "\(table)") }
        // Again, in parts: each replaces its own.
        let again = ["a/b", "a%2Fb", "log", "log-20241130", "log-00001", "é", "e\u{301}", ".a"]
        for table in again { try desk.write("csv:out/?part_size=1MiB", texts("a"), slices: [[[table]]], table: table, run: "again") }
        let files = try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("out"))
        #expect(files.count == tables.count)
        for table in again { #expect(files.contains(FileNames.encode(table) + "-00001.csv"), "\(table)") }
        for table in tables { #expect(try desk.read("csv:out/", table: table, columns: ["a"]).rows == [[table]], "\(table)") }
    }

    @Test func `a table that is replaced takes no file of another with it`() throws {
        let desk = try FileDesk()
        let others = ["log-20241130.csv", "log.txt", "log.tsv", "log.csv.bak", "log-1.csv", "logs.csv", "log.json", "log-000017.txt"]
        for name in others { try desk.put("out/" + name, "a\n\(name)\n") }
        try desk.write("csv:out/?part_size=1MiB", texts("a"), slices: [[["1"]]], table: "log")
        try desk.write("csv:out/?compression=gzip", texts("a"), slices: [[["2"]]], table: "log", run: "run-2")
        try desk.write("csv:out/", texts("a"), slices: [[["3"]]], table: "log", run: "run-3")
        let left = try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("out")).sorted()
        #expect(left == (others + ["log.csv"]).sorted())
        for name in others { #expect(try desk.text("out/" + name) == "a\n\(name)\n") }
        // What only looks like a part is neither removed nor left to be read as one.
        try desk.put("out/log-90210.csv", "a\nzip\n")
        let error = try #require(throws: ApusError.self) {
            try desk.write("csv:out/", texts("a"), slices: [[["4"]]], table: "log", run: "run-4")
        }
        #expect(error.code == .exists && error.message.contains("log-90210.csv"))
        #expect(try desk.text("out/log.csv") == "a\n3\n")
    }

    @Test func `a name too long for a file is refused and no other is written`() throws {
        let desk = try FileDesk()
        try desk.write("csv:out/", texts("a"), slices: [[["1"]]], table: String(repeating: "中", count: 64))
        let error = try #require(throws: ApusError.self) {
            try desk.write("csv:out/", texts("a"), slices: [[["1"]]], table: String(repeating: "/", count: 100))
        }
        #expect(error.code == .configurationInvalid && error.hint?.contains("`to`") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("out")).count == 1)
    }

    @Test func `a folder that folds case is noticed`() {
        let names = ["Log.csv", "other.csv"]
        #expect(FileNames.twin(of: "log.csv", among: names) { _, _ in true } == "Log.csv")
        #expect(FileNames.twin(of: "log.csv", among: names) { _, _ in false } == nil)
        #expect(FileNames.twin(of: "Log.csv", among: names) { _, _ in true } == nil)
    }

    @Test func `nothing is written through a link that stands where a lock or a slice is to be`() throws {
        let desk = try FileDesk()
        let victim = try desk.put("victim", "precious")
        try desk.put("out/.keep", "")
        let lock = desk.folder.file("out/.apus-t.lock")
        symlink(victim, lock)
        #expect(try #require(throws: ApusError.self) { try write(desk) }.code == .permission)
        unlink(lock)
        link(victim, lock)
        #expect(try #require(throws: ApusError.self) { try write(desk) }.code == .permission)
        unlink(lock)
        // The folder of the slices: a link to a folder of somebody's, and one into which links were laid.
        try desk.put("theirs/prepared", "precious")
        symlink(desk.folder.file("theirs"), desk.folder.file("out/.apus-run-1-0"))
        #expect(try #require(throws: ApusError.self) { try write(desk) }.code == .permission)
        #expect(try FileManager.default.contentsOfDirectory(atPath: desk.folder.file("theirs")) == ["prepared"])
        unlink(desk.folder.file("out/.apus-run-1-0"))
        mkdir(desk.folder.file("out/.apus-run-1-0"), 0o700)
        symlink(victim, desk.folder.file("out/.apus-run-1-0/slice-0-part-1.tmp"))
        try write(desk)
        #expect(try desk.text("out/t.csv") == "a\n1\n")
        #expect(try desk.text("victim") == "precious")
    }

    private func write(_ desk: FileDesk) throws { try desk.write("csv:out/", texts("a"), slices: [[["1"]]]) }
}
