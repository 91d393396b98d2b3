import Tabular

/// Random numbers that are the same in every run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Of any magnitude, small as likely as large.
    mutating func integer() -> Int64 { Int64(bitPattern: next()) >> Int64.random(in: 0..<64, using: &self) }
}

func text(_ write: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    write(&buffer)
    return buffer.string
}

func parse<Value>(_ text: String, _ read: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
    var text = text
    return text.withUTF8 { read($0) }
}

/// What a value of a batch is, per value: the naive model the fast code is compared with.
enum Value: Hashable {
    case null
    case fixed(Int64)
    case octets([UInt8])

    static func text(_ text: String) -> Value { .octets(Array(text.utf8)) }
    static func float(_ value: Double) -> Value { .fixed(Int64(bitPattern: value.bitPattern)) }
}

extension Batch {
    convenience init(_ columns: [Column], _ rows: [[Value]], capacity: Int? = nil) {
        self.init(schema: Schema(columns), rowCapacity: capacity ?? max(rows.count, 1))
        for row in rows { append(row) }
    }

    func append(_ row: [Value]) {
        for (index, value) in row.enumerated() {
            switch value {
            case .null: columns[index].appendNull()
            case .fixed(let value): columns[index].append(value)
            case .octets(let bytes):
                bytes.withUnsafeBufferPointer { bytes in
                    if let base = bytes.baseAddress {
                        columns[index].append(base, count: bytes.count)
                    } else {
                        columns[index].commit(0)
                    }
                }
            }
        }
        endRow(bytes: 10)
    }

    func value(_ row: Int, _ column: Int) -> Value {
        let buffer = columns[column]
        if buffer.isNull(row) { return .null }
        return buffer.storage == .fixed ? .fixed(buffer.int(row)) : .octets(Array(buffer.bytes(row)))
    }

    var values: [[Value]] { (0..<rowCount).map { row in columns.indices.map { value(row, $0) } } }
}

/// The values a cast makes of others, and the reasons of those it refuses.
func cast(
    _ values: [Value], _ from: ColumnType, _ to: ColumnType, rounds: Bool = false
) -> (values: [Value], reasons: [Int: String])? {
    guard let cast = Cast(from: from, to: to, rounds: rounds) else { return nil }
    let input = Batch([Column("a", from)], values.map { [$0] })
    let output = Batch([Column("a", to)], [], capacity: values.count)
    var reasons: [Int: String] = [:]
    cast.apply(from: input.columns.baseAddress!, to: output.columns.baseAddress!, rows: values.count) {
        reasons[$0] = $1
    }
    output.endRows(values.count, bytes: 0)
    return (output.values.map { $0[0] }, reasons)
}

/// One value that must pass.
func castOne(_ value: Value, _ from: ColumnType, _ to: ColumnType, rounds: Bool = false) -> Value? {
    guard let result = cast([value], from, to, rounds: rounds), result.reasons.isEmpty else { return nil }
    return result.values[0]
}

/// One value that must be refused: the reason.
func refusal(_ value: Value, _ from: ColumnType, _ to: ColumnType) -> String? {
    guard let result = cast([value], from, to), result.values == [.null] else { return nil }
    return result.reasons[0]
}

extension Cast {
    static let everyType: [ColumnType] = [
        .boolean, .integer(bits: 8, unsigned: false), .integer(bits: 8, unsigned: true), .int16, .int32,
        .integer(bits: 32, unsigned: true), .int64, .uint64, .float(bits: 32), .float64,
        .decimal(precision: nil, scale: nil), .decimal(precision: 10, scale: 2), .decimal(precision: 30, scale: 0),
        .text, .text(length: 10), .text(length: 40), .bytes, .bytes(length: 16), .date, .time(precision: 0),
        .time(precision: 6), .duration(precision: 6), .duration(precision: 0), .timestamp(precision: 6),
        .timestamp(precision: 0), .instant(precision: 6), .instant(precision: 3), .json, .uuid, .bits(length: 8),
        .bits(length: nil), .array(.int32), .other("inet"),
    ]
}
