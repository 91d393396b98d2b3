/// How well the values of one type fit into another: what a plan reports before anything moves.
public enum Fit: Hashable, Sendable, Codable {
    /// The same values.
    case exact
    /// Every value fits; the target could hold more.
    case widening
    /// Some values are changed or rejected; the text says which.
    case narrowing(String)
    /// There is no conversion; the text says between what.
    case impossible(String)
}

extension ColumnType {
    /// How the values of this type fit into the target, as ``Cast`` converts them, with or without rounding.
    public func fit(into target: ColumnType, rounds: Bool = false) -> Fit {
        if self == target { return .exact }
        guard Cast.step(self, target, rounds) != nil else { return .impossible("no conversion from \(self) to \(target)") }
        switch target {
        case .boolean: return fitBoolean
        case .integer(let bits, let unsigned): return fitInteger(bits, unsigned, rounds)
        case .float(let bits): return fitFloat(bits)
        case .decimal(let precision, let scale): return fitDecimal(precision, scale ?? 0, rounds)
        case .text(let length): return fitText(length)
        case .bytes(let length): return fitBytes(length)
        case .date, .time, .duration, .timestamp, .instant: return fitTemporal(target, rounds)
        case .json: return isText ? .narrowing("text that is not valid JSON is rejected") : fitJSON
        case .uuid: return .narrowing("values that are no UUID are rejected")
        case .bits(let length): return fitBits(length)
        case .array, .other: return fitNative(target)
        }
    }

    private var isText: Bool {
        switch self {
        case .text, .bytes, .other, .array: true
        default: false
        }
    }

    private var fitBoolean: Fit {
        isText
            ? .narrowing("text that is no boolean is rejected") : .narrowing("values other than 0 and 1 are rejected")
    }

    private var fitJSON: Fit {
        switch self {
        case .float, .decimal: .narrowing("NaN and infinity are rejected")
        default: .widening
        }
    }

    private func fitInteger(_ bits: Int, _ unsigned: Bool, _ rounds: Bool) -> Fit {
        let fractions = rounds ? "fractions are rounded" : "fractions are rejected"
        let range =
            unsigned ? "0…\(bits >= 64 ? UInt64.max : 1 << UInt64(bits) - 1)" : "±\(Cast.limits(bits, false).high)"
        switch self {
        case .boolean: return .widening
        case .integer(let fromBits, let fromUnsigned):
            let fits = fromUnsigned ? (unsigned ? fromBits <= bits : fromBits < bits) : !unsigned && fromBits <= bits
            if fits { return .widening }
            if unsigned, !fromUnsigned, fromBits <= bits { return .narrowing("values below 0 are rejected") }
            return .narrowing("values beyond \(range) are rejected")
        case .float: return .narrowing("\(fractions), values beyond \(range) are rejected")
        case .decimal(let precision?, let scale):
            let digits = precision - (scale ?? 0)
            let isBeyond = unsigned || digits > (bits >= 64 ? 18 : String(Cast.limits(bits, false).high).utf8.count - 1)
            let isRounded = scale ?? 0 > 0
            if !isBeyond { return isRounded ? .narrowing(fractions) : .widening }
            return .narrowing("\(isRounded ? fractions + ", " : "")values beyond \(range) are rejected")
        case .decimal: return .narrowing("\(fractions), values beyond \(range) are rejected")
        case .bits(let length?) where length < bits || length == bits && unsigned: return .widening
        case .bits: return .narrowing("values beyond \(range) are rejected")
        default: return .narrowing("text that is no integer, or beyond \(range), is rejected")
        }
    }

    private func fitFloat(_ bits: Int) -> Fit {
        let exact = bits == 32 ? 24 : 53
        switch self {
        case .boolean: return .widening
        case .integer(let fromBits, let unsigned) where (unsigned ? fromBits : fromBits - 1) <= exact: return .widening
        case .integer: return .narrowing("integers beyond ±2^\(exact) become the nearest float\(bits)")
        case .float(let fromBits):
            if fromBits <= bits { return .widening }
            return .narrowing("rounded to 24 bits (about 7 digits), values beyond ±3.4e38 are rejected")
        case .decimal: return .narrowing("digits beyond about \(bits == 32 ? 7 : 15) are rounded")
        default: return .narrowing("text that is no number is rejected")
        }
    }

