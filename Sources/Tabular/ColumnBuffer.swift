/// The values of one column of a batch.
///
/// The layouts are those of ``Storage``. Values are only appended, in row order; `reset()` empties the buffer and
/// keeps its memory. The pointers are owned by the ``Batch`` that made the buffer, which alone frees them; they are
/// valid until the next append.
@frozen public struct ColumnBuffer {
    public let storage: Storage
    /// Values appended so far.
    public var count: Int
    /// Values that are NULL.
    public var nullCount: Int
    /// `fixed`: the values, room for the batch's row capacity.
    public let values: UnsafeMutablePointer<Int64>
    /// `variable`: value `i` is `arena[ends[i - 1]..<ends[i]]`; readable at -1, where it is 0.
    public let ends: UnsafeMutablePointer<Int>
    /// One bit a row, set for NULL.
    public let nulls: UnsafeMutablePointer<UInt8>
    public var arena: UnsafeMutablePointer<UInt8>
    public var arenaCount: Int
    public var arenaCapacity: Int
    @usableFromInline let rowCapacity: Int

    init(storage: Storage, rowCapacity: Int) {
        self.storage = storage
        self.rowCapacity = rowCapacity
        count = 0
        nullCount = 0
        arenaCount = 0
        arenaCapacity = storage == .variable ? 1 << 12 : 0
        values = .allocate(capacity: storage == .fixed ? rowCapacity : 0)
        ends = .allocate(capacity: storage == .variable ? rowCapacity + 1 : 1) + 1
        ends[-1] = 0
        nulls = .allocate(capacity: rowCapacity / 8 + 1)
        nulls.initialize(repeating: 0, count: rowCapacity / 8 + 1)
        arena = .allocate(capacity: arenaCapacity)
    }

    func free() {
        values.deallocate()
        (ends - 1).deallocate()
        nulls.deallocate()
        arena.deallocate()
    }

    // MARK: Appending

    @inlinable public mutating func append(_ value: Int64) {
        precondition(count < rowCapacity)
        values[count] = value
        count &+= 1
    }

    @inlinable public mutating func append(_ value: Double) { append(Int64(bitPattern: value.bitPattern)) }

    @inlinable public mutating func append(_ bytes: UnsafePointer<UInt8>, count length: Int) {
        let room = reserve(length)
        room.update(from: bytes, count: length)
        commit(length)
    }

    @inlinable public mutating func append(_ text: StaticString) {
        append(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            let room = reserve(utf8.count)
            if let base = utf8.baseAddress { room.update(from: base, count: utf8.count) }
            commit(utf8.count)
        }
    }

    @inlinable public mutating func appendNull() {
        precondition(count < rowCapacity)
        nulls[count >> 3] |= 1 << UInt8(truncatingIfNeeded: count & 7)
        nullCount &+= 1
        if storage == .fixed { values[count] = 0 } else { ends[count] = arenaCount }
        count &+= 1
    }

    /// Room for a value of up to `length` octets, to be written in place and closed by ``commit(_:)``.
    @inlinable public mutating func reserve(_ length: Int) -> UnsafeMutablePointer<UInt8> {
        if arenaCount &+ length > arenaCapacity { grow(by: length) }
        return arena + arenaCount
    }

    /// Ends the value begun by ``reserve(_:)``: it has `length` octets.
    @inlinable public mutating func commit(_ length: Int) {
        precondition(count < rowCapacity && arenaCount &+ length <= arenaCapacity)
        arenaCount &+= length
        ends[count] = arenaCount
        count &+= 1
    }

    /// Adds octets to the value being written, for values that arrive in pieces; ``commit(_:)`` with 0 ends it.
    @inlinable public mutating func extend(_ bytes: UnsafePointer<UInt8>, count length: Int) {
        reserve(length).update(from: bytes, count: length)
        arenaCount &+= length
    }

    @usableFromInline mutating func grow(by length: Int) {
        let capacity = max(arenaCapacity * 2, arenaCount + length)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: arena, count: arenaCount)
        arena.deallocate()
        arena = larger
        arenaCapacity = capacity
    }

    // MARK: Reading

    @inlinable public func isNull(_ row: Int) -> Bool {
        nullCount != 0 && nulls[row >> 3] & (1 << UInt8(truncatingIfNeeded: row & 7)) != 0
    }

    @inlinable public func int(_ row: Int) -> Int64 { values[row] }

    @inlinable public func double(_ row: Int) -> Double { Double(bitPattern: UInt64(bitPattern: values[row])) }

    @inlinable public func bytes(_ row: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: arena + ends[row &- 1], count: ends[row] &- ends[row &- 1])
    }

    /// The value as a String, for errors and tests; not for the hot path.
    public func string(_ row: Int) -> String { String(decoding: bytes(row), as: UTF8.self) }

    /// Makes every empty value of a `variable` column NULL.
    mutating func nullEmpty() {
        for row in 0..<count where ends[row] == ends[row - 1] && !isNull(row) {
            nulls[row >> 3] |= 1 << UInt8(truncatingIfNeeded: row & 7)
            nullCount &+= 1
        }
    }

    // MARK: Taking back

    /// Forgets the rows from `row` on, also a value begun and not committed.
    public mutating func truncate(to row: Int) {
        for index in row..<max(row, count) where isNull(index) {
            nulls[index >> 3] &= ~(1 << UInt8(index & 7))
            nullCount -= 1
        }
        count = min(count, row)
        if storage == .variable { arenaCount = ends[count - 1] }
    }

    /// Empties the buffer. An arena that one huge value made large is given back.
    mutating func reset(keepingArena limit: Int) {
        if nullCount != 0 { nulls.update(repeating: 0, count: rowCapacity / 8 + 1) }
        count = 0
        nullCount = 0
        arenaCount = 0
        if arenaCapacity > limit {
            arena.deallocate()
            arenaCapacity = 1 << 12
            arena = .allocate(capacity: arenaCapacity)
        }
    }
}
