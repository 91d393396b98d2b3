/// From eight bytes to text and back.
extension Cast.Run {
    func writes(_ step: Cast.Step) {
        switch step {
        case .format(let kind, let length, let isJSON):
            write { row in
                let room = to.pointee.reserve(Format.longest)
                let count = Format.fixed(from.pointee.values[row], kind, to: room)
                if count > length { return false }
                if isJSON, !RowJSON.isValue(UnsafeBufferPointer(start: room, count: count)) { return false }
                to.pointee.commit(count)
                return true
            }
        case .formatDecimal(let kind, let precision, let scale, let rounds):
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Format.longest) { scratch in
                guard let text = scratch.baseAddress else { return }
                write { row in
                    let count = Format.fixed(from.pointee.values[row], kind, to: text)
                    return decimal(UnsafeBufferPointer(start: text, count: count), precision, scale, rounds)
                }
            }
        case .integerToBits(let length):
            write { row in
                let value = UInt64(bitPattern: from.pointee.values[row])
                if from.pointee.values[row] < 0, TextKind(cast.from) == .integer { return false }
                let needed = max(1, 64 - value.leadingZeroBitCount)
                let width = length ?? needed
                if needed > width { return false }
                let room = to.pointee.reserve(width)
                for index in 0..<width {
                    let place = width - 1 - index
                    room[index] = place < 64 && value >> UInt64(place) & 1 == 1 ? 49 : 48
                }
                to.pointee.commit(width)
                return true
            }
        default: break
        }
    }

    /// Appends a number in plain digits if it has a place in the target.
    @inline(__always)
    func decimal(_ bytes: UnsafeBufferPointer<UInt8>, _ precision: Int?, _ scale: Int?, _ rounds: Bool) -> Bool {
        guard let number = DecimalText(bytes) else { return false }
        guard let precision else {
            to.pointee.commit(number.write(to: to.pointee.reserve(number.longest)))
            return true
        }
        let scale = scale ?? 0
        if number.isInfinite || !rounds && !number.isExact(scale: scale) { return false }
        let room = to.pointee.reserve(number.longest + max(0, -scale))
        let count = number.write(to: room, scale: scale)
        if !number.isNaN {
            var digits = 0
            var index = room[0] == UInt8(ascii: "-") ? 1 : 0
            if room[index] != 48 {
                while index < count, room[index] != UInt8(ascii: ".") {
                    digits &+= 1
                    index &+= 1
                }
            }
            if digits > precision - scale { return false }
        }
        to.pointee.commit(count)
        return true
    }

    func reads(_ step: Cast.Step) {
        switch step {
        case .readInteger(let low, let high, let toUnsigned, let rounds):
            if toUnsigned {
                read { Parse.unsigned($0).map { Int64(bitPattern: $0) } ?? roundedUnsigned($0, rounds) }
            } else {
                read { bytes in
                    guard let value = Parse.integer(bytes) ?? rounded(bytes, rounds) else { return nil }
                    return value >= low && value <= high ? value : nil
                }
            }
        case .readFloat(let isSingle):
            read { bytes in
                guard let value = Parse.double(bytes) ?? Parse.double(Parse.trimmed(bytes)) else { return nil }
                guard isSingle else { return Int64(bitPattern: value.bitPattern) }
                let single = Float(value)
                if single.isInfinite && value.isFinite { return nil }
                return Int64(bitPattern: Double(single).bitPattern)
            }
        case .readBoolean(let isDecimal):
            read { bytes in
                if isDecimal {
                    guard let value = rounded(bytes, false), value == 0 || value == 1 else { return nil }
                    return value
                }
                return Parse.boolean(Parse.trimmed(bytes)).map { $0 ? 1 : 0 }
            }
        case .readDate(let zone):
            read { Parse.day($0, in: zone) ?? Parse.day(Parse.trimmed($0), in: zone) }
        case .readTime(let unit, let rounds):
            read { bytes in
                (Parse.time(bytes) ?? Parse.time(Parse.trimmed(bytes)))
                    .flatMap { Cast.roundSpan($0, unit, rounds: rounds) }
            }
        case .readDuration(let unit, let rounds):
            read { bytes in
                (Parse.duration(bytes) ?? Parse.duration(Parse.trimmed(bytes)))
                    .flatMap { Cast.roundSpan($0, unit, rounds: rounds) }
            }
        case .readMoment(let zone, let hasZone, let unit, let rounds):
            if hasZone {
                read { bytes in
                    (Parse.instant(bytes, in: zone) ?? Parse.instant(Parse.trimmed(bytes), in: zone))
                        .flatMap { Cast.roundMoment($0, unit, rounds: rounds) }
                }
            } else {
                read { bytes in
                    (Parse.timestamp(bytes, in: zone) ?? Parse.timestamp(Parse.trimmed(bytes), in: zone))
                        .flatMap { Cast.roundMoment($0, unit, rounds: rounds) }
                }
            }
        case .bitsToInteger(let high):
            read { bytes in
                var value: UInt64 = 0
                for byte in bytes {
                    if byte &- 48 > 1 || value >> 63 == 1 { return nil }
                    value = value << 1 | UInt64(byte &- 48)
                }
                return value <= high ? Int64(bitPattern: value) : nil
            }
        default:
            read { bytes in
                guard let last = bytes.last, last &- 48 <= 1 else { return nil }
                for byte in bytes.dropLast() where byte != 48 { return nil }
                return Int64(last) - 48
            }
        }
    }

    /// An integer written otherwise: with spaces around it, a fraction or an exponent. A fraction that is not zero
    /// is rounded or refused.
    @inline(never)
    private func rounded(_ bytes: UnsafeBufferPointer<UInt8>, _ rounds: Bool) -> Int64? {
        Parse.whole(bytes, rounds: rounds) { Parse.integer($0) }
    }

    @inline(never)
    private func roundedUnsigned(_ bytes: UnsafeBufferPointer<UInt8>, _ rounds: Bool) -> Int64? {
        Parse.whole(bytes, rounds: rounds) { Parse.unsigned($0).map { Int64(bitPattern: $0) } }
    }
}
