import ApusTesting
import Foundation
import Testing

/// `txtfilereader`: what the keys that people leave out mean, and which files a path names.
@Suite struct DataXTextFileTests {
    let desk: DataXDesk
    init() throws { desk = try DataXDesk() }

    /// The rows that a job prints, sorted.
    private func rows(_ reader: String) throws -> [String] {
        let result = try desk.run(
            DataXDesk.job(
                #"{"name": "txtfilereader", "parameter": {\#(reader)}}"#,
                #"{"name": "streamwriter", "parameter": {"print": true, "fieldDelimiter": "|"}}"#))
        expect(result, 0)
        return result.stdout.split(separator: "\n").map(String.init).filter { $0.contains("|") && !$0.contains("Total ") }.sorted()
    }

    private func write(_ files: [String: String]) throws -> String {
        for (name, text) in files {
            let path = desk.home.file("in/" + name)
            try FileManager.default.createDirectory(
                atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
        return desk.home.file("in")
    }

    @Test func `without nullFormat an empty field is an empty text, and backslash N is NULL`() throws {
        let folder = try write(["a": "1,,x\n2,\\N,\n"])
        #expect(try rows(#""path": "\#(folder)/a", "column": ["*"]"#) == ["1||x", "2|null|"])
        let typed = #""column": [{"index": 0, "type": "long"}, {"index": 1, "type": "string"}, {"index": 2, "type": "string"}]"#
        #expect(try rows(#""path": "\#(folder)/a", \#(typed)"#) == ["1||x", "2|null|"])
        #expect(try rows(#""path": "\#(folder)/a", "nullFormat": "", \#(typed)"#) == ["1|null|x", "2|\\N|null"])
    }

    @Test func `no column, or an empty list, is every field as text`() throws {
        let folder = try write(["a": "01,x\n"])
        #expect(try rows(#""path": "\#(folder)/a""#) == ["01|x"])
        #expect(try rows(#""path": "\#(folder)/a", "column": []"#) == ["01|x"])
    }

    @Test func `a folder is read with all folders below it, and a star crosses them`() throws {
        let folder = try write([
            "1.txt": "1,a\n", "sub/2.txt": "2,b\n", "sub/deep/3.txt": "3,c\n", "sub/[x]/4.txt": "4,d\n", "sub/no.csv": "5,e\n",
        ])
        try FileManager.default.createSymbolicLink(atPath: folder + "/sub/loop", withDestinationPath: folder + "/sub")
        let texts = ["1|a", "2|b", "3|c", "4|d"]
        #expect(try rows(#""path": "\#(folder)/*.txt""#) == texts)
        #expect(try rows(#""path": ["\#(folder)"]"#) == texts + ["5|e"])
        #expect(try rows(#""path": ["\#(folder)/sub/", "\#(folder)/1.txt"]"#) == texts + ["5|e"])
        #expect(try rows(#""path": ["\#(folder)/sub/[x]"]"#) == ["4|d"])
        #expect(try rows(#""path": ["\#(folder)/sub/[x]/?.txt"]"#) == ["4|d"])
        // A file that two paths name is read once.
        #expect(try rows(#""path": ["\#(folder)", "\#(folder)/1.txt", "\#(folder)/sub", "\#(folder)/"]"#) == texts + ["5|e"])
        #expect(try rows(#""path": ["\#(folder)/*.txt", "\#(folder)/sub", "\#(folder)/1*", "\#(folder)/1.txt"]"#) == texts + ["5|e"])
    }

    @Test func `a long may be written with a point and zeros, or an exponent`() throws {
        let folder = try write(["a": "1.0,a\n-20.000,b\n1e3,c\n0.0,d\n12345678901234567890.0,e\n"])
        #expect(
            try rows(#""path": "\#(folder)/a", "column": [{"index": 0, "type": "long"}, {"index": 1, "type": "string"}]"#)
                == ["-20|b", "0|d", "1000|c", "12345678901234567890|e", "1|a"])
    }

    @Test func `csvReaderConfig gives the quote and its escape`() throws {
        let folder = try write(["a": "1,'x,y''z',\"q\"\n", "b": "1,\"x\\\",y\"\n"])
        #expect(try rows(#""path": "\#(folder)/a", "csvReaderConfig": {"textQualifier": "'"}"#) == ["1|x,y'z|\"q\""])
        #expect(try rows(#""path": "\#(folder)/b", "csvReaderConfig": {"escapeMode": 2}"#) == ["1|x\",y"])
    }
}
