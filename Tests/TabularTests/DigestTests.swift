import Tabular
import Testing

@Suite struct DigestTests {
    private func digest(_ columns: [Column], _ rows: [[Value]]) -> RowDigest {
        var digest = RowDigest()
        digest.add(Batch(columns, rows))
        return digest
    }

    @Test func `the sum does not depend on the order or the cut, the ordered checksum depends on the order`() {
        var random = Seeded(31)
        let rows = ProjectionTests.rows(500, &random)
        let one = digest(ProjectionTests.source, rows)
        let turned = digest(ProjectionTests.source, rows.shuffled(using: &random))
        #expect(one.sum == turned.sum && one.hex == turned.hex && one.hex.count == 32)
        #expect(one.ordered != turned.ordered)
        var pieces = RowDigest()
        for start in stride(from: 0, to: 500, by: 30) {
            pieces.add(Batch(ProjectionTests.source, Array(rows[start..<min(start + 30, 500)])))
        }
        #expect(pieces.sum == one.sum && pieces.ordered == one.ordered && pieces.rows == 500)
        var merged = digest(ProjectionTests.source, Array(rows[250...]))
        merged.merge(digest(ProjectionTests.source, Array(rows[..<250])))
        #expect(merged.sum == one.sum && merged.rows == 500)
    }

    @Test func `one changed value changes both`() {
        var random = Seeded(32)
        let rows = ProjectionTests.rows(50, &random)
        let one = digest(ProjectionTests.source, rows)
        for row in rows.indices {
            for column in ProjectionTests.source.indices {
                var changed = rows
                switch changed[row][column] {
                case .null: changed[row][column] = column == 0 ? .fixed(0) : .octets([])
                case .fixed(let value): changed[row][column] = .fixed(column == 3 ? 1 - value : value ^ 1)
                case .octets(let bytes):
                    changed[row][column] = .octets(column == 2 ? [49] + bytes.drop { $0 == 45 } : bytes + [48])
                }
                let other = digest(ProjectionTests.source, changed)
                #expect(other.sum != one.sum && other.ordered != one.ordered)
            }
        }
    }

    @Test func `values do not flow into their neighbours`() {
        let two = [Column("a", .text), Column("b", .text)]
        let sums = [
            digest(two, [[.text("ab"), .text("c")]]).sum, digest(two, [[.text("a"), .text("bc")]]).sum,
            digest(two, [[.text("abc"), .text("")]]).sum, digest(two, [[.text("abc"), .null]]).sum,
            digest(two, [[.null, .text("abc")]]).sum, digest([two[0]], [[.text("abc")]]).sum,
        ]
        #expect(Set(sums).count == sums.count)
    }

    @Test func `the same value from another system has the same digest`() {
        let decimal = ColumnType.decimal(precision: nil, scale: nil)
        func sum(_ type: ColumnType, _ value: Value) -> Checksum { digest([Column("a", type)], [[value]]).sum }
        #expect(sum(decimal, .text("12.50")) == sum(decimal, .text("12.5")))
        #expect(sum(decimal, .text("100")) == sum(decimal, .text("100.00")))
        #expect(sum(decimal, .text("100")) != sum(decimal, .text("1")))
        #expect(sum(decimal, .text("0.00")) == sum(.int32, .fixed(0)))
        #expect(sum(.float64, .float(-0.0)) == sum(.float64, .float(0)))
        #expect(sum(.timestamp(precision: 0), .fixed(0)) == sum(.timestamp(precision: 6), .fixed(0)))
        #expect(sum(.int32, .fixed(7)) == sum(.int64, .fixed(7)))
    }

    @Test func `many rows of small numbers do not collide`() {
        let columns = [Column("a", .int32), Column("b", .int32)]
        var seen: Set<Checksum> = []
        var high: Set<UInt64> = []
        var low: Set<UInt64> = []
        for a in 0..<50 {
            for b in 0..<50 {
                let sum = digest(columns, [[.fixed(Int64(a)), .fixed(Int64(b))]]).sum
                seen.insert(sum)
                high.insert(sum.high)
                low.insert(sum.low)
            }
        }
        #expect(seen.count == 2_500 && high.count == 2_500 && low.count == 2_500)
    }

    @Test func `the digest of a known row stays what it is`() {
        let digest = digest(
            [Column("a", .int32), Column("b", .text)], [[.fixed(1), .text("雨燕")], [.null, .text("swift")]])
        #expect(digest.hex == "17ca2f07d8d651c02b51827aa8ffecf0")
    }

    @Test(arguments: [
        (#"{"b": [1, 2.50], "a": null}"#, #" {"a":null,"b":[1.0,25e-1]}"#), (#"{"a":1,"a":2}"#, #"{"a":2}"#),
        (#""\u00e9\n\/\ud83d\udc26""#, "\"é\\n/🐦\""), ("1e2", "100"), ("-0.0", "0"), ("[]", "[ ]"), ("12e-1000000000000", "12E-2000000000"),
    ]) func `a JSON value is one however it is written`(_ one: String, _ other: String) {
        func sum(_ type: ColumnType, _ text: String) -> Checksum { digest([Column("a", type)], [[.text(text)]]).sum }
        #expect(sum(.json, one) == sum(.json, other))
        #expect(sum(.text, one) != sum(.text, other))
    }

    @Test func `two JSON values are two`() {
        let texts = [
            "1", "10", "-1", "0.1", "1.0000000000000000001", "12345678901234567890", "12345678901234567891", "true", "false", "null",
            #""1""#,
            #""null""#, "[1]", "[1,2]", "[12]", "[[1],2]", "[[1,2]]", #"["1"]"#, "{}", "[]", #"{"a":1}"#, #"{"a":"1"}"#, #"{"b":1}"#,
            #"{"a":1,"b":2}"#, #"{"a":2,"b":1}"#, #"{"a":{"b":2}}"#, #""\ud800""#, #""\ufffd""#, #""a""#, #""a ""#, "not JSON", "{",
        ]
        let sums = texts.map { digest([Column("a", .json)], [[.text($0)]]).sum }
        #expect(Set(sums).count == texts.count)
    }

    @Test func `blanks behind a CHAR and zeros before a BIT of MySQL are no difference, elsewhere they are`() {
        func sum(_ type: ColumnType, _ text: String, _ likeness: Likeness) -> Checksum {
            let columns = [Column("x", .text), Column("a", type)]
            let hasher = RowHasher(Schema(columns), places: [1], likeness: [likeness])
            var digest = RowDigest()
            digest.add(Batch(columns, [[.text("left out " + text), .text(text)]]), by: hasher)
            return digest.sum
        }
        #expect(sum(.text, "a ", .unpadded) == sum(.text, "a", .unpadded) && sum(.text, " a", .unpadded) != sum(.text, "a", .unpadded))
        #expect(sum(.text, "a ", .exact) != sum(.text, "a", .exact))
        let bits = ColumnType.bits(length: nil)
        #expect(sum(bits, "0010", .number) == sum(bits, "10", .number) && sum(bits, "100", .number) != sum(bits, "10", .number))
        #expect(sum(bits, "0010", .exact) != sum(bits, "10", .exact))
    }
}
