import ApusCore
import ApusTesting
import Tabular
import Testing

@testable import FilesConnector

@Suite struct CSVReadTests {
    @Test func `types are inferred and NULL is told from the empty string`() throws {
        let desk = try FileDesk()
        try desk.put(
            "a.csv", "id,name,price,ok,day,at\n1,Ann,12.50,true,2024-02-29,2024-02-29 10:11:12.5\n2,\"\",,false,,\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.names == ["id", "name", "price", "ok", "day", "at"])
        #expect(table.types == ["int64", "text", "decimal", "boolean", "date", "timestamp(6)"])
        #expect(table.rows[0] == ["1", "Ann", "12.50", "true", "2024-02-29", "2024-02-29 10:11:12.5"])
        #expect(table.rows[1] == ["2", "", nil, "false", nil, nil])
        #expect(table.rejected.isEmpty)
        #expect(table.rowsRead == 2)
    }

    @Test func `leading zeros, plus signs and mixed columns stay text`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "zip,phone,mix\n007,+5,1\n012,+6,x\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.types == ["text", "text", "text"])
        #expect(table.rows == [["007", "+5", "1"], ["012", "+6", "x"]])
    }

    @Test func `a value that does not fit the inferred type is rejected with its line and a hint`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "id,n\n" + (1...1000).map { "\($0),\($0)\n" }.joined() + "1001,many\n1002,3\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.rows.count == 1001)
        let row = try #require(table.rejected.first)
        #expect(row.row == 1000)
        #expect(row.column == "n")
        #expect(row.reason.contains("a.csv: line 1002: the value of `n` is no int64"))
        #expect(row.reason.contains("types="))
        #expect(row.values == #"{"id":"1001","n":"many"}"#)
        #expect(table.rowsRead == 1002)
    }

    @Test func `quotes hold separators, quotes and newlines of every kind`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\r\n\"x,\"\"y\"\"\",\"1\r\n2\n3\r4\"\r\nlast,\"\"\"\"\r\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.rows == [["x,\"y\"", "1\r\n2\n3\r4"], ["last", "\""]])
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func `lines may end with LF, CRLF or CR, the last one without`(newline: String) throws {
        let desk = try FileDesk()
        try desk.put("a.csv", ["a,b", "x,1", "y,2"].joined(separator: newline))
        #expect(try desk.read("csv:a.csv").rows == [["x", "1"], ["y", "2"]])
        try desk.put("b.csv", ["a,b", "x,1", "y,2", ""].joined(separator: newline))
        #expect(try desk.read("csv:b.csv").rows == [["x", "1"], ["y", "2"]])
    }

    @Test func `with newline=lf a carriage return is data`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\nx\ry,1\n")
        #expect(try desk.read("csv:a.csv?newline=lf").rows == [["x\ry", "1"]])
    }

    @Test func `a byte order mark is no part of the first name`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", [0xEF, 0xBB, 0xBF] + Array("id\n1\n".utf8))
        #expect(try desk.read("csv:a.csv").names == ["id"])
    }

    @Test func `a ragged row is rejected, padded or an error, as asked`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.rows == [["1", "2", "3"], ["10", "11", "12"]])
        #expect(table.rejected.map(\.row) == [1, 2])
        #expect(table.rejected[0].reason.hasSuffix("a.csv: line 3 has 2 fields, expected 3"))
        #expect(table.rejected[1].reason.hasSuffix("a.csv: line 4 has 4 fields, expected 3"))
        #expect(table.rejected[0].values == #"{"raw":"4,5"}"#)
        #expect(try desk.read("csv:a.csv?ragged=pad").rows.contains(["4", "5", nil]))
        let error = try #require(throws: ApusError.self) { try desk.read("csv:a.csv?ragged=error") }
        #expect(error.code == .malformedInput)
        #expect(error.message.contains("line 3 has 2 fields, expected 3"))
    }

    @Test func `octets that are not UTF-8 reject their row alone, with line and position`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", Array("a,b\n1,x\n2,".utf8) + [0xFF, 0xFE] + Array("\n3,é\n".utf8))
        let table = try desk.read("csv:a.csv")
        #expect(table.rows == [["1", "x"], ["3", "é"]])
        #expect(table.rejected.count == 1)
        #expect(
            table.rejected[0].reason.contains(
                "line 3 holds octets that are not valid in the file's encoding, at octet 10"))
    }

    @Test func `GBK and UTF-16 are decoded, and what they do not know rejects its row`() throws {
        let desk = try FileDesk()
        try desk.put(
            "a.csv",
            Array("a,b\n1,".utf8) + [0xD6, 0xD0, 0xCE, 0xC4] + Array("\n2,".utf8) + [0xFF] + Array("x\n3,z\n".utf8))
        let table = try desk.read("csv:a.csv?encoding=gbk")
        #expect(table.rows == [["1", "中文"], ["3", "z"]])
        #expect(table.rejected.count == 1)
        #expect(table.rejected[0].reason.contains("at octet 13"))
        let wide = Array("a\n中😀\n".utf16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        try desk.put("w.csv", [0xFF, 0xFE] + wide)
        #expect(try desk.read("csv:w.csv?encoding=utf-16le").rows == [["中😀"]])
        #expect(try desk.read("csv:w.csv?encoding=utf-16").names == ["a"])
    }

    @Test func `decoded text keeps its order over many blocks`() throws {
        let desk = try FileDesk()
        let rows = (0..<60_000).map { ["\($0)", $0 % 3 == 0 ? "中文\($0)" : "x😀é"] }
        try desk.write("csv:t.csv?encoding=gb18030", texts("a", "b"), slices: [rows])
        #expect(try desk.read("csv:t.csv?encoding=gb18030&infer=false").rows == rows)
        #expect(try desk.read("csv:t.csv?encoding=gb18030&infer=false", blockSize: 1001).rows == rows)
    }

    @Test func `an encoding nobody knows is refused with what is known`() throws {
        let desk = try FileDesk()
        let error = try #require(throws: ApusError.self) { try desk.open("csv:a.csv?encoding=klingon") }
        #expect(error.code == .configurationInvalid)
        #expect(error.message.contains("KLINGON"))
    }

    @Test func `a file with a header alone has columns and no rows, an empty one is an error`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.names == ["a", "b"] && table.rows.isEmpty)
        try desk.put("e.csv", "")
        let error = try #require(throws: ApusError.self) { try desk.read("csv:e.csv") }
        #expect(error.code == .malformedInput)
        #expect(try desk.read("csv:e.csv?columns=a,b").rows.isEmpty)
    }

    @Test func `a NULL marker makes the empty field a value, and a quoted marker is text`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\n\\N,1\n,2\n\"\\N\",3\n")
        #expect(try desk.read("csv:a.csv?null=%5CN").rows == [[nil, "1"], ["", "2"], ["\\N", "3"]])
    }

    @Test func `backslash escapes are taken out, with quotes and without`() throws {
        let desk = try FileDesk()
        try desk.put("a.tsv", "a\tb\nx\\ty\\\\\\nz\t\\N\n1\\\t2\tq\n")
        #expect(
            try desk.read("tsv:a.tsv?quote=none&escape=backslash&null=%5CN").rows == [
                ["x\ty\\\nz", nil], ["1\t2", "q"],
            ])
        try desk.put("b.csv", "a,b\n\"say \\\"hi\\\", ok\",2\n")
        #expect(try desk.read("csv:b.csv?escape=backslash").rows == [["say \"hi\", ok", "2"]])
    }

    @Test func `separators may be of several octets, files without a header get c1, c2`() throws {
        let desk = try FileDesk()
        try desk.put("a.txt", "1||x|y||3\n4||z||6\n")
        let table = try desk.read("csv:a.txt?separator=%7C%7C&header=false")
        #expect(table.names == ["c1", "c2", "c3"])
        #expect(table.rows == [["1", "x|y", "3"], ["4", "z", "6"]])
        #expect(
            try desk.read("csv:a.txt?separator=%7C%7C&header=false&columns=a,b,c", columns: ["c", "a"]).rows == [
                ["3", "1"], ["6", "4"],
            ])
    }

    @Test func `comments, blank lines and lines to skip are left out`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "exported today\n\n# note\na,b\n# more\n1,2\n\n3,4\n#end")
        #expect(try desk.read("csv:a.csv?skip_lines=1&comment=%23").rows == [["1", "2"], ["3", "4"]])
    }

    @Test func `a quote that is never closed is an error that names its line`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\n1,2\n3,\"x\n5,6\n7,8\n")
        let error = try #require(throws: ApusError.self) { try desk.read("csv:a.csv") }
        #expect(error.code == .malformedInput)
        #expect(error.message.hasSuffix("a.csv: a quote opened on line 3 is never closed"))
    }

    @Test func `text behind a closing quote rejects the row`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b\n\"x\"y,1\nz,2\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.rows == [["z", "2"]])
        #expect(table.rejected[0].reason.contains("line 2 has text between a closing quote and the separator"))
    }

    @Test func `columns of the same name or none get names of their own`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,a,,a_2\n1,2,3,4\n")
        #expect(try desk.read("csv:a.csv").names == ["a", "a_2", "c3", "a_2_2"])
    }

    @Test func `a field of 64 MiB passes whole`() throws {
        let desk = try FileDesk()
        let long = String(repeating: "abc\n\"\",def ", count: (64 << 20) / 11)
        try desk.put("a.csv", "a,b\n1,\"" + long + "\"\n2,x\n")
        let table = try desk.read("csv:a.csv")
        #expect(table.rows.count == 2)
        #expect(table.rows[0][1] == long.replacing("\"\"", with: "\""))
        let error = try #require(throws: ApusError.self) { try desk.read("csv:a.csv?max_row=1MiB&infer=false") }
        #expect(error.message.contains("the row on line 2 is longer than"))
    }

    @Test func `declared types are taken, and their bounds hold`() throws {
        let desk = try FileDesk()
        try desk.put("a.csv", "a,b,c\n1,1.25,\\x00ff\n300,1.25,\n-128,1.255,\n")
        let table = try desk.read("csv:a.csv?types=a:int8,b:decimal(5,2),c:bytes")
        #expect(table.types == ["int8", "decimal(5,2)", "bytes"])
        #expect(table.rows == [["1", "1.25", "\\x00ff"]])
        #expect(table.rejected.map(\.column) == ["a", "b"])
        // Zeros beyond the scale change nothing.
        try desk.put("d.csv", "a,b\n1.2500,1.0\n0.000,-3.00\n1.2510,1.01\n")
        let decimals = try desk.read("csv:d.csv?types=a:decimal(5,2),b:decimal(38,0)")
        #expect(decimals.rows == [["1.25", "1"], ["0.00", "-3"]] && decimals.rejected.count == 1)
        let error = try #require(throws: ApusError.self) { try desk.read("csv:a.csv?types=a:integr") }
        #expect(error.hint == "Did you mean `integer`?")
    }
}
