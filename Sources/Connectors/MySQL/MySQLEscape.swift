/// Escapes, eight octets at a time where there is nothing to escape.
enum MySQLEscape {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// For LOAD DATA: tab, newline and backslash. `out` has room for twice the octets and 8 more.
    @inline(__always)
    static func file(_ value: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int {
        guard var p = value.baseAddress else { return 0 }
        let end = p + value.count
        var q = out
        while end - p >= 8 {
            let word = UnsafeRawPointer(p).loadUnaligned(as: UInt64.self)
            let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
            // An octet below 11, or a backslash.
            let found = (word &- ones &* 11) & ~word & highs | (slashes &- ones) & ~slashes & highs
            if found == 0 {
                UnsafeMutableRawPointer(q).storeBytes(of: word, as: UInt64.self)
                p += 8
                q += 8
                continue
            }
            for _ in 0..<8 {
                byte(p.pointee, &q)
                p += 1
            }
        }
        while p < end {
            byte(p.pointee, &q)
            p += 1
        }
        return q - out
    }

    @inline(__always)
    static func byte(_ byte: UInt8, _ q: inout UnsafeMutablePointer<UInt8>) {
        switch byte {
        case UInt8(ascii: "\\"):
            q[0] = UInt8(ascii: "\\")
            q[1] = UInt8(ascii: "\\")
            q += 2
        case 9:
            q[0] = UInt8(ascii: "\\")
            q[1] = UInt8(ascii: "t")
            q += 2
        case 10:
            q[0] = UInt8(ascii: "\\")
            q[1] = UInt8(ascii: "n")
            q += 2
        default:
            q[0] = byte
            q += 1
        }
    }

    /// Between single quotes of a statement: quote, backslash and NUL.
    static func quoted(_ value: UnsafeBufferPointer<UInt8>, to out: UnsafeMutablePointer<UInt8>) -> Int {
        var q = out
        for byte in value {
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\\"):
                q[0] = UInt8(ascii: "\\")
                q[1] = byte
                q += 2
            case 0:
                q[0] = UInt8(ascii: "\\")
                q[1] = UInt8(ascii: "0")
                q += 2
            default:
                q[0] = byte
                q += 1
            }
        }
        return q - out
    }
}
