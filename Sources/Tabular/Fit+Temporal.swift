/// Dates and times: what rounding, zones and the calendar's ends cost.
extension ColumnType {
    func fitTemporal(_ target: ColumnType, _ rounds: Bool) -> Fit {
        switch self {
        case .text, .other: return .narrowing("text that is no \(target.temporalName) is rejected")
        default: break
        }
        var losses: [String] = []
        switch (self, target) {
        case (.date, .timestamp): break
        case (.date, .instant), (.timestamp, .instant): losses.append("taken as UTC")
        case (.timestamp, .date): losses.append(rounds ? "the time of day is dropped" : "values with a time of day are rejected")
        case (.instant, .date):
            losses.append(
                (rounds ? "the time of day is dropped" : "values with a time of day are rejected") + ", the date is that of UTC")
        case (.timestamp, .time): losses.append("the date is dropped")
        case (.instant, .time): losses.append("the date is dropped, the time is that of UTC")
        case (.instant, .timestamp): losses.append("the zone is dropped: stored as UTC")
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
