/// From eight bytes to eight bytes.
extension Cast.Run {
    func numbers(_ step: Cast.Step) {
        switch step {
        case .integer(let low, let high, let fromUnsigned, let toUnsigned):
            if fromUnsigned {
                // Only to narrower types: a bit pattern below zero is a value above all of them.
                fixed { $0 >= 0 && $0 <= high ? $0 : nil }
            } else if toUnsigned {
                fixed { $0 >= 0 ? $0 : nil }
            } else {
                fixed { $0 >= low && $0 <= high ? $0 : nil }
            }
        case .integerToBoolean: fixed { $0 == 0 || $0 == 1 ? $0 : nil }
        case .integerToFloat(let isUnsigned, let isSingle):
            fixed { value in
                let pattern = UInt64(bitPattern: value)
                if isSingle { return bits(Double(isUnsigned ? Float(pattern) : Float(value))) }
                return bits(isUnsigned ? Double(pattern) : Double(value))
            }
        case .floatToInteger(let low, let high, let toUnsigned, let rounds):
            fixed { value in
                let number = double(value)
                let whole = rounded(number)
                guard whole >= low, whole < high, rounds || whole == number else { return nil }
                return toUnsigned ? Int64(bitPattern: UInt64(whole)) : Int64(whole)
            }
        case .floatToBoolean:
            fixed { value in
                let number = double(value)
                return number == 0 ? 0 : number == 1 ? 1 : nil
            }
        default:
            fixed { value in
                let number = double(value)
                let single = Float(number)
                return single.isInfinite && number.isFinite ? nil : bits(Double(single))
            }
        }
    }

    /// The nearest integer, half away from zero; without the C library's mathematics, which not every program links.
    @inline(__always) private func rounded(_ value: Double) -> Double {
        guard value.magnitude < 0x1p52 else { return value }
        let whole = Double(Int64(value))
        let rest = value - whole
        return rest >= 0.5 ? whole + 1 : rest <= -0.5 ? whole - 1 : whole
    }

    @inline(__always) private func double(_ value: Int64) -> Double { Double(bitPattern: UInt64(bitPattern: value)) }
    @inline(__always) private func bits(_ value: Double) -> Int64 { Int64(bitPattern: value.bitPattern) }

    func times(_ step: Cast.Step) {
        switch step {
        case .dateToTimestamp:
            fixed(Cast.midnight)
        case .timestampToDate(let rounds): fixed { Temporal.day(of: $0, dropsTime: rounds) }
        case .timestampToTime(let unit):
            fixed { value in Cast.clock(value).flatMap { Cast.roundSpan($0, unit, rounds: true) } }
        case .roundMoment(let unit, let rounds): fixed { Cast.roundMoment($0, unit, rounds: rounds) }
        case .spanToTime(let unit, let rounds):
            fixed { $0 >= 0 && $0 <= Temporal.microsecondsPerDay ? Cast.roundSpan($0, unit, rounds: rounds) : nil }
        case .roundSpan(let unit, let rounds): fixed { Cast.roundSpan($0, unit, rounds: rounds) }
        default: break
        }
    }
}

extension Cast {
    /// The nearest multiple of the unit, half away from zero; without rounding nil for what is none.
    @inline(__always) static func roundSpan(_ value: Int64, _ unit: Int64, rounds: Bool) -> Int64? {
        if unit == 1 { return value }
        let rest = value % unit
        if rest == 0 { return value }
        guard rounds else { return nil }
        let down = value &- rest
        guard rest.magnitude &* 2 >= unit.magnitude else { return down }
        return value < 0 ? down &- unit : down &+ unit
    }

    /// The nearest multiple of the unit, half up, and without rounding nil for what is none; infinities stay, the fraction
    /// of a zero date's time is cut.
    @inline(__always) static func roundMoment(_ value: Int64, _ unit: Int64, rounds: Bool) -> Int64? {
        if unit == 1 || Temporal.isInfinite(value) { return value }
        if Temporal.isZero(value) {
            let (year, month, day, rest) = Temporal.zeroTimestampParts(value)
            guard rounds || rest % unit == 0 else { return nil }
            return Temporal.zeroTimestamp(year: year, month: month, day: day, microsecondsOfDay: rest - rest % unit)
        }
        guard rounds else { return value % unit == 0 ? value : nil }
        let (shifted, overflow) = value.addingReportingOverflow(unit / 2)
        if overflow { return nil }
        let rest = shifted % unit
        return shifted &- (rest < 0 ? rest &+ unit : rest)
    }
}
