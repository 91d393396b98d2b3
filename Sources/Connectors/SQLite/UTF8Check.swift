/// Whether octets are UTF-8 (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF). SQLite does not check.
enum UTF8Check {
    @inline(__always)
    static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { break }
            index &+= 8
        }
        return isValid(base, from: index, count: bytes.count)
    }

    private static func isValid(_ base: UnsafePointer<UInt8>, from: Int, count: Int) -> Bool {
        var index = from
        while index < count {
            let first = base[index]
            if first < 0x80 {
                index &+= 1
                continue
            }
            let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
            guard first >= 0xC2, first <= 0xF4, index &+ length <= count else { return false }
            let second = base[index &+ 1]
            switch first {
            case 0xE0: if second < 0xA0 { return false }
            case 0xED: if second > 0x9F { return false }
            case 0xF0: if second < 0x90 { return false }
            case 0xF4: if second > 0x8F { return false }
            default: break
            }
            for offset in 1..<length where base[index &+ offset] & 0xC0 != 0x80 { return false }
            index &+= length
        }
        return true
    }
}
