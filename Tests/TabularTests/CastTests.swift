import Tabular
import Testing

@Suite struct CastTests {
    @Test func `a conversion exists exactly where a plan calls it possible`() {
        for from in Cast.everyType {
            for to in Cast.everyType {
                let fit = from.fit(into: to)
                let cast = Cast(from: from, to: to)
                if case .impossible = fit {
                    #expect(cast == nil, "\(from) to \(to)")
                } else {
                    #expect(cast != nil, "\(from) to \(to)")
                }
                if from == to { #expect(fit == .exact && cast?.isIdentity == true) }
                if cast?.isIdentity == true { #expect(from.storage == to.storage) }
            }
        }
    }

    @Test func `what fits without narrowing is never rejected and what is kept reads the same`() {
        var random = Seeded(11)
        for from in Cast.everyType {
            let values = (0..<300).map { _ in sample(from, &random) } + [.null]
            for to in Cast.everyType {
                let fit = from.fit(into: to)
                guard let result = cast(values, from, to) else { continue }
                #expect(result.values.last == .null)
                #expect(result.values.count == values.count)
                if fit == .exact || fit == .widening {
                    #expect(result.reasons.isEmpty, "\(from) to \(to): \(result.reasons.first?.value ?? "")")
                    // And back again, bit by bit, if there is a way.
                    guard let back = cast(result.values, to, from) else { continue }
                    #expect(back.values == values || isRewritten(from, to), "\(from) to \(to) and back")
                }
                for (row, reason) in result.reasons {
                    #expect(result.values[row] == .null && !reason.isEmpty && reason.count < 160)
                }
            }
        }
    }

    /// Text of a decimal keeps its zeros, a UUID its 16 octets; but octets of bits are filled up.
    private func isRewritten(_ from: ColumnType, _ to: ColumnType) -> Bool {
        if case .bits = from, case .bytes = to { return true }
        if case .bits = from, case .integer = to { return true }
        return false
    }

    private func sample(_ type: ColumnType, _ random: inout Seeded) -> Value {
        switch type {
        case .boolean: return .fixed(Int64.random(in: 0...1, using: &random))
        case .integer(let bits, let unsigned):
            if bits == 64 { return .fixed(random.integer()) }
            let span = Int64(1) << Int64(bits)
            return .fixed(Int64.random(in: 0..<span, using: &random) - (unsigned ? 0 : span / 2))
        case .float(let bits):
            let value = Double(random.integer() % 1_000_000_000) / 1024
            return .float(bits == 32 ? Double(Float(value)) : value)
        case .decimal(let precision, let scale):
            let value = random.integer() % 1_000_000
            return .text(
                precision == nil || scale == 2 ? "\(value).\(Int.random(in: 10...99, using: &random))" : "\(value)")
        case .text(let length): return .text(String("Zugvögel über 雨燕 \(random.integer())".prefix(length ?? 30)))
        case .bytes: return .octets((0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .date: return .fixed(Int64.random(in: -100_000...100_000, using: &random))
        case .time(let precision):
            return .fixed(Int64.random(in: 0..<86_400, using: &random) * 1_000_000 + (precision == 0 ? 0 : 123_456))
        case .duration(let precision):
            return .fixed(random.integer() % 3_000_000 * 1_000_000 + (precision == 0 ? 0 : 7))
        case .timestamp(let precision), .instant(let precision):
            let seconds = Int64.random(in: -10_000_000_000...10_000_000_000, using: &random)
            return .fixed(seconds * 1_000_000 + (precision == 0 ? 0 : 123_000))
        case .json: return .text("{\"a\": [\(random.integer()), null]}")
        case .uuid: return .text("0f8fad5b-d9cb-469f-a165-70867728950e")
        case .bits(let length):
            return .text(String((0..<(length ?? 20)).map { _ in Bool.random(using: &random) ? "1" : "0" }))
        case .array: return .text("{1,NULL,\(random.integer())}")
        case .other: return .text("10.0.0.\(Int.random(in: 0...255, using: &random))")
        }
    }

    @Test func `integers pass when the target holds them, as the standard library decides`() {
        var random = Seeded(12)
        let widths: [(Int, Bool)] = [
            (8, false), (8, true), (16, false), (16, true), (24, false), (24, true), (32, false), (32, true),
            (64, false), (64, true),
        ]
        for (fromBits, fromUnsigned) in widths {
            for (toBits, toUnsigned) in widths {
                let from = ColumnType.integer(bits: fromBits, unsigned: fromUnsigned)
                let to = ColumnType.integer(bits: toBits, unsigned: toUnsigned)
                for _ in 0..<200 {
                    // The low bits, with or without sign, as 128-bit numbers.
                    let raw = random.integer()
                    let span = Int128(1) << Int128(fromBits)
                    var value = Int128(UInt64(bitPattern: raw)) % span
                    if !fromUnsigned, value >= span / 2 { value -= span }
                    let target = Int128(1) << Int128(toBits)
                    let fits = toUnsigned ? value >= 0 && value < target : value >= -target / 2 && value < target / 2
                    let stored = Value.fixed(Int64(truncatingIfNeeded: value))
                    let expected = fits ? Value.fixed(Int64(truncatingIfNeeded: value)) : nil
                    #expect(castOne(stored, from, to) == expected, "\(value) from \(from) to \(to)")
                    #expect(castOne(stored, from, .text) == .text("\(value)"))
                    #expect(castOne(.text("\(value)"), .text, to) == expected)
                    #expect(castOne(.text("\(value)"), .decimal(precision: nil, scale: nil), to) == expected)
                }
            }
        }
    }

    @Test func `reasons say what was wrong`() {
        #expect(
            refusal(.fixed(300), .int64, .integer(bits: 8, unsigned: false)) == "value 300 is out of range for int8")
        #expect(refusal(.fixed(-1), .int64, .uint64) == "value -1 is out of range for uint64")
        #expect(refusal(.text("abc"), .text, .int32) == "value 'abc' is not a valid int32")
        #expect(refusal(.text("12.5"), .text, .int32) == "value '12.5' has a fraction, int32 has none")
        #expect(refusal(.text("3000000000"), .text, .int32) == "value '3000000000' is out of range for int32")
        #expect(refusal(.text("äöüäöü"), .text, .text(length: 5)) == "text of 6 characters does not fit text(5)")
        #expect(refusal(.text("2024-02-30"), .text, .date) == "value '2024-02-30' is not a valid date")
        #expect(refusal(.octets([0xff, 0xfe]), .bytes, .text) == "value \\xfffe is not valid UTF-8 text")
        #expect(
            refusal(.text("1000.00"), .decimal(precision: nil, scale: nil), .decimal(precision: 5, scale: 2))
                == "value 1000.00 is out of range for decimal(5,2)")
        let long = refusal(.text(String(repeating: "x", count: 1000)), .text, .int32)
        #expect(long == "value '\(String(repeating: "x", count: 60))…' is not a valid int32")
    }

    @Test func `text longer than the target is rejected, also when the rest is blanks`() {
        #expect(castOne(.text("abc   "), .text, .text(length: 3)) == nil)
        #expect(castOne(.text("äöü  "), .text, .text(length: 3)) == nil)
        #expect(castOne(.text("ä  "), .text, .text(length: 3)) == .text("ä  "))
        #expect(castOne(.text("0101"), .bits(length: nil), .bits(length: 3)) == nil)
        #expect(castOne(.text("äöü"), .text, .text(length: 3)) == .text("äöü"))
        #expect(castOne(.text(""), .text, .text(length: 0)) == .text(""))
        #expect(castOne(.text("雨燕x"), .text, .text(length: 2)) == nil)
    }

    @Test func `a fraction that the target has no place for is rejected, zeros are not`() {
        for value in [2.5, -2.5, 2.4999, -0.4, 0.5, 0.49999999999999994, -0.5, 127.5] {
            #expect(castOne(.float(value), .float64, .int32) == nil)
            #expect(castOne(.text("\(value)"), .decimal(precision: nil, scale: nil), .int32) == nil)
            #expect(castOne(.text("\(value)"), .text, .int64) == nil)
            #expect(castOne(.float(value), .float64, .decimal(precision: 5, scale: 0)) == nil)
        }
        #expect(refusal(.float(2.5), .float64, .int32) == "value 2.5 has a fraction, int32 has none")
        #expect(castOne(.float(-0.0), .float64, .int32) == .fixed(0))
        #expect(castOne(.float(2), .float64, .int32) == .fixed(2))
        #expect(castOne(.text("2.50"), .decimal(precision: 5, scale: 2), .decimal(precision: 5, scale: 1)) == .text("2.5"))
        #expect(castOne(.text("2.55"), .decimal(precision: 5, scale: 2), .decimal(precision: 5, scale: 1)) == nil)
        #expect(castOne(.text("9.994"), .text, .decimal(precision: 3, scale: 2)) == nil)
        #expect(castOne(.text("9.990"), .text, .decimal(precision: 3, scale: 2)) == .text("9.99"))
        #expect(castOne(.float(0.1 + 0.2), .float64, .decimal(precision: 10, scale: 2)) == nil)
        #expect(
            refusal(.text("9.994"), .text, .decimal(precision: 3, scale: 2))
                == "value '9.994' has more fraction digits than decimal(3,2)")
        for (from, to) in [
            (ColumnType.timestamp(precision: 6), ColumnType.timestamp(precision: 3)), (.instant(precision: 6), .instant(precision: 3)),
            (.time(precision: 6), .time(precision: 3)), (.duration(precision: 6), .duration(precision: 3)),
            (.duration(precision: 6), .time(precision: 3)),
        ] {
            #expect(castOne(.fixed(1_234_000), from, to) == .fixed(1_234_000))
            #expect(castOne(.fixed(1_234_001), from, to) == nil)
            #expect(refusal(.fixed(1_234_001), from, to)?.contains("more fraction digits of a second than \(to)") == true)
        }
        #expect(castOne(.fixed(-1_000_000), .timestamp(precision: 6), .timestamp(precision: 0)) == .fixed(-1_000_000))
        #expect(castOne(.text("10:00:00.5"), .text, .time(precision: 0)) == nil)
        #expect(castOne(.fixed(86_400_000_000), .timestamp(precision: 0), .date) == .fixed(1))
        #expect(castOne(.fixed(86_399_000_000), .timestamp(precision: 0), .date) == nil)
        #expect(
            refusal(.fixed(1_000_000), .timestamp(precision: 0), .date)
                == "value 1970-01-01 00:00:01 has a time of day, date has none")
        #expect(Cast(from: .timestamp(precision: 6), to: .time(precision: 6)) == nil)
    }