    private func fitDecimal(_ precision: Int?, _ scale: Int, _ rounds: Bool) -> Fit {
        let beyond = rounds ? "rounded to \(scale) fraction digits" : "values of more than \(scale) fraction digits are rejected"
        switch self {
        case .text, .other: return .narrowing("text that is no number is rejected")
        case .float:
            guard let precision else { return .widening }
            return .narrowing("\(beyond), \(integerLimit(precision - scale))")
        default: break
        }
        guard let precision else { return .widening }
        let room = precision - scale
        var digits = Int.max
        var fraction = Int.max
        switch self {
        case .boolean: (digits, fraction) = (1, 0)
        case .integer(let bits, let unsigned):
            let top = unsigned && bits >= 64 ? UInt64.max : UInt64(Cast.limits(bits, unsigned).high)
            (digits, fraction) = (String(top).utf8.count, 0)
        case .decimal(let sourcePrecision?, let sourceScale):
            fraction = sourceScale ?? 0
            digits = sourcePrecision - fraction
        default: break
        }
        var losses: [String] = []
        if fraction > scale { losses.append(beyond) }
        // Rounding may carry into one more digit.
        if digits > room || rounds && fraction > scale && digits == room { losses.append(integerLimit(room)) }
        return losses.isEmpty ? .widening : .narrowing(losses.joined(separator: ", "))
    }

    private func integerLimit(_ digits: Int) -> String { "values of more than \(digits) integer digits are rejected" }

    private func fitText(_ length: Int?) -> Fit {
        if case .bytes = self {
            let limit = length.map { ", or longer than \($0) characters," } ?? ""
            return .narrowing("octets that are not UTF-8\(limit) are rejected")
        }
        guard let length else { return .widening }
        if let longest = longestText, longest <= length { return .widening }
        return .narrowing("text of more than \(length) characters is rejected")
    }

    /// Characters of the longest canonical text, if there is a limit.
    private var longestText: Int? {
        switch self {
        case .boolean: 5
        case .integer(let bits, let unsigned):
            unsigned
                ? String(bits >= 64 ? UInt64.max : 1 << UInt64(bits) - 1).utf8.count
                : String(Cast.limits(bits, false).low).utf8.count
        case .float(let bits): bits == 32 ? 20 : 24
        case .decimal(let precision?, let scale): precision + ((scale ?? 0) == precision ? 3 : (scale ?? 0) > 0 ? 2 : 1)
        case .text(let length), .bits(let length): length
        // Years beyond 9999 and before 1 take more than the ten octets of a date.
        case .date: 16
        case .time(let precision): precision > 0 ? 9 + precision : 8
        case .duration(let precision): 14 + (precision > 0 ? 1 + precision : 0)
        case .timestamp(let precision): 25 + (precision > 0 ? 1 + precision : 0)
        case .instant(let precision): 34 + (precision > 0 ? 1 + precision : 0)
        case .uuid: 36
        case .decimal, .bytes, .json, .array, .other: nil
        }
    }

    private func fitBytes(_ length: Int?) -> Fit {
        guard let length else { return .widening }
        switch self {
        case .uuid: return .widening
        case .bits(let source?) where (source + 7) / 8 <= length: return .widening
        case .bytes(let source?) where source <= length: return .widening
        case .text(let source?) where source * 4 <= length: return .widening
        default: return .narrowing("values of more than \(length) octets are rejected")
        }
    }

    private func fitBits(_ length: Int?) -> Fit {
        switch self {
        case .text, .other: return .narrowing("text of other than 0 and 1 is rejected")
        case .integer(let bits, unsigned: false) where length ?? Int.max >= bits:
            return .narrowing("values below 0 are rejected")
        case .boolean: return .widening
        default: break
        }
        guard let length else { return .widening }
        switch self {
        case .integer(let bits, unsigned: true) where bits <= length: return .widening
        case .bits(let source?) where source <= length: return .widening
        case .bytes(let source?) where source * 8 <= length: return .widening
        default: return .narrowing("values of more than \(length) bits are rejected")
        }
    }

    private func fitNative(_ target: ColumnType) -> Fit {
        if case .text = self, case .other = target { return .narrowing("the target rejects text that is no \(target)") }
        return .narrowing("values pass as text, which the target must accept as \(target)")
    }
}
