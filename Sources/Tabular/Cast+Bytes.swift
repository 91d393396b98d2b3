/// From octets to octets.
extension Cast.Run {
    func rewrites(_ step: Cast.Step) {
        switch step {
        case .limitText(let length): write { limited(from.pointee.bytes($0), length) }
        case .limitOctets(let length):
            write { row in
                let bytes = from.pointee.bytes(row)
                return bytes.count <= length && copy(bytes)
            }
        case .limitBits(let length): write { limitedBits(from.pointee.bytes($0), length) }
        case .textToBits(let length):
            write { row in
                let bytes = Parse.trimmed(from.pointee.bytes(row))
                for byte in bytes where byte &- 48 > 1 { return false }
                return limitedBits(bytes, length)
            }
        case .decimal(let precision, let scale, let rounds):
            write { row in
                let bytes = from.pointee.bytes(row)
                return decimal(bytes, precision, scale, rounds)
                    || decimal(Parse.trimmed(bytes), precision, scale, rounds)
            }
        case .json:
            write { row in
                let bytes = from.pointee.bytes(row)
                return RowJSON.isValue(bytes) && copy(bytes)
            }
        case .uuid:
            write { row in
                let bytes = from.pointee.bytes(row)
                let room = to.pointee.reserve(36)
                guard Parse.uuid(bytes, to: room) || Parse.uuid(Parse.trimmed(bytes), to: room) else { return false }
                to.pointee.commit(36)
                return true
            }
        case .uuidToBytes:
            write { row in
                let bytes = from.pointee.bytes(row)
                let room = to.pointee.reserve(16)
                guard bytes.count == 36 else { return false }
                var count = 0
                var index = 0
                while index < 36 {
                    if bytes[index] == UInt8(ascii: "-") {
                        index += 1
                        continue
                    }
                    let high = Parse.nibble(bytes[index])
                    let low = Parse.nibble(bytes[index + 1])
                    if high | low > 15 || count == 16 { return false }
                    room[count] = high << 4 | low
                    count += 1
                    index += 2
                }
                guard count == 16 else { return false }
                to.pointee.commit(16)
                return true
            }
        case .bytesToUUID: write { uuid(from.pointee.bytes($0)) }
        case .bytesToText(let length, let isJSON):
            write { row in
                let bytes = from.pointee.bytes(row)
                guard UTF8Text.isValid(bytes) else { return false }
                if isJSON { return RowJSON.isValue(bytes) && copy(bytes) }
                return limited(bytes, length)
            }
        case .bytesToBits(let length):
            write { row in
                let bytes = from.pointee.bytes(row)
                let room = to.pointee.reserve(bytes.count * 8)
                for index in 0..<(bytes.count * 8) { room[index] = 48 + bytes[index >> 3] >> UInt8(7 - index & 7) & 1 }
                let skip = max(0, bytes.count * 8 - length)
                for index in 0..<skip where room[index] != 48 { return false }
                for index in skip..<(bytes.count * 8) { room[index - skip] = room[index] }
                to.pointee.commit(bytes.count * 8 - skip)
                return true
            }
        case .bitsToBytes(let length):
            write { row in
                let bytes = from.pointee.bytes(row)
                let count = (bytes.count + 7) / 8
                guard count <= length else { return false }
                let room = to.pointee.reserve(count)
                room.update(repeating: 0, count: count)
                for (index, byte) in bytes.enumerated() where byte == 49 {
                    let place = bytes.count - 1 - index
                    room[count - 1 - place >> 3] |= 1 << UInt8(place & 7)
                }
                to.pointee.commit(count)
                return true
            }
        default: break
        }
    }

    @inline(__always) private func copy(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if let base = bytes.baseAddress { to.pointee.append(base, count: bytes.count) } else { to.pointee.commit(0) }
        return true
    }

    /// Text of at most so many characters (code points), blanks at its end included.
    @inline(__always) private func limited(_ bytes: UnsafeBufferPointer<UInt8>, _ length: Int) -> Bool {
        bytes.count <= length || UTF8Text.offset(ofCharacter: length, in: bytes) == bytes.count ? copy(bytes) : false
    }

    /// Bits of at most so many digits. Leading zeros count: a string of bits is no number.
    private func limitedBits(_ bytes: UnsafeBufferPointer<UInt8>, _ length: Int) -> Bool {
        bytes.count <= length && copy(bytes)
    }

    private func uuid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let room = to.pointee.reserve(36)
        if bytes.count == 16 {
            var length = 0
            for index in 0..<16 {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    room[length] = UInt8(ascii: "-")
                    length += 1
                }
                length += Format.hex(UnsafeBufferPointer(rebasing: bytes[index...index]), to: room + length)
            }
        } else if !Parse.uuid(bytes, to: room) {
            return false
        }
        to.pointee.commit(36)
        return true
    }
}

/// What the casts have to know of UTF-8.
public enum UTF8Text {
    /// Whether the octets are well-formed UTF-8: no surrogates, no overlong forms, nothing above U+10FFFF.
    public static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while index < count {
            if count &- index >= 8 {
                let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
                if word & 0x8080_8080_8080_8080 == 0 {
                    index &+= 8
                    continue
                }
            }
            let lead = base[index]
            if lead < 0x80 {
                index &+= 1
                continue
            }
            let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
            guard lead >= 0xC2, lead <= 0xF4, count &- index >= length else { return false }
            let second = base[index &+ 1]
            switch lead {
            case 0xE0: if second < 0xA0 { return false }
            case 0xED: if second > 0x9F { return false }
            case 0xF0: if second < 0x90 { return false }
            case 0xF4: if second > 0x8F { return false }
            default: break
            }
            for place in 1..<length where base[index &+ place] & 0xC0 != 0x80 { return false }
            index &+= length
        }
        return true
    }

    /// Where the character (code point) of that number begins, or the end of the text.
    static func offset(ofCharacter number: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var remaining = number
        for index in 0..<bytes.count where bytes[index] & 0xC0 != 0x80 {
            if remaining == 0 { return index }
            remaining &-= 1
        }
        return bytes.count
    }

    static func characters(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var count = 0
        for byte in bytes where byte & 0xC0 != 0x80 { count &+= 1 }
        return count
    }
}
