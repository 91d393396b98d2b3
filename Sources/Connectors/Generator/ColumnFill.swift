import Tabular

/// Makes the values of one column: each follows from the column's own start and the row's number, by one round of
/// mixing (the finalizer of SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators").
struct ColumnFill: Sendable {
    private enum Kind: Sendable {
        case sequence
        /// The upper bits of a mixed word, with or without their sign.
        case signed(shift: UInt64), unsigned(shift: UInt64)
        /// `low + word * span / 2^64`, cut to multiples of `unit`.
        case uniform(low: Int64, span: UInt64, unit: Int64)
        case float64, float32
        case floats(low: Double, span: Double)
        /// One value for all rows: eight octets, or text.
        case fixed(Int64)
        case constant([UInt8])
        case decimal(digits: Int, scale: Int)
        case text(TextPool)
        case json, uuid, bits(Int)
    }
    private let kind: Kind
    private let start: UInt64
    /// A row is NULL when the lower 32 bits of its second word are below.
    private let nullLimit: UInt64
    let usualBytes: Int

    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inline(__always)
    static func mix(_ word: UInt64) -> UInt64 {
        var mixed = word
        mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed &>> 31)
    }

    init(_ column: GeneratorColumn, seed: UInt64, position: Int, nullRatio: Double) {
        start = Self.mix(Self.mix(seed) &+ UInt64(position + 1) &* 0xD1B5_4A32_D192_ED03)
        nullLimit = column.nullable ? UInt64(nullRatio * 4_294_967_296) : 0
        func moments(_ low: Int64, _ high: Int64, _ precision: Int) -> Kind {
            let unit = (0..<(6 - precision)).reduce(1 as Int64) { unit, _ in unit * 10 }
            return .uniform(low: low, span: UInt64(high - low), unit: unit)
        }
        let day = Temporal.microsecondsPerDay
        switch (column.type, column.spread) {
        case (_, .sequence): kind = .sequence
        case (let type, .constant(let text)): kind = Self.constant(text, type)
        case (_, .range(let low, let high)): kind = .floats(low: low, span: high - low)
        case (_, .length(let low, let high)): kind = .text(TextPool(.ascii, shortest: low, longest: high, start))
        case (.timestamp(let precision), .uniform(let low, let high)):
            let unit = (0..<(6 - precision)).reduce(1 as Int64) { unit, _ in unit * 10 }
            kind = .uniform(low: low, span: UInt64(high - low) + 1, unit: unit)
        case (_, .uniform(let low, let high)):
            kind = .uniform(low: low, span: UInt64(bitPattern: high &- low) &+ 1, unit: 1)
        case (.boolean, _): kind = .unsigned(shift: 63)
        case (.integer(let bits, let unsigned), _):
            kind = unsigned ? .unsigned(shift: UInt64(64 - bits)) : .signed(shift: UInt64(64 - bits))
        case (.float(let bits), _): kind = bits == 32 ? .float32 : .float64
        case (.decimal(let precision, let scale), _): kind = .decimal(digits: precision ?? 18, scale: scale ?? 0)
        case (.text(let length), .multibyte): kind = .text(TextPool(.multibyte, longest: length ?? 32, start))
        case (.text(let length), _): kind = .text(TextPool(.ascii, longest: length ?? 32, start))
        case (.bytes(let length), _): kind = .text(TextPool(.octets, longest: length ?? 32, start))
        // 1950 to 2037, and 1970 to 2037.
        case (.date, _): kind = .uniform(low: -7305, span: 32_142, unit: 1)
        case (.timestamp(let precision), _), (.instant(let precision), _):
            kind = moments(0, 24_837 * day, precision)
        case (.time(let precision), _): kind = moments(0, day, precision)
        case (.duration(let precision), _): kind = moments(-839 * 3_600_000_000, 839 * 3_600_000_000, precision)
        case (.json, _): kind = .json
        case (.uuid, _): kind = .uuid
        case (.bits(let length), _): kind = .bits(length ?? 8)
        case (.array, _), (.other, _): preconditionFailure("the schema language has no such type")
        }
        switch kind {
        case .decimal(let digits, _): usualBytes = digits + 1
        case .text(let pool): usualBytes = pool.usualBytes
        case .json: usualBytes = 40
        case .uuid: usualBytes = 36
        case .bits(let length): usualBytes = length
        case .constant(let bytes): usualBytes = bytes.count
        default: usualBytes = 8
        }
    }

    /// The value in the form that its column stores; the schema has checked that it is one.
    private static func constant(_ text: String, _ type: ColumnType) -> Kind {
        var text = text
        let value: Int64? = text.withUTF8 { bytes in
            switch type {
            case .boolean: Parse.boolean(bytes).map { $0 ? 1 : 0 }
            case .integer(_, unsigned: true): Parse.unsigned(bytes).map { Int64(bitPattern: $0) }
            case .integer: Parse.integer(bytes)
            case .float: Parse.double(bytes).map { Int64(bitPattern: $0.bitPattern) }
            case .date: Parse.date(bytes)
            case .timestamp: Parse.timestamp(bytes)
            default: nil
            }
        }
        return value.map { .fixed($0) } ?? .constant(Array(text.utf8))
    }

    /// Appends the values of some rows to an empty column. Returns their octets.
    func append(rows: Range<Int>, to column: inout ColumnBuffer) -> Int {
        precondition(column.count == 0)
        let count = rows.count
        let word = start &+ UInt64(truncatingIfNeeded: rows.lowerBound) &* Self.gamma
        if column.storage == .fixed {
            fillFixed(column.values, count, word, rows.lowerBound)
            column.count = count
            setNulls(&column, count, word)
            return count * 8
        }
        // The NULLs first, since a NULL takes no octets.
        setNulls(&column, count, word)
        let room = column.reserve(count * longest + TextPool.padding)
        let length = fillVariable(room, column.ends, nullLimit == 0 ? nil : column.nulls, count, word)
        column.arenaCount = length
        column.count = count
        return length + column.nullCount
    }

    private func setNulls(_ column: inout ColumnBuffer, _ count: Int, _ word: UInt64) {
        guard nullLimit > 0 else { return }
        var word = word &+ 0xA5A5_A5A5_A5A5_A5A5
        var total = 0
        for first in stride(from: 0, to: count, by: 8) {
            var bits: UInt8 = 0
            for offset in 0..<min(8, count - first) {
                let isNull = Self.mix(word) & 0xFFFF_FFFF < nullLimit
                bits |= (isNull ? 1 : 0) &<< UInt8(truncatingIfNeeded: offset)
                word &+= Self.gamma
            }
            column.nulls[first >> 3] = bits
            total += bits.nonzeroBitCount
            if column.storage == .fixed, bits != 0 {
                for offset in 0..<8 where bits & (1 << UInt8(offset)) != 0 { column.values[first + offset] = 0 }
            }
        }
        column.nullCount = total
    }

    private func fillFixed(_ values: UnsafeMutablePointer<Int64>, _ count: Int, _ start: UInt64, _ firstRow: Int) {
        var word = start
        switch kind {
        case .sequence: for row in 0..<count { values[row] = Int64(firstRow &+ row &+ 1) }
        case .signed(let shift):
            for row in 0..<count {
                values[row] = Int64(bitPattern: Self.mix(word)) &>> Int64(shift)
                word &+= Self.gamma
            }
        case .unsigned(let shift):
            for row in 0..<count {
                values[row] = Int64(bitPattern: Self.mix(word) &>> shift)
                word &+= Self.gamma
            }
        case .uniform(let low, let span, let unit):
            for row in 0..<count {
                // A span of 2^64 shows as 0.
                let high = span == 0 ? Self.mix(word) : Self.mix(word).multipliedFullWidth(by: span).high
                var value = low &+ Int64(bitPattern: high)
                if unit > 1 { value &-= value % unit }
                values[row] = value
                word &+= Self.gamma
            }
        case .float64, .float32:
            let isShort = if case .float32 = kind { true } else { false }
            for row in 0..<count {
                let unit = Double(Self.mix(word) &>> 11) * 0x1p-53
                let value = unit * 2_000_000 - 1_000_000
                values[row] = Int64(bitPattern: (isShort ? Double(Float(value)) : value).bitPattern)
                word &+= Self.gamma
            }
        case .floats(let low, let span):
            for row in 0..<count {
                values[row] = Int64(bitPattern: (low + Double(Self.mix(word) &>> 11) * 0x1p-53 * span).bitPattern)
                word &+= Self.gamma
            }
        case .fixed(let value): values.update(repeating: value, count: count)
        case .decimal, .text, .json, .uuid, .bits, .constant: preconditionFailure("not a fixed column")
        }
    }

    /// Octets of the longest value.
    private var longest: Int {
        switch kind {
        case .decimal(let digits, _): digits + 24
        case .text(let pool): pool.longestBytes
        case .json: 80
        case .uuid: 36
        case .bits(let length): length
        case .constant(let bytes): bytes.count
        default: 8
        }
    }

    private func fillVariable(
        _ arena: UnsafeMutablePointer<UInt8>, _ ends: UnsafeMutablePointer<Int>, _ nulls: UnsafeMutablePointer<UInt8>?,
        _ count: Int, _ start: UInt64
    ) -> Int {
        var word = start
        var out = arena
        @inline(__always) func isNull(_ row: Int) -> Bool {
            guard let nulls else { return false }
            return nulls[row &>> 3] & (1 &<< UInt8(truncatingIfNeeded: row & 7)) != 0
        }
        switch kind {
        case .text(let pool): return pool.fill(arena, ends, nulls, count, start, gamma: Self.gamma)
        case .decimal(let digits, let scale):
            let limit = (0..<min(digits, 18)).reduce(1 as UInt64) { power, _ in power * 10 }
            let point = (0..<min(scale, 18)).reduce(1 as UInt64) { power, _ in power * 10 }
            for row in 0..<count {
                if !isNull(row) {
                    let mixed = Self.mix(word)
                    let value = mixed.multipliedFullWidth(by: limit).high
                    if digits <= 18 {
                        out += Self.decimal(value, isNegative: mixed & 7 == 0, point, scale, out)
                    } else {
                        out += Self.longDecimal(mixed, digits, scale, out)
                    }
                }
                ends[row] = out - arena
                word &+= Self.gamma
            }
        case .constant(let bytes):
            for row in 0..<count {
                if !isNull(row) {
                    out.update(from: bytes, count: bytes.count)
                    out += bytes.count
                }
                ends[row] = out - arena
            }
        default:
            for row in 0..<count {
                if !isNull(row) { out += rare(Self.mix(word), out) }
                ends[row] = out - arena
                word &+= Self.gamma
            }
        }
        return out - arena
    }

    /// `value / 10^scale` in plain digits.
    @inline(__always)
    private static func decimal(
        _ value: UInt64, isNegative: Bool, _ point: UInt64, _ scale: Int, _ out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var length = 0
        if isNegative, value != 0 {
            out[0] = UInt8(ascii: "-")
            length = 1
        }
        let whole = scale == 0 ? value : value / point
        length &+= Format.unsigned(whole, to: out + length)
        guard scale > 0 else { return length }
        out[length] = UInt8(ascii: ".")
        var rest = value &- whole &* point
        var place = length &+ scale
        while place > length {
            out[place] = UInt8(truncatingIfNeeded: 48 &+ rest % 10)
            rest /= 10
            place &-= 1
        }
        return length &+ 1 &+ scale
    }

    private static func longDecimal(_ word: UInt64, _ digits: Int, _ scale: Int, _ out: UnsafeMutablePointer<UInt8>)
        -> Int
    {
        var length = 0
        if word & 7 == 0 {
            out[0] = UInt8(ascii: "-")
            length = 1
        }
        if digits == scale {
            out[length] = 48
            length += 1
        }
        var state = word
        for index in 0..<digits {
            if index == digits - scale {
                out[length] = UInt8(ascii: ".")
                length += 1
            }
            state = mix(state &+ gamma)
            // Neither a leading zero nor a negative zero.
            let digit = index == 0 ? 1 + state % 9 : state % 10
            out[length] = UInt8(truncatingIfNeeded: 48 + digit)
            length += 1
        }
        return length
    }

    private func rare(_ word: UInt64, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        switch kind {
        case .json:
            var length = Self.put("{\"id\": ", out)
            length += Format.unsigned(word >> 32, to: out + length)
            length += Self.put(", \"tags\": [\"a\", \"雨\"], \"on\": ", out + length)
            length += Self.put(word & 1 == 0 ? "true}" : "false}", out + length)
            return length
        case .uuid:
            // Version 4 (RFC 9562 §5.4).
            var bytes = (word & ~0xF000 | 0x4000, Self.mix(word &+ Self.gamma) & ~(0xC0 << 56) | 0x80 << 56)
            bytes = (bytes.0.bigEndian, bytes.1.bigEndian)
            withUnsafeBytes(of: &bytes) { raw in
                let digits = ("0123456789abcdef" as StaticString).utf8Start
                var place = 0
                for index in 0..<16 {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        out[place] = UInt8(ascii: "-")
                        place += 1
                    }
                    out[place] = digits[Int(raw[index] >> 4)]
                    out[place + 1] = digits[Int(raw[index] & 15)]
                    place += 2
                }
            }
            return 36
        case .bits(let length):
            var state = word
            for index in 0..<length {
                if index & 63 == 63 { state = Self.mix(state &+ Self.gamma) }
                out[index] = 48 + UInt8(truncatingIfNeeded: (state &>> UInt64(index & 63)) & 1)
            }
            return length
        default: preconditionFailure("not a rare kind")
        }
    }

    private static func put(_ text: StaticString, _ out: UnsafeMutablePointer<UInt8>) -> Int {
        out.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        return text.utf8CodeUnitCount
    }
}
