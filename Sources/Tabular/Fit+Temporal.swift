/// Dates and times: what rounding, zones and the calendar's ends cost.
extension ColumnType {
    func fitTemporal(_ target: ColumnType, _ rounds: Bool) -> Fit {
        switch self {
        case .text, .other: return .narrowing("text that is no \(target.temporalName) is rejected")
        default: break
        }
        var losses: [String] = []
        switch (self, target) {
        case (.timestamp, .date), (.instant, .date):
            losses.append(rounds ? "the time of day is dropped" : "values with a time of day are rejected")
        case (.timestamp, .time), (.instant, .time): losses.append("the date is dropped")
        case (.duration, .time): losses.append("spans below 0 or beyond 24 hours are rejected")
        default: break
        }
        if let digits = target.fractionDigits, let own = fractionDigits, own > digits {
            losses.append(
                rounds
                    ? "rounded to \(digits) fraction digits of a second"
                    : "values of more than \(digits) fraction digits of a second are rejected")
        }
        return losses.isEmpty ? .widening : .narrowing(losses.joined(separator: ", "))
    }

    private var fractionDigits: Int? {
        switch self {
        case .time(let precision), .duration(let precision), .timestamp(let precision), .instant(let precision):
            precision
        default: nil
        }
    }

    private var temporalName: String {
        switch self {
        case .date: "date"
        case .time: "time of day"
        case .duration: "duration"
        default: "timestamp"
        }
    }
}

/// What a zone has to do with a conversion.
public enum ZoneUse: Sendable, Hashable {
    /// An instant becomes what the clock of the zone shows.
    case shows
    /// A wall clock is taken as one of the zone.
    case reads
    /// An instant becomes text, with the offset of the zone.
    case writesOffset
    /// Text without an offset is taken as a wall clock of the zone, or text with one becomes what its clock shows.
    case mayRead
}

extension ColumnType {
    /// Nil where no zone is asked.
    public func zoneUse(into target: ColumnType) -> ZoneUse? {
        switch (self, target) {
        case (.instant, .timestamp), (.instant, .date), (.instant, .time): .shows
        case (.timestamp, .instant), (.date, .instant): .reads
        case (.instant, .text), (.instant, .other): .writesOffset
        case (.text, .instant), (.text, .timestamp): .mayRead
        default: nil
        }
    }
}