    @Test func `a cast that rounds does so half away from zero, and drops what has no place`() {
        func castOne(_ value: Value, _ from: ColumnType, _ to: ColumnType) -> Value? { TabularTests.castOne(value, from, to, rounds: true) }
        for (value, whole) in [
            (2.5, 3), (-2.5, -3), (2.4999, 2), (-0.4, 0), (0.5, 1), (0.49999999999999994, 0), (-0.5, -1),
        ] as [(Double, Int64)] {
            #expect(castOne(.float(value), .float64, .int32) == .fixed(whole))
        }
        #expect(castOne(.text("2.5"), .decimal(precision: 5, scale: 1), .int32) == .fixed(3))
        #expect(castOne(.text("-2.5"), .decimal(precision: 5, scale: 1), .int32) == .fixed(-3))
        #expect(castOne(.text("9.995"), .text, .decimal(precision: 3, scale: 2)) == nil)
        #expect(castOne(.text("9.994"), .text, .decimal(precision: 3, scale: 2)) == .text("9.99"))
        #expect(castOne(.float(127.5), .float64, .integer(bits: 8, unsigned: false)) == nil)
        #expect(castOne(.text("18446744073709551615.4"), .decimal(precision: nil, scale: nil), .uint64) == .fixed(-1))
        let day: Int64 = 86_400_000_000
        #expect(castOne(.fixed(-1), .timestamp(precision: 6), .date) == .fixed(-1))
        #expect(castOne(.fixed(-1), .instant(precision: 6), .time(precision: 6)) == .fixed(day - 1))
        #expect(castOne(.fixed(1_500_000), .timestamp(precision: 6), .timestamp(precision: 0)) == .fixed(2_000_000))
        #expect(castOne(.fixed(-1_500_000), .timestamp(precision: 6), .timestamp(precision: 0)) == .fixed(-1_000_000))
        #expect(castOne(.fixed(-1_500_001), .timestamp(precision: 6), .timestamp(precision: 0)) == .fixed(-2_000_000))
        #expect(castOne(.fixed(-1_500_000), .duration(precision: 6), .duration(precision: 0)) == .fixed(-2_000_000))
    }

