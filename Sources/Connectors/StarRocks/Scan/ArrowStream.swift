import Tabular

/// A table of FlatBuffers (https://flatbuffers.dev/internals), every offset held against the bytes that there are.
struct FlatTable {
    let bytes: UnsafeRawBufferPointer
    private let place: Int
    private let fields: Int
    private let fieldsSize: Int

    init(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
        self.bytes = bytes
        self.place = place
        let (fields, overflow) = place.subtractingReportingOverflow(Int(try Self.load(Int32.self, bytes, place)))
        guard !overflow else { throw ScanFault.malformed("an Arrow message without its fields") }
        self.fields = fields
        fieldsSize = Int(try Self.load(UInt16.self, bytes, fields))
    }

    static func root(_ bytes: UnsafeRawBufferPointer) throws -> FlatTable {
        try FlatTable(bytes, at: Int(try load(UInt32.self, bytes, 0)))
    }

    static func load<Value: FixedWidthInteger>(_: Value.Type, _ bytes: UnsafeRawBufferPointer, _ place: Int) throws -> Value {
        guard place >= 0, place <= bytes.count - MemoryLayout<Value>.size else {
            throw ScanFault.malformed("an Arrow message that is cut off")
        }
        return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Value.self))
    }

    private func field(_ index: Int) throws -> Int? {
        guard 6 + 2 * index <= fieldsSize else { return nil }
        let offset = Int(try Self.load(UInt16.self, bytes, fields + 4 + 2 * index))
        return offset == 0 ? nil : place + offset
    }

    func number<Value: FixedWidthInteger>(_ index: Int, _ initial: Value) throws -> Value {
        try field(index).map { try Self.load(Value.self, bytes, $0) } ?? initial
    }

    private func target(_ place: Int) throws -> Int { place + Int(try Self.load(UInt32.self, bytes, place)) }

    func has(_ index: Int) throws -> Bool { try field(index) != nil }

    func table(_ index: Int) throws -> FlatTable? { try field(index).map { try FlatTable(bytes, at: target($0)) } }

    /// Where a vector's elements begin, and how many there are.
    func vector(_ index: Int, size: Int) throws -> (place: Int, count: Int) {
        guard let field = try field(index) else { return (0, 0) }
        let place = try target(field)
        let count = Int(try Self.load(UInt32.self, bytes, place))
        guard place + 4 <= bytes.count, count <= (bytes.count - place - 4) / size else {
            throw ScanFault.malformed("a list in an Arrow message that is cut off")
        }
        return (place + 4, count)
    }

    func tables(_ index: Int) throws -> [FlatTable] {
        let (place, count) = try vector(index, size: 4)
        return try (0..<count).map { try FlatTable(bytes, at: target(place + 4 * $0)) }
    }

    func text(_ index: Int) throws -> String? {
        guard try has(index) else { return nil }
        let (place, count) = try vector(index, size: 1)
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[place..<place + count]), as: UTF8.self)
    }
}

/// The type of an Arrow column, as far as BEs make them.
enum ArrowType: Equatable {
    case boolean
    case integer(bits: Int, isSigned: Bool)
    case float32, float64
    case decimal128(scale: Int)
    case date32
    /// Units of a second.
    case timestamp(perSecond: Int64)
    case text
    case bytes
    /// One of the others, which this reader does not take; with the word that errors say.
    case other(String)
}

struct ArrowField: Equatable {
    var name: String
    var type: ArrowType

    fileprivate init(_ table: FlatTable) throws {
        name = try table.text(0) ?? ""
        let type = try table.table(3)
        guard try !table.has(4) else {
            self.type = .other("dictionary")
            return
        }
        switch try table.number(2, UInt8(0)) {
        case 2:
            let bits = Int(try type?.number(0, Int32(0)) ?? 0)
            let isSigned = try type?.number(1, UInt8(0)) ?? 0 != 0
            self.type = [8, 16, 32, 64].contains(bits) ? .integer(bits: bits, isSigned: isSigned) : .other("int")
        case 3:
            let precision = try type?.number(0, Int16(0)) ?? 0
            self.type = precision == 1 ? .float32 : precision == 2 ? .float64 : .other("half")
        case 4: self.type = .bytes
        case 5: self.type = .text
        case 6: self.type = .boolean
        case 7:
            let bits = try type?.number(2, Int32(128)) ?? 128
            self.type = bits == 128 ? .decimal128(scale: Int(try type?.number(1, Int32(0)) ?? 0)) : .other("decimal of \(bits) bits")
        case 8: self.type = try type?.number(0, Int16(1)) == 0 ? .date32 : .other("date of milliseconds")
        case 10:
            let zone = try type?.text(1) ?? ""
            let unit = try type?.number(0, Int16(0)) ?? 0
            guard zone.isEmpty || zone == "UTC", (0...2).contains(unit) else {
                self.type = .other("timestamp of a zone")
                return
            }
            self.type = .timestamp(perSecond: unit == 0 ? 1 : unit == 1 ? 1000 : 1_000_000)
        case let code:
            let words: [UInt8: String] = [12: "list", 13: "struct", 17: "map", 19: "large binary", 20: "large text", 21: "large list"]
            self.type = .other(words[code] ?? "number \(code)")
        }
    }

    /// Buffers of a column: the bits of what is not NULL, and one or two more.
    fileprivate var buffers: Int {
        switch type {
        case .text, .bytes: 3
        default: 2
        }
    }
}

