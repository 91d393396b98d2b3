import Tabular
import Testing

@Suite struct NumberTextTests {
    @Test func `integers of every length print as the standard library prints them`() {
        var random = Seeded(1)
        var values: [Int64] = [
            0, 1, -1, .min, .max, 99_999_999, 100_000_000, 9_999_999_999_999_999, 10_000_000_000_000_000,
        ]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            values += [power, power - 1, power + 1, -power]
        }
        for _ in 0..<20_000 { values.append(random.integer()) }
        for value in values {
            let printed = text { $0.append(integer: value) }
            #expect(printed == String(value))
            #expect(parse(printed, Parse.integer) == value)
            let unsigned = UInt64(bitPattern: value)
            let plain = text { $0.append(unsigned: unsigned) }
            #expect(plain == String(unsigned))
            #expect(parse(plain, Parse.unsigned) == unsigned)
        }
    }

    @Test func `doubles come back from their text bit by bit`() {
        var random = Seeded(2)
        var values: [Double] = [
            0, -0.0, 1, -1, 0.1, 1e15, 1e-4, 1e21, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
            .leastNormalMagnitude, 1 / 3, 123456.789,
            0.001, 999_999_999.999999, 1e9, 4503599627370497.5, 999_999_999_999_999.9,
        ]
        for _ in 0..<20_000 {
            values.append(Double(bitPattern: random.next()))
            values.append(Double(random.integer() % 1_000_000_000) / 100)
            values.append(Double(random.integer() % 100_000_000_000) / 1_000_000)
            values.append(Double.random(in: -1e6...1e6, using: &random))
        }
        for value in values where value.isFinite {
            let printed = text { $0.append(double: value) }
            #expect(parse(printed, Parse.double)?.bitPattern == value.bitPattern)
            #expect(Double(printed)?.bitPattern == value.bitPattern)
            // Not more digits than the standard library's shortest text has.
            #expect(significant(printed) <= significant(value.description), "\(printed) \(value)")
        }
    }

    private func significant(_ text: String) -> Int {
        let digits = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
        return String(digits).reversed().drop { $0 == "0" }.count
    }

    @Test func `doubles print plainly between a ten-thousandth and a quadrillion`() {
        let expected: [(Double, String)] = [
            (0, "0"), (-0.0, "-0"), (1, "1"), (100_000, "100000"), (0.0001, "0.0001"), (0.00001, "1e-05"),
            (1e15, "1e+15"),
            (999_999_999_999_999, "999999999999999"), (19.99, "19.99"), (-0.5, "-0.5"), (1.5e300, "1.5e+300"),
            (.nan, "NaN"), (.infinity, "Infinity"), (-.infinity, "-Infinity"), (12.000001, "12.000001"),
        ]
        for (value, printed) in expected { #expect(text { $0.append(double: value) } == printed) }
        #expect(text { $0.append(float: 0.1) } == "0.1")
        #expect(text { $0.append(float: 16_777_216) } == "16777216")
        #expect(text { $0.append(float: .nan) } == "NaN")
    }

    @Test func `floats come back from their text`() {
        var random = Seeded(3)
        for _ in 0..<20_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
            guard value.isFinite else { continue }
            let printed = text { $0.append(float: value) }
            #expect(Float(printed)?.bitPattern == value.bitPattern)
        }
    }

    @Test(arguments: [
        "", "-", "+", "1 ", " 1", "1.0", "0x1", "9223372036854775808", "-9223372036854775809", "12345678x", "１",
        "1234567:", "12345/78", "--1", "99999999999999999999999",
    ])
    func `what is no integer is refused`(_ wrong: String) { #expect(parse(wrong, Parse.integer) == nil) }

    @Test func `signs and leading zeros of integers are understood`() {
        #expect(parse("+7", Parse.integer) == 7)
        #expect(parse("-0", Parse.integer) == 0)
        #expect(parse("000000000000000000000000000012", Parse.integer) == 12)
        #expect(parse("18446744073709551615", Parse.unsigned) == .max)
        #expect(parse("18446744073709551616", Parse.unsigned) == nil)
        #expect(parse("-1", Parse.unsigned) == nil)
    }

    @Test func `special doubles are read in any case`() {
        #expect(parse("nan", Parse.double)?.isNaN == true)
        #expect(parse("-INF", Parse.double) == -.infinity)
        #expect(parse("+Infinity", Parse.double) == .infinity)
        #expect(parse(".5", Parse.double) == 0.5)
        #expect(parse("1e400", Parse.double) == nil)
        for wrong in ["", "-", "1x", "nan(1)", "0x10", "+-1", "infinit", " 1"] {
            #expect(parse(wrong, Parse.double) == nil)
        }
    }

    @Test func `booleans are read in their usual words`() {
        for word in ["t", "T", "true", "TRUE", "1", "yes", "Y", "on"] { #expect(parse(word, Parse.boolean) == true) }
        for word in ["f", "false", "0", "No", "n", "OFF"] { #expect(parse(word, Parse.boolean) == false) }
        for word in ["", "2", "tr", "\u{11}", "yess"] { #expect(parse(word, Parse.boolean) == nil) }
    }

    @Test(arguments: [
        ("1.5e3", "1500"), ("+.50", "0.50"), ("-007.10", "-7.10"), ("5.", "5"), ("-0.00", "0.00"), ("1e-3", "0.001"),
        ("12345.678e-2", "123.45678"), ("0e5", "0"), ("00", "0"), ("nan", "NaN"), ("-inf", "-Infinity"), ("1e0", "1"),
        ("100e-2", "1.00"), ("12.34e1", "123.4"), ("0.0012e2", "0.12"),
    ])
    func `decimals become plain digits`(_ written: String, _ plain: String) {
        #expect(normal(written, nil) == plain)
    }

    @Test(arguments: [
        ("1.005", 2, "1.01"), ("-1.005", 2, "-1.01"), ("9.995", 2, "10.00"), ("0.4", 0, "0"), ("0.5", 0, "1"),
        ("-0.4", 0, "0"),
        ("99.5", 0, "100"), ("1.2", 5, "1.2"), ("1234", -2, "1200"), ("1250", -2, "1300"), ("50", -2, "100"),
        ("49", -2, "0"),
        ("-0.0049", 2, "0.00"), ("0.0000005", 6, "0.000001"), ("5", -2, "0"), ("0.049", 1, "0.0"), ("0.05", 1, "0.1"),
    ])
    func `decimals round half away from zero`(_ written: String, _ scale: Int, _ rounded: String) {
        #expect(normal(written, scale) == rounded)
    }

    private func normal(_ written: String, _ scale: Int?) -> String? {
        parse(written) { bytes in
            guard let number = DecimalText(bytes) else { return nil }
            let room = UnsafeMutablePointer<UInt8>.allocate(capacity: number.longest + 8)
            defer { room.deallocate() }
            let count = number.write(to: room, scale: scale)
            return String(decoding: UnsafeBufferPointer(start: room, count: count), as: UTF8.self)
        }
    }

    @Test(arguments: ["", ".", "-", "e5", "1e", "1e999999", "1.2.3", "1,5", "0x1", "1 "])
    func `what is no decimal is refused`(_ wrong: String) {
        #expect(parse(wrong, { Parse.isDecimal($0) ? true : nil }) == nil)
    }

    @Test func `decimals of whole numbers round as integer arithmetic does`() {
        var random = Seeded(4)
        for _ in 0..<5_000 {
            let value = random.integer() % 1_000_000_000_000
            let scale = Int.random(in: 0...8, using: &random)
            var unit: Int64 = 1
            for _ in 0..<scale { unit *= 10 }
            let digits = String(value.magnitude)
            let padded = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
            let written = (value < 0 ? "-" : "") + padded.dropLast(8) + "." + padded.suffix(8)
            // value / 10^8, rounded to `scale` digits.
            let divisor = Int64(100_000_000) / unit
            let quotient = (Int64(value.magnitude) + divisor / 2) / divisor
            let whole = String(quotient / unit)
            let rest = String(quotient % unit)
            var expected = (value < 0 && quotient != 0 ? "-" : "") + whole
            if scale > 0 { expected += "." + String(repeating: "0", count: scale - rest.count) + rest }
            #expect(normal(written, scale) == expected)
        }
    }

    @Test func `UUIDs are read with braces, upper case and without hyphens`() {
        let canonical = "0f8fad5b-d9cb-469f-a165-70867728950e"
        func normal(_ written: String) -> String? {
            parse(written) { bytes in
                let room = UnsafeMutablePointer<UInt8>.allocate(capacity: 36)
                defer { room.deallocate() }
                guard Parse.uuid(bytes, to: room) else { return nil }
                return String(decoding: UnsafeBufferPointer(start: room, count: 36), as: UTF8.self)
            }
        }
        #expect(normal("0F8FAD5B-D9CB-469F-A165-70867728950E") == canonical)
        #expect(normal("{0f8fad5bd9cb469fa16570867728950e}") == canonical)
        #expect(normal(canonical) == canonical)
        for wrong in [
            "", "{}", "0f8fad5b-d9cb-469f-a165-70867728950", "0f8fad5b+d9cb-469f-a165-70867728950e",
            "g" + canonical.dropFirst(),
        ] {
            #expect(normal(wrong) == nil)
        }
    }

    @Test func `hexadecimal digits come back`() {
        let bytes: [UInt8] = Array(0...255)
        let printed = bytes.withUnsafeBufferPointer { bytes in text { $0.append(hex: bytes) } }
        for prefix in ["", "\\x", "0x"] {
            let read: [UInt8]? = parse(prefix + printed.uppercased()) { text in
                var out = [UInt8](repeating: 0, count: 300)
                guard let count = out.withUnsafeMutableBufferPointer({ Parse.hex(text, to: $0.baseAddress!) }) else {
                    return nil
                }
                return Array(out[..<count])
            }
            #expect(read == bytes)
        }
    }
}