    @Test func `numbers end at their limits`() {
        #expect(castOne(.float(.nan), .float64, .int64) == nil)
        #expect(castOne(.float(0x1p63), .float64, .int64) == nil)
        #expect(castOne(.float(-0x1p63), .float64, .int64) == .fixed(.min))
        #expect(castOne(.float(0x1p63), .float64, .uint64) == .fixed(.min))
        #expect(castOne(.float(-1), .float64, .uint64) == nil)
    }

    @Test func `numbers pass between float, decimal and text`() {
        #expect(
            castOne(.float(1.5e20), .float64, .decimal(precision: nil, scale: nil)) == .text("150000000000000000000"))
        #expect(
            castOne(.float(Double(Float(0.1))), .float(bits: 32), .decimal(precision: 10, scale: 3)) == .text("0.1"))
        #expect(castOne(.text("1e2"), .text, .decimal(precision: 5, scale: 2)) == .text("100"))
        #expect(castOne(.text(" 42 "), .text, .int32) == .fixed(42))
        #expect(castOne(.text("42.000"), .text, .int32) == .fixed(42))
        #expect(castOne(.text("18446744073709551615.0"), .decimal(precision: nil, scale: nil), .uint64) == .fixed(-1))
        #expect(
            castOne(.text("Infinity"), .decimal(precision: nil, scale: nil), .decimal(precision: 5, scale: 2)) == nil)
        #expect(castOne(.text("NaN"), .decimal(precision: nil, scale: nil), .float64) != nil)
        #expect(castOne(.float(1e39), .float64, .float(bits: 32)) == nil)
        #expect(castOne(.float(.infinity), .float64, .float(bits: 32)) == .float(.infinity))
        #expect(castOne(.fixed(-1), .uint64, .float64) == .float(0x1p64))
        #expect(castOne(.fixed(1), .boolean, .text) == .text("true"))
        #expect(castOne(.fixed(2), .int32, .boolean) == nil)
    }

    @Test func `dates and times pass to one another`() {
        let day: Int64 = 86_400_000_000
        #expect(castOne(.fixed(-1), .date, .timestamp(precision: 6)) == .fixed(-day))
        #expect(castOne(.fixed(-1), .duration(precision: 6), .time(precision: 6)) == nil)
        #expect(castOne(.text("2024-01-31 00:00:00"), .text, .date) == .fixed(19_753))
        #expect(castOne(.text("2024-01-31 00:00:01"), .text, .date) == nil)
        #expect(
            castOne(.text("2024-01-31T12:00:00+08:00"), .text, .instant(precision: 0)) == .fixed(19_753 * day + day / 6)
        )
        for infinite in [Temporal.infinity, Temporal.negativeInfinity] {
            #expect(castOne(.fixed(infinite), .date, .instant(precision: 0)) == .fixed(infinite))
            #expect(castOne(.fixed(infinite), .timestamp(precision: 6), .timestamp(precision: 0)) == .fixed(infinite))
        }
        let zero = Value.fixed(Temporal.zeroDate(year: 2024, month: 0, day: 1))
        let zeroTime = Value.fixed(Temporal.zeroTimestamp(year: 2024, month: 0, day: 1, microsecondsOfDay: 0))
        #expect(castOne(zero, .date, .timestamp(precision: 0)) == zeroTime)
        #expect(castOne(zeroTime, .timestamp(precision: 0), .date) == zero)
        #expect(castOne(zero, .date, .text) == .text("2024-00-01"))
    }

    @Test func `bits, octets and UUIDs pass to one another`() {
        let bits = ColumnType.bits(length: nil)
        #expect(castOne(.text("101"), bits, .int32) == .fixed(5))
        #expect(castOne(.fixed(5), .int32, .bits(length: 8)) == .text("00000101"))
        #expect(castOne(.fixed(5), .int32, bits) == .text("101"))
        #expect(castOne(.fixed(256), .int32, .bits(length: 8)) == nil)
        #expect(castOne(.fixed(-1), .uint64, .bits(length: 64)) == .text(String(repeating: "1", count: 64)))
        #expect(castOne(.text(String(repeating: "1", count: 64)), bits, .int64) == nil)
        #expect(castOne(.text("100000001"), bits, .bytes) == .octets([1, 1]))
        #expect(castOne(.octets([1, 1]), .bytes, bits) == .text("0000000100000001"))
        #expect(castOne(.octets([1, 1]), .bytes, .bits(length: 9)) == .text("100000001"))
        #expect(castOne(.text("01"), bits, .boolean) == .fixed(1))
        #expect(castOne(.text("10"), bits, .boolean) == nil)
        #expect(castOne(.text("012"), .text, bits) == nil)
        let uuid = Value.text("0f8fad5b-d9cb-469f-a165-70867728950e")
        guard let octets = castOne(uuid, .uuid, .bytes(length: 16)) else { return #expect(Bool(false)) }
        #expect(
            octets
                == .octets([
                    0x0f, 0x8f, 0xad, 0x5b, 0xd9, 0xcb, 0x46, 0x9f, 0xa1, 0x65, 0x70, 0x86, 0x77, 0x28, 0x95, 0x0e,
                ]))
        #expect(castOne(octets, .bytes, .uuid) == uuid)
        #expect(castOne(.text("{0F8FAD5B-D9CB-469F-A165-70867728950E}"), .text, .uuid) == uuid)
    }

    @Test func `octets become text only when they are UTF-8, as the standard library decides`() {
        var random = Seeded(13)
        let leads: [UInt8] = [
            0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0x9f, 0xa0, 0x8f,
            0x90,
        ]
        for _ in 0..<30_000 {
            let prefix = [UInt8](repeating: 65, count: Int.random(in: 0...9, using: &random))
            let octets =
                prefix
                + (0..<Int.random(in: 0...4, using: &random)).map { _ in leads.randomElement(using: &random) ?? 0 }
            let isValid = String(validating: octets, as: UTF8.self) != nil
            #expect((castOne(.octets(octets), .bytes, .text) != nil) == isValid)
        }
    }

    @Test func `text becomes JSON only when it is`() {
        for good in ["{}", "[1, -2.5e+3, \"a\\u00e4\\n\"]", " null ", "\"\"", "0", "{\"a\":{\"b\":[true,false]}}"] {
            #expect(castOne(.text(good), .text, .json) == .text(good))
        }
        for bad in [
            "", "{", "[1,]", "01", "1.", "'a'", "{a:1}", "nul", "\"\\x\"", "\"\n\"", "{} {}", "+1", "NaN", "-", "[1}",
        ] {
            #expect(castOne(.text(bad), .text, .json) == nil)
        }
        #expect(castOne(.float(.nan), .float64, .json) == nil)
        #expect(castOne(.float(1e300), .float64, .json) == .text("1e+300"))
    }

    @Test func `a plan says what is lost`() {
        #expect(ColumnType.int64.fit(into: .int32) == .narrowing("values beyond ±2147483647 are rejected"))
        #expect(ColumnType.int32.fit(into: .int64) == .widening)
        #expect(ColumnType.int64.fit(into: .uint64) == .narrowing("values below 0 are rejected"))
        #expect(
            ColumnType.timestamp(precision: 6).fit(into: .timestamp(precision: 0))
                == .narrowing("values of more than 0 fraction digits of a second are rejected"))
        #expect(
            ColumnType.timestamp(precision: 6).fit(into: .timestamp(precision: 0), rounds: true)
                == .narrowing("rounded to 0 fraction digits of a second"))
        #expect(
            ColumnType.text(length: 80).fit(into: .text(length: 40))
                == .narrowing("text of more than 40 characters is rejected"))
        #expect(
            ColumnType.decimal(precision: 65, scale: 30).fit(into: .decimal(precision: 10, scale: 2))
                == .narrowing(
                    "values of more than 2 fraction digits are rejected, values of more than 8 integer digits are rejected"))
        #expect(
            ColumnType.decimal(precision: 65, scale: 30).fit(into: .decimal(precision: 10, scale: 2), rounds: true)
                == .narrowing("rounded to 2 fraction digits, values of more than 8 integer digits are rejected"))
        #expect(ColumnType.decimal(precision: 10, scale: 2).fit(into: .decimal(precision: 12, scale: 4)) == .widening)
        // The plan says which zone is used.
        #expect(ColumnType.instant(precision: 6).fit(into: .timestamp(precision: 6)) == .widening)
        #expect(ColumnType.instant(precision: 6).zoneUse(into: .timestamp(precision: 6)) == .shows)
        #expect(ColumnType.boolean.fit(into: .date) == .impossible("no conversion from boolean to date"))
        #expect(ColumnType.int32.fit(into: .float64) == .widening)
        #expect(ColumnType.int64.fit(into: .float64) == .narrowing("integers beyond ±2^53 become the nearest float64"))
        #expect(ColumnType.decimal(precision: 18, scale: 0).fit(into: .int64) == .widening)
        #expect(
            ColumnType.decimal(precision: 19, scale: 0).fit(into: .int64)
                == .narrowing("values beyond ±9223372036854775807 are rejected"))
    }
}