/// One column of a record batch: ranges of the stream, whose lengths suffice for the rows.
struct ArrowColumn {
    var type: ArrowType
    /// Nil = nothing is NULL.
    var validity: UnsafePointer<UInt8>?
    /// The values, or the offsets of texts.
    var values: UnsafeRawPointer
    /// Bytes of texts.
    var bytes: UnsafePointer<UInt8>
    var bytesCount: Int
}

/// A complete Arrow IPC stream, https://arrow.apache.org/docs/format/Columnar.html: a schema and record batches.
struct ArrowStream {
    let fields: [ArrowField]
    private let stream: UnsafeRawBufferPointer
    private var position: Int

    /// The columns of a batch are at first of this many rows.
    struct RecordBatch {
        var rows: Int
        var columns: [ArrowColumn]
    }

    private struct Message {
        var kind: UInt8
        var head: FlatTable
        var body: UnsafeRawBufferPointer
    }

    /// - throws: ``ScanFault`` for bytes that are no stream of a schema.
    init(_ stream: UnsafeRawBufferPointer) throws {
        self.stream = stream
        position = 0
        guard let message = try Self.message(stream, &position), message.kind == 1 else {
            throw ScanFault.malformed("an Arrow stream without a schema")
        }
        guard try message.head.number(0, Int16(0)) == 0 else { throw ScanFault.unsupported("an Arrow stream of big-endian values") }
        fields = try message.head.tables(1).map(ArrowField.init)
    }

    private static func message(_ stream: UnsafeRawBufferPointer, _ position: inout Int) throws -> Message? {
        guard position < stream.count else { return nil }
        var size = try FlatTable.load(Int32.self, stream, position)
        position += 4
        if size == -1 {
            size = try FlatTable.load(Int32.self, stream, position)
            position += 4
        }
        if size == 0 { return nil }
        guard size > 0, Int(size) <= stream.count - position else { throw ScanFault.malformed("an Arrow stream that is cut off") }
        let root = try FlatTable.root(UnsafeRawBufferPointer(rebasing: stream[position..<position + Int(size)]))
        position += Int(size)
        let length = try root.number(3, Int64(0))
        guard length >= 0, length <= Int64(stream.count - position) else { throw ScanFault.malformed("an Arrow stream that is cut off") }
        let body = UnsafeRawBufferPointer(rebasing: stream[position..<position + Int(length)])
        position += Int(length)
        guard let head = try root.table(2) else { throw ScanFault.malformed("an Arrow message without a head") }
        return Message(kind: try root.number(1, UInt8(0)), head: head, body: body)
    }

    /// The next record batch; nil = the end.
    mutating func next() throws -> RecordBatch? {
        guard let message = try Self.message(stream, &position) else { return nil }
        guard message.kind == 3 else { throw ScanFault.unsupported("an Arrow stream with dictionaries") }
        guard try !message.head.has(3) else { throw ScanFault.unsupported("an Arrow batch that is compressed") }
        let length = try message.head.number(0, Int64(0))
        guard length >= 0, length <= Int64(Int32.max) else { throw ScanFault.malformed("an Arrow batch of \(length) rows") }
        let nodes = try message.head.vector(1, size: 16), buffers = try message.head.vector(2, size: 16)
        for field in fields { if case .other(let word) = field.type { throw ScanFault.unsupported("an Arrow column of type \(word)") } }
        guard nodes.count == fields.count, buffers.count == fields.reduce(0, { $0 + $1.buffers }) else {
            throw ScanFault.malformed("an Arrow batch of other columns than its schema")
        }
        let rows = Int(length)
        var columns: [ArrowColumn] = []
        var buffer = buffers.place
        func range() throws -> UnsafeRawBufferPointer {
            let offset = try FlatTable.load(Int64.self, message.head.bytes, buffer)
            let count = try FlatTable.load(Int64.self, message.head.bytes, buffer + 8)
            buffer += 16
            guard offset >= 0, count >= 0, offset <= Int64(message.body.count), count <= Int64(message.body.count) - offset else {
                throw ScanFault.malformed("an Arrow column that lies outside of its batch")
            }
            return UnsafeRawBufferPointer(rebasing: message.body[Int(offset)..<Int(offset + count)])
        }
        for (index, field) in fields.enumerated() {
            let place = nodes.place + 16 * index
            guard try FlatTable.load(Int64.self, message.head.bytes, place) == length else {
                throw ScanFault.malformed("an Arrow column of another length than its batch")
            }
            let nulls = try FlatTable.load(Int64.self, message.head.bytes, place + 8)
            let validity = try range(), values = try range()
            let bytes = field.buffers == 3 ? try range() : values
            guard nulls == 0 || validity.count >= (rows + 7) / 8, values.count >= Self.size(field.type, rows) else {
                throw ScanFault.malformed("an Arrow column that is cut off")
            }
            columns.append(
                ArrowColumn(
                    type: field.type,
                    validity: nulls == 0 ? nil : validity.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    values: values.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!,
                    bytes: (bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!).assumingMemoryBound(to: UInt8.self),
                    bytesCount: bytes.count))
        }
        return RecordBatch(rows: rows, columns: columns)
    }

    private static func size(_ type: ArrowType, _ rows: Int) -> Int {
        switch type {
        case .boolean: (rows + 7) / 8
        case .integer(let bits, _): rows * bits / 8
        case .float32, .date32: rows * 4
        case .float64, .timestamp: rows * 8
        case .decimal128: rows * 16
        case .text, .bytes: rows == 0 ? 0 : (rows + 1) * 4
        case .other: 0
        }
    }
}
