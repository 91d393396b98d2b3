/// A growing run of octets, for encoders: owned, reused, without a bounds check or an allocation per append once it
/// has grown to its working size.
public struct ByteBuffer: ~Copyable {
    public var start: UnsafeMutablePointer<UInt8>
    public var count: Int
    @usableFromInline var capacity: Int

    public init(capacity: Int = 4096) {
        self.capacity = max(capacity, 64)
        start = .allocate(capacity: self.capacity)
        count = 0
    }

    deinit { start.deallocate() }

    /// A pointer behind the last octet with room for `length` more; ``advance(_:)`` makes them part of the buffer.
    @inlinable public mutating func room(_ length: Int) -> UnsafeMutablePointer<UInt8> {
        if count &+ length > capacity { grow(by: length) }
        return start + count
    }

    @inlinable public mutating func advance(_ length: Int) {
        precondition(count &+ length <= capacity)
        count &+= length
    }

    @inlinable public mutating func append(_ byte: UInt8) {
        room(1).pointee = byte
        count &+= 1
    }

    @inlinable public mutating func append(_ bytes: UnsafePointer<UInt8>, count length: Int) {
        room(length).update(from: bytes, count: length)
        count &+= length
    }

    @inlinable public mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if let base = bytes.baseAddress { append(base, count: bytes.count) }
    }

    @inlinable public mutating func append(_ text: StaticString) {
        append(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append($0) }
    }

    /// Big-endian, as PostgreSQL's wire has it.
    @inlinable public mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        UnsafeMutableRawPointer(room(MemoryLayout<Value>.size)).storeBytes(of: value.bigEndian, as: Value.self)
        count &+= MemoryLayout<Value>.size
    }

    /// Takes back everything from `count` on.
    public mutating func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    public mutating func removeAll() { count = 0 }

    public var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    @usableFromInline mutating func grow(by length: Int) {
        let larger = max(capacity * 2, count + length)
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
        memory.update(from: start, count: count)
        start.deallocate()
        start = memory
        capacity = larger
    }
}
