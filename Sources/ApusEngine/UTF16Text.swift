import Tabular

/// UTF-8 text, cut and compared as Java does it: in UTF-16 code units, of which a character beyond U+FFFF has two.
///
/// Nothing is read outside of the octets, whatever they are.
struct UTF16Text {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Code units.
    let count: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
        var units = 0
        for byte in bytes { units &+= Self.weight(byte) }
        count = units
    }

    /// Code units that begin with this octet.
    @inline(__always) private static func weight(_ byte: UInt8) -> Int {
        byte < 0x80 ? 1 : byte < 0xC0 ? 0 : byte < 0xF0 ? 1 : 2
    }

    /// A place between two code units: `before` octets end in front of it and those from `after` on begin behind it.
    /// Inside a character of two units they are not the same; Java writes each half as a question mark then.
    struct Cut {
        var before: Int
        var after: Int

        var isInside: Bool { before != after }
    }

    /// - parameter unit: 0 … ``count``.
    func cut(at unit: Int) -> Cut {
        if count == bytes.count { return Cut(before: min(unit, count), after: min(unit, count)) }
        var passed = 0
        var offset = 0
        while offset < bytes.count {
            if passed == unit { return Cut(before: offset, after: offset) }
            let lead = bytes[offset]
            let next = min(bytes.count, offset + (lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4))
            let weight = Self.weight(lead)
            if passed + weight > unit { return Cut(before: offset, after: next) }
            passed += weight
            offset = next
        }
        return Cut(before: bytes.count, after: bytes.count)
    }

    /// Less than 0, 0 or more: as `String.compareTo`, by code units.
    static func compare(_ a: UnsafeBufferPointer<UInt8>, _ b: UnsafeBufferPointer<UInt8>) -> Int {
        let shared = min(a.count, b.count)
        var index = 0
        while index < shared, a[index] == b[index] { index &+= 1 }
        guard index < shared else { return a.count - b.count }
        // The only place where UTF-8 and UTF-16 disagree: U+E000…U+FFFF come behind the pairs.
        return rank(a[index]) - rank(b[index])
    }

    private static func rank(_ lead: UInt8) -> Int { lead == 0xEE || lead == 0xEF ? 0x200 | Int(lead) : Int(lead) }
}

extension ByteBuffer {
    /// The part of a text in front of a cut.
    mutating func append(_ text: UTF16Text, upTo cut: UTF16Text.Cut) {
        append(UnsafeBufferPointer(rebasing: text.bytes[..<cut.before]))
        if cut.isInside { append(UInt8(ascii: "?")) }
    }

    /// The part behind a cut.
    mutating func append(_ text: UTF16Text, from cut: UTF16Text.Cut) {
        if cut.isInside { append(UInt8(ascii: "?")) }
        append(UnsafeBufferPointer(rebasing: text.bytes[cut.after...]))
    }

    /// The part between two cuts, the first not behind the second.
    mutating func append(_ text: UTF16Text, from start: UTF16Text.Cut, upTo end: UTF16Text.Cut) {
        // Both inside of the same character: nothing lies between.
        if start.isInside, end.isInside, start.before == end.before { return }
        if start.isInside { append(UInt8(ascii: "?")) }
        if start.after < end.before { append(UnsafeBufferPointer(rebasing: text.bytes[start.after..<end.before])) }
        if end.isInside { append(UInt8(ascii: "?")) }
    }
}
