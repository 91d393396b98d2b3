/// Which conversion leads from one type to another.
extension Cast {
    static func step(_ from: ColumnType, _ to: ColumnType, _ rounds: Bool, _ zone: Zone = .utc) -> Step? {
        if from == to { return .identity }
        switch to {
        case .boolean: return toBoolean(from)
        case .integer(let bits, let unsigned): return toInteger(from, bits, unsigned, rounds)
        case .float(let bits): return toFloat(from, isSingle: bits == 32)
        case .decimal(let precision, let scale):
            return toDecimal(from, precision, precision == nil ? scale : scale ?? 0, rounds)
        case .text(let length): return toText(from, length ?? Int.max, zone)
        case .other, .array: return toText(from, Int.max, zone)
        case .json: return toJSON(from)
        case .bytes(let length): return toBytes(from, length ?? Int.max)
        case .uuid: return toUUID(from)
        case .bits(let length): return toBits(from, length)
        case .date: return toDate(from, rounds, zone)
        case .time(let precision): return toTime(from, precision, rounds, zone)
        case .duration(let precision): return toDuration(from, precision, rounds)
        case .timestamp(let precision): return toMoment(from, precision, hasZone: false, rounds, zone)
        case .instant(let precision): return toMoment(from, precision, hasZone: true, rounds, zone)
        }
    }

    /// The values an integer type holds; 64 bits without sign are handled apart.
    static func limits(_ bits: Int, _ unsigned: Bool) -> (low: Int64, high: Int64) {
        if unsigned { return (0, bits >= 64 ? .max : 1 << Int64(bits) - 1) }
        return bits >= 64 ? (.min, .max) : (-(1 << Int64(bits - 1)), 1 << Int64(bits - 1) - 1)
    }

    /// Microseconds in the last digit of a fraction.
    static func unit(_ precision: Int) -> Int64 {
        var unit: Int64 = 1
        for _ in max(0, min(precision, 6))..<6 { unit *= 10 }
        return unit
    }

    private static func toBoolean(_ from: ColumnType) -> Step? {
        switch from {
        case .integer: .integerToBoolean
        case .float: .floatToBoolean
        case .decimal: .readBoolean(isDecimal: true)
        case .text, .other: .readBoolean(isDecimal: false)
        case .bits: .bitsToBoolean
        default: nil
        }
    }

    private static func toInteger(_ from: ColumnType, _ bits: Int, _ unsigned: Bool, _ rounds: Bool) -> Step? {
        let (low, high) = limits(bits, unsigned)
        let toUnsigned = unsigned && bits == 64
        switch from {
        case .boolean: return .identity
        case .integer(let fromBits, let fromUnsigned):
            let source = limits(fromBits, fromUnsigned)
            let isWide = fromUnsigned && fromBits == 64
            if !isWide || toUnsigned, source.low >= low, source.high <= high { return .identity }
            return .integer(low: low, high: high, fromUnsigned: isWide, toUnsigned: toUnsigned)
        case .float:
            let top = toUnsigned ? 0x1p64 : high == .max ? 0x1p63 : Double(high) + 1
            return .floatToInteger(low: Double(low), high: top, toUnsigned: toUnsigned, rounds: rounds)
        case .decimal, .text, .other:
            var isDecimal = false
            if case .decimal = from { isDecimal = true }
            return .readInteger(low: low, high: high, toUnsigned: toUnsigned, rounds: rounds && isDecimal)
        case .bits: return .bitsToInteger(high: toUnsigned ? .max : UInt64(high))
        default: return nil
        }
    }

    private static func toFloat(_ from: ColumnType, isSingle: Bool) -> Step? {
        switch from {
        case .boolean: .integerToFloat(isUnsigned: false, isSingle: isSingle)
        case .integer(let bits, let unsigned):
            .integerToFloat(isUnsigned: unsigned && bits == 64, isSingle: isSingle)
        case .float(let bits): isSingle && bits != 32 ? .floatToFloat32 : .identity
        case .decimal, .text, .other: .readFloat(isSingle: isSingle)
        default: nil
        }
    }

    private static func toDecimal(_ from: ColumnType, _ precision: Int?, _ scale: Int?, _ rounds: Bool) -> Step? {
        switch from {
        case .boolean: return .formatDecimal(kind: .integer, precision: precision, scale: scale, rounds: rounds)
        case .integer, .float:
            return .formatDecimal(kind: TextKind(from), precision: precision, scale: scale, rounds: rounds)
        case .decimal(let sourcePrecision, let sourceScale):
            guard let precision else { return .identity }
            if let sourcePrecision {
                let integerDigits = sourcePrecision - (sourceScale ?? 0)
                if sourceScale ?? 0 <= scale ?? 0, integerDigits <= precision - (scale ?? 0) { return .identity }
            }
            return .decimal(precision: precision, scale: scale, rounds: rounds)
        case .text, .other: return .decimal(precision: precision, scale: scale, rounds: rounds)
        default: return nil
        }
    }

