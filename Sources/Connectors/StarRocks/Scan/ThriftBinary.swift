import Glibc

/// Why a scanner's answer cannot be used.
enum ScanFault: Error, Equatable {
    /// The bytes do not follow their protocol.
    case malformed(String)
    /// They do, and carry what this reader does not take.
    case unsupported(String)
    /// The connection could not be made, or ended.
    case broken(String)
    /// The BE answered with another status than OK.
    case status(code: Int32, String)
}

/// Types of fields in Thrift's binary protocol.
enum ThriftType: UInt8 {
    case stop = 0, boolean = 2, byte = 3, double = 4, int16 = 6, int32 = 8, int64 = 10, string = 11, structure = 12, map = 13, set = 14
    case list = 15
}

/// Writes calls in Thrift's binary protocol, strict form (`thrift-binary-protocol.md`), without frames.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []

    /// The head of a call, and of its arguments' one struct, which ``end()`` ends.
    init(call name: String, sequence: Int32) {
        integer(Int32(bitPattern: 0x8001_0001))
        string(name)
        integer(sequence)
        head(.structure, 1)
    }

    mutating func end() { bytes += [0, 0] }

    mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func string(_ text: String) {
        integer(Int32(text.utf8.count))
        bytes += Array(text.utf8)
    }

    mutating func head(_ type: ThriftType, _ field: Int16) {
        bytes.append(type.rawValue)
        integer(field)
    }

    mutating func field(_ id: Int16, _ text: String) {
        head(.string, id)
        string(text)
    }

    mutating func field(_ id: Int16, _ value: Int16) {
        head(.int16, id)
        integer(value)
    }

    mutating func field(_ id: Int16, _ value: Int32) {
        head(.int32, id)
        integer(value)
    }

    mutating func field(_ id: Int16, _ value: Int64) {
        head(.int64, id)
        integer(value)
    }

    mutating func field(_ id: Int16, _ values: [Int64]) {
        head(.list, id)
        bytes.append(ThriftType.int64.rawValue)
        integer(Int32(values.count))
        for value in values { integer(value) }
    }
}

/// Reads answers in Thrift's binary protocol off a stream whose length nobody states.
///
/// What is read stays in one growing buffer until ``begin()``. A length is taken for true only as far as bytes have come:
/// memory grows with what was received, never with what was promised.
final class ThriftInput {
    /// One answer is not larger: a batch has 4,096 rows.
    static let limit = 512 << 20
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 64 << 10
    private(set) var filled = 0
    private var position = 0
    /// Puts bytes at the place, at most so many; 0 = the stream has ended.
    private let more: (UnsafeMutablePointer<UInt8>, Int) throws -> Int

    init(more: @escaping (UnsafeMutablePointer<UInt8>, Int) throws -> Int) {
        memory = .allocate(capacity: capacity)
        self.more = more
    }

    deinit { memory.deallocate() }

    /// A next answer begins; what the last one carried is gone.
    func begin() {
        // One huge batch does not keep its memory.
        if capacity > 16 << 20 {
            memory.deallocate()
            capacity = 64 << 10
            memory = .allocate(capacity: capacity)
        }
        (filled, position) = (0, 0)
    }

    /// The bytes of the current answer, from its beginning.
    var start: UnsafePointer<UInt8> { UnsafePointer(memory) }

    /// Moves behind so many bytes; where they begin.
    private func take(_ count: Int) throws -> Int {
        guard count >= 0, position + count <= Self.limit else {
            throw ScanFault.malformed("a length of \(count) bytes within an answer")
        }
        while filled < position + count {
            if filled == capacity {
                let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
                larger.update(from: memory, count: filled)
                memory.deallocate()
                memory = larger
                capacity *= 2
            }
            // Not beyond what is asked for: behind the answer there is nothing.
            let got = try more(memory + filled, min(capacity, position + count) - filled)
            guard got > 0 else { throw ScanFault.broken("the connection ended within an answer") }
            filled += got
        }
        defer { position += count }
        return position
    }

    func integer<Value: FixedWidthInteger>(_: Value.Type) throws -> Value {
        let place = try take(MemoryLayout<Value>.size)
        return Value(bigEndian: UnsafeRawPointer(memory + place).loadUnaligned(as: Value.self))
    }

    /// Where a string or binary lies.
    func binary() throws -> Range<Int> {
        let count = Int(try integer(Int32.self))
        let place = try take(count)
        return place..<place + count
    }

    func string() throws -> String {
        let range = try binary()
        return String(decoding: UnsafeBufferPointer(start: memory + range.lowerBound, count: range.count), as: UTF8.self)
    }

    /// The head of a list or set: the elements' type and their count.
    func list() throws -> (type: UInt8, count: Int) {
        let type = try integer(UInt8.self)
        let count = Int(try integer(Int32.self))
        guard count >= 0 else { throw ScanFault.malformed("a list of \(count) elements") }
        return (type, count)
    }

    /// Calls `body` for each field of a struct; a field that it does not take (false) is skipped.
    func structure(_ body: (_ id: Int16, _ type: ThriftType) throws -> Bool) throws {
        while true {
            let type = try type(try integer(UInt8.self))
            if type == .stop { return }
            let id = try integer(Int16.self)
            if try !body(id, type) { try skip(type, depth: 0) }
        }
    }

    private func type(_ byte: UInt8) throws -> ThriftType {
        guard let type = ThriftType(rawValue: byte) else { throw ScanFault.malformed("a field of type \(byte)") }
        return type
    }

    private func skip(_ type: ThriftType, depth: Int) throws {
        guard depth < 32 else { throw ScanFault.malformed("fields within fields, 32 deep") }
        switch type {
        case .stop: throw ScanFault.malformed("a value of no type")
        case .boolean, .byte: _ = try take(1)
        case .int16: _ = try take(2)
        case .int32: _ = try take(4)
        case .int64, .double: _ = try take(8)
        case .string: _ = try binary()
        case .structure:
            while true {
                let inner = try self.type(try integer(UInt8.self))
                if inner == .stop { return }
                _ = try take(2)
                try skip(inner, depth: depth + 1)
            }
        case .list, .set:
            let (inner, count) = try list()
            for _ in 0..<count { try skip(try self.type(inner), depth: depth + 1) }
        case .map:
            let key = try integer(UInt8.self), value = try integer(UInt8.self)
            let count = try integer(Int32.self)
            guard count >= 0 else { throw ScanFault.malformed("a map of \(count) members") }
            for _ in 0..<count {
                try skip(try self.type(key), depth: depth + 1)
                try skip(try self.type(value), depth: depth + 1)
            }
        }
    }

    /// The head of the answer to a call; an exception is thrown as a status.
    func answer(to name: String, sequence: Int32) throws {
        let version = try integer(UInt32.self)
        guard version & 0xFFFF_0000 == 0x8001_0000 else { throw ScanFault.malformed("an answer that is not of Thrift's binary protocol") }
        let own = try string()
        let number = try integer(Int32.self)
        if version & 0xFF == 3 {
            var words = ""
            try structure { id, type in
                guard id == 1, type == .string else { return false }
                words = try string()
                return true
            }
            throw ScanFault.status(code: 6, words)
        }
        guard version & 0xFF == 2, own == name, number == sequence else { throw ScanFault.malformed("an answer to another call") }
    }
}
