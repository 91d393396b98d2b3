import ApusCore
import Tabular

/// Where a table's values pass between instants and wall clocks.
extension TablePlanner {
    /// Says so column by column.
    mutating func noteZone(_ columns: ColumnPlan, _ kept: [Int], _ load: Load) {
        let name = planner.zone.name
        // Since 2000; what changed before that is said in the documents.
        let changes = planner.zone.settledOffset(since: 946_684_800) == nil
        for (position, column) in zip(kept, load.carried) {
            let type = columns.shapes[position].type
            switch type.zoneUse(into: column.type) {
            case .shows:
                note(
                    .note, .lossyMapping, column.name,
                    "\(type) into \(column.type): an instant becomes what the clock of \(name) shows"
                        + (changes ? "; the hour that it shows twice when summer time ends is not told apart" : ""))
            case .reads:
                note(
                    .note, .lossyMapping, column.name,
                    "\(type) into \(column.type): taken as what the clock of \(name) shows"
                        + (changes ? "; a time that it shows twice is the later one, one that it skips counts from before the change" : ""))
            case .writesOffset:
                note(
                    .note, .zoneUsed, column.name,
                    "instants become text as the clock of \(name) shows them" + (planner.zone.writesOffset ? ", with its offset" : ""))
            case .mayRead:
                let what = column.type.isInstant ? "text without an offset is taken as what" : "text with an offset becomes what"
                note(.note, .zoneUsed, column.name, "\(what) the clock of \(name) shows")
            case nil: break
            }
        }
    }

    /// A query that is sent as it was written gives instants as what the session's clock shows, on some systems.
    mutating func warnOfWallClocks(_ places: [SourcePlace]) throws {
        for place in places where place.isVerbatim && place.columns.schema.types.contains(where: \.isInstant) {
            guard let session = try place.session.sessionZone(), session.readsWallClocks,
                session.zone.settledOffset(since: 946_684_800) == nil
            else { continue }
            note(
                .warning, .lossyMapping,
                "the query of \(place.label) gives instants as what the clock of \(session.zone.name) shows: in the hour that it shows twice the later one is taken. Name a table and its columns instead, or set the session to UTC"
            )
        }
    }
}

extension Planner {
    /// The zone of the run: the one that was stated, else that of the source's sessions, else that of the target's.
    func runZone(_ source: any Source, _ sink: any Sink) throws -> RunZone {
        if let given = flow.zone, given.origin != .stated { return given }
        let own = try source.sessionZone(), other = own == nil || flow.zone != nil ? try sink.sessionZone() : nil
        for session in [own, other] {
            if let note = session?.note, !warnings.contains(note) { warnings.append(note) }
        }
        if let stated = flow.zone { return stated }
        if let own { return RunZone(own.zone.name, .source) }
        if let other { return RunZone(other.zone.name, .target) }
        return RunZone(Zone.utc.name, .none)
    }
}

/// A watermark's text, as it was remembered from a column of one type, for a column of another.
enum WatermarkText {
    /// The value as a column of the target holds it.
    static func converted(_ text: String, from source: ColumnType, to target: ColumnType, _ zone: Zone) -> String {
        switch source.zoneUse(into: target) {
        case .shows:
            guard let shown = parsed(text, { Parse.timestamp($0, in: zone) }) else { return text }
            return written { target == .date ? Format.date(Temporal.split(shown).days, to: $0) : Format.timestamp(shown, to: $0) }
        case .reads:
            guard let instant = parsed(text, { Parse.instant($0, in: zone) }) else { return text }
            return written { Format.instant(instant, to: $0) }
        default: return text
        }
    }

    private static func parsed(_ text: String, _ read: (UnsafeBufferPointer<UInt8>) -> Int64?) -> Int64? {
        var text = text
        return text.withUTF8(read)
    }

    private static func written(_ write: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
        String(unsafeUninitializedCapacity: Format.longest) { write($0.baseAddress!) }
    }
}

extension ColumnType {
    var isInstant: Bool {
        if case .instant = self { true } else { false }
    }
}