    private static func toText(_ from: ColumnType, _ length: Int, _ zone: Zone) -> Step? {
        switch from {
        case .instant where !zone.isUTC || !zone.writesOffset: return .formatInstant(zone, length: length)
        case .text(let sourceLength):
            return sourceLength ?? Int.max <= length ? .identity : .limitText(length: length)
        case .uuid: return length >= 36 ? .identity : .limitText(length: length)
        case .bits(let sourceLength):
            return sourceLength ?? Int.max <= length ? .identity : .limitText(length: length)
        case .decimal, .json, .array, .other: return length == Int.max ? .identity : .limitText(length: length)
        case .bytes: return .bytesToText(length: length, isJSON: false)
        default: return .format(kind: TextKind(from), length: length, isJSON: false)
        }
    }

    private static func toJSON(_ from: ColumnType) -> Step? {
        switch from {
        case .text, .other, .decimal: .json
        case .bytes: .bytesToText(length: Int.max, isJSON: true)
        case .boolean, .integer, .float: .format(kind: TextKind(from), length: Int.max, isJSON: true)
        default: nil
        }
    }

    private static func toBytes(_ from: ColumnType, _ length: Int) -> Step? {
        switch from {
        case .bytes(let sourceLength): sourceLength ?? Int.max <= length ? .identity : .limitOctets(length: length)
        case .text, .json, .other, .array: length == Int.max ? .identity : .limitOctets(length: length)
        case .uuid: length >= 16 ? .uuidToBytes : nil
        case .bits: .bitsToBytes(length: length)
        default: nil
        }
    }

    private static func toUUID(_ from: ColumnType) -> Step? {
        switch from {
        case .text, .other: .uuid
        case .bytes: .bytesToUUID
        default: nil
        }
    }

    private static func toBits(_ from: ColumnType, _ length: Int?) -> Step? {
        switch from {
        case .bits(let sourceLength):
            sourceLength ?? Int.max <= length ?? Int.max ? .identity : .limitBits(length: length ?? Int.max)
        case .boolean, .integer: .integerToBits(length: length)
        case .bytes: .bytesToBits(length: length ?? Int.max)
        case .text, .other: .textToBits(length: length ?? Int.max)
        default: nil
        }
    }

    private static func toDate(_ from: ColumnType, _ rounds: Bool, _ zone: Zone) -> Step? {
        switch from {
        case .instant where !zone.isUTC: .instantToDate(zone, rounds: rounds)
        case .timestamp, .instant: .timestampToDate(rounds: rounds)
        case .text, .other: .readDate(zone)
        default: nil
        }
    }

    /// No point in time is a time of day: only a cast that rounds drops the date.
    private static func toTime(_ from: ColumnType, _ precision: Int, _ rounds: Bool, _ zone: Zone) -> Step? {
        let unit = unit(precision)
        return switch from {
        case .time(let sourcePrecision): sourcePrecision <= precision ? .identity : .roundSpan(unit: unit, rounds: rounds)
        case .duration: .spanToTime(unit: unit, rounds: rounds)
        case .instant where !zone.isUTC: rounds ? .instantToTime(zone, unit: unit) : nil
        case .timestamp, .instant: rounds ? .timestampToTime(unit: unit) : nil
        case .text, .other: .readTime(unit: unit, rounds: rounds)
        default: nil
        }
    }

    private static func toDuration(_ from: ColumnType, _ precision: Int, _ rounds: Bool) -> Step? {
        switch from {
        case .time(let sourcePrecision), .duration(let sourcePrecision):
            sourcePrecision <= precision ? .identity : .roundSpan(unit: unit(precision), rounds: rounds)
        case .text, .other: .readDuration(unit: unit(precision), rounds: rounds)
        default: nil
        }
    }

    private static func toMoment(_ from: ColumnType, _ precision: Int, hasZone: Bool, _ rounds: Bool, _ zone: Zone) -> Step? {
        switch from {
        case .date where hasZone && !zone.isUTC: .wallToInstant(zone, isDate: true, unit: 1, rounds: rounds)
        case .timestamp where hasZone && !zone.isUTC: .wallToInstant(zone, isDate: false, unit: unit(precision), rounds: rounds)
        case .instant where !hasZone && !zone.isUTC: .instantToWall(zone, unit: unit(precision), rounds: rounds)
        case .date: .dateToTimestamp
        case .timestamp(let sourcePrecision), .instant(let sourcePrecision):
            sourcePrecision <= precision ? .identity : .roundMoment(unit: unit(precision), rounds: rounds)
        case .text, .other: .readMoment(zone, hasZone: hasZone, unit: unit(precision), rounds: rounds)
        default: nil
        }
    }
}
