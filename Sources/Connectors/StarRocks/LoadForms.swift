import ApusCore
import Synchronization
import Tabular

/// The form that the slices of one target go in: what one channel has met counts for all that load the target in the
/// same run and process.
final class LoadForms {
    private let session: StarRocksSession
    private let target: LoadTarget
    private let key: String
    private let interface: LoadProof.Interface

    private static let known = Mutex<[String: LoadForm.Choice]>([:])

    /// Proves, where that has not been done yet, that the server reads what is written for it.
    ///
    /// - throws: `target.unproven` when the server reads no form rightly.
    init(_ session: StarRocksSession, _ load: Load, _ target: LoadTarget) throws {
        self.session = session
        self.target = target
        key = "\(session.endpoint.label) \(load.runID) \(load.destination)"
        interface = LoadProof.Interface(session)
        if Self.known.withLock({ $0[key] }) == nil {
            let first = try firstChoice(load)
            Self.known.withLock { known in
                // Runs end without a word; what they leave is small, and found out again.
                if known.count >= 1000 { known.removeAll() }
                if known[key] == nil { known[key] = first }
            }
        }
    }

    var current: LoadForm.Choice { Self.known.withLock { $0[key] ?? LoadForm.Choice() } }

    private func firstChoice(_ load: Load) throws -> LoadForm.Choice {
        let needsJSON = target.needsJSON(session.profile)
        var kinds: [LoadForm.Kind] = needsJSON ? (session.profile.isDoris ? [.json] : [.json, .cast]) : [.plain, .hex, .json]
        if !session.options.probes { kinds = [kinds[0]] }
        var differences: [String] = []
        for kind in kinds {
            if let difference = try difference(kind, load.target) {
                differences.append("\(kind): \(difference)")
                continue
            }
            return choice(kind)
        }
        throw ApusError(
            .unproven,
            "\(session.banner) does not give back what is loaded for a trial, so that \(load.target) would hold other values than its source",
            hint: "Please report this with the words below. `probe=off` loads without the trial.", context: session.endpoint.label,
            underlying: differences.joined(separator: "; "))
    }

    private func difference(_ kind: LoadForm.Kind, _ table: TableName) throws -> String? {
        if let found = try session.proof(kind, interface, beside: table).difference(for: target) { return found }
        return kind == .cast ? try session.proof(.plain, interface, beside: table).difference(for: target) : nil
    }

    private func choice(_ kind: LoadForm.Kind) -> LoadForm.Choice {
        switch kind {
        case .plain, .cast: LoadForm.Choice()
        case .hex: LoadForm.Choice(hexed: texts)
        case .json: LoadForm.Choice(isJSON: true)
        }
    }

    private var texts: Set<Int> {
        LoadEncoder(target, LoadForm(session.profile, .none)).allTexts
    }

    /// The form that the slice is begun again in: the wanted one, or what else the server reads rightly. Nil when there is none.
    func next(_ wanted: LoadForm.Choice?) throws -> LoadForm.Choice? {
        guard let wanted else { return nil }
        // Another channel has been here.
        let now = current
        if now.isJSON, wanted != now { return now }
        var choice = wanted
        if !choice.isJSON { choice.hexed.formUnion(now.hexed) }
        for kind in choice.isJSON ? [LoadForm.Kind.json] : [.hex, .json] {
            if kind == .json { choice = LoadForm.Choice(isJSON: true) }
            if session.options.probes, try session.proof(kind, interface, beside: target.table).difference(for: target) != nil { continue }
            Self.known.withLock { $0[key] = choice }
            return choice
        }
        return nil
    }

    /// For rows that cannot be read again: all texts in hexadecimal digits, so that no form has to be changed.
    func forRowsThatComeOnce(_ encoder: LoadEncoder) throws -> LoadForm.Choice {
        let now = current
        if now.isJSON { return now }
        let wanted = choice(.hex)
        if wanted.hexed.isEmpty { return now }
        if session.options.probes, try session.proof(.hex, interface, beside: target.table).difference(for: target) != nil { return now }
        return wanted
    }
}
