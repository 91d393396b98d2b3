import ApusCore

/// Where an incremental load begins: what the target remembers and holds is compared with what the ledger remembers.
///
/// The target's own checkpoint decides. Where its rows are not those that the checkpoint speaks of, everything is loaded again
/// if that does no harm (`upsert`), and the load is refused if rows might come twice (`append`).
struct WatermarkStart {
    /// What the user says of it, in the place of what is remembered.
    enum Choice: Hashable, Sendable {
        /// All rows.
        case all
        /// The remembered value, whatever the target holds.
        case last
        /// Rows beyond this value.
        case value(String)

        init(_ text: String) {
            switch text {
            case "all": self = .all
            case "last": self = .last
            default: self = .value(text)
            }
        }
    }

    /// Nil = all rows.
    var after: String?
    var findings: [Finding] = []

    let column: String
    let load: Load
    let checkpoint: Checkpoint
    private var isAppend: Bool { load.mode == .append }

    /// - parameter state: nil where the target keeps none.
    /// - parameter ledger: what the ledger remembers.
    init(
        _ checkpoint: Checkpoint, of column: String, _ load: Load, state: TargetState?, ledger: String?, choice: Choice?,
        holds: (_ column: String, _ comparison: Comparison, _ value: String) throws -> Bool
    ) throws {
        self.column = column
        self.load = load
        self.checkpoint = checkpoint
        let saved = state?.saved.first { $0.flow == checkpoint.flow }
        let remembered = saved?.value ?? ledger
        if let choice {
            choose(choice, remembered)
            return
        }
        guard let state else {
            after = ledger
            if ledger != nil {
                note(.note, "the target keeps no record of incremental loads: what the ledger remembers is taken, and cannot be checked")
            }
            return
        }
        guard state.exists, load.create != .recreate else {
            if let remembered {
                note(
                    .warning,
                    "there is no table \(load.target) in the target any more; all rows are loaded, not only those beyond the watermark \(remembered)"
                )
            }
            return
        }
        if let saved {
            try resume(saved, state, holds)
        } else if let ledger {
            try takeOver(ledger, state, holds)
        } else if state.hasRows, isAppend {
            let others = state.saved.map { "\($0.value) (\($0.flow))" }.joined(separator: ", ")
            refuse(
                "\(load.target) has rows already, and nothing tells up to which `\(column)` they are this source's: adding all rows might add them twice"
                    + (others.isEmpty ? "" : "; it remembers loads of other sources: \(others)"), nil)
        }
    }

    private mutating func choose(_ choice: Choice, _ remembered: String?) {
        switch choice {
        case .all: after = nil
        case .value(let value): after = value
        case .last:
            after = remembered
            if remembered == nil {
                note(.error, "neither the target nor the ledger remembers a watermark of `\(column)` for \(load.target)", code: .notFound)
            }
        }
    }

    private mutating func resume(
        _ saved: TargetState.Saved, _ state: TargetState, _ holds: (String, Comparison, String) throws -> Bool
    ) throws {
        let basis = checkpoint.basis
        var changes: [String] = []
        if Self.undated(saved.basis.filter) != Self.undated(basis.filter) {
            changes.append("its filter was `\(saved.basis.filter.isEmpty ? "none" : saved.basis.filter)`")
        }
        if !isAppend, !saved.basis.key.isEmpty, saved.basis.key != basis.key {
            changes.append("its key was `\(saved.basis.key.replacing("\n", with: ", "))`")
        }
        if !changes.isEmpty {
            return lost("the last load was another one: \(changes.joined(separator: " and "))", saved.value)
        }
        if saved.heldRows, !state.hasRows { return lost("\(load.target) was emptied since the last load", saved.value) }
        let column = saved.column.flatMap { load.shape.column($0)?.name }
        if let column, let reached = saved.reached {
            guard try holds(column, .atLeast, reached) else {
                return lost(
                    "\(load.target) does not hold what the last load left: its largest `\(column)` was \(reached) then, and is smaller now",
                    saved.value)
            }
            let hasMore =
                try (isAppend && state.saved.count == 1 || state.incarnation != saved.incarnation)
                && holds(column, .greater, reached)
            if state.incarnation != saved.incarnation {
                if hasMore {
                    return lost("\(load.target) was made anew or rewritten since the last load, and holds other rows", saved.value)
                }
                note(
                    .note,
                    "\(load.target) was made anew or rewritten since the last load; it holds that load's largest `\(column)`, so the load goes on from there"
                )
            } else if hasMore, isAppend {
                return refuse(
                    "\(load.target) holds rows beyond the last load's largest `\(column)`, \(reached), which no finished load has brought: adding them again would double them",
                    saved.value)
            }
        } else if state.incarnation != saved.incarnation, saved.heldRows {
            return lost(
                "\(load.target) was made anew or rewritten since the last load, and none of its columns tells what it holds of `\(self.column)`",
                saved.value)
        }
        if saved.basis.columns != basis.columns {
            note(
                .warning,
                "the columns are not those of the last load; rows up to \(saved.value) are not loaded again (--watermark-start all loads them)"
            )
        }
        after = saved.value
    }

    /// What an earlier version, or a run into a target that kept nothing, left in the ledger.
    private mutating func takeOver(
        _ value: String, _ state: TargetState, _ holds: (String, Comparison, String) throws -> Bool
    ) throws {
        guard state.hasRows else { return lost("\(load.target) is empty", value) }
        guard let column = checkpoint.column else {
            return lost("the target has no checkpoint of this load, and none of its columns tells what it holds of `\(self.column)`", value)
        }
        // The source's text may mean nothing to the target.
        guard (try? holds(column, .atLeast, value)) == true else {
            return lost("the target has no checkpoint of this load, and no `\(column)` as large as the ledger's", value)
        }
        if isAppend, (try? holds(column, .greater, value)) != false {
            note(
                .warning,
                "the target has rows beyond the ledger's watermark of `\(column)`, \(value); rows of this source among them are added again"
            )
        }
        note(.note, "the watermark is taken over from the ledger; from now on it is kept in the target")
        after = value
    }

    /// What is below the remembered value may not be there.
    private mutating func lost(_ reason: String, _ value: String) {
        if isAppend {
            return refuse("\(reason): what it holds of the rows up to \(value) is not known, and adding them might double them", value)
        }
        after = nil
        note(.warning, "\(reason); all rows are loaded, not only those beyond the watermark \(value)")
    }

    private mutating func refuse(_ reason: String, _ value: String?) {
        let last = value == nil ? "" : "`--watermark-start last` goes on from the remembered value, "
        note(.error, "\(reason). \(last)`--watermark-start all` adds all rows, and another value those beyond it", code: .changed)
    }

    /// The source's largest value is below the remembered one.
    /// - returns: whether everything is loaded again.
    mutating func sourceIsBehind(_ value: String, largest: String) -> Bool {
        let reason =
            "the largest `\(column)` of the source, \(largest), is below the remembered watermark \(value): the source was restored, or its last rows were deleted"
        if isAppend {
            refuse("\(reason); rows that came since would never be loaded", value)
            return false
        }
        after = nil
        note(.warning, "\(reason); all rows are loaded")
        return true
    }

    private mutating func note(_ severity: Finding.Severity, _ message: String, code: ApusError.Code = .changed) {
        findings.append(Finding(severity, code, column: column, message))
    }

    /// A filter without the dates and times in it, which may change from run to run.
    static func undated(_ filter: String) -> String {
        filter.replacing(/'\d{4}-?\d\d-?\d\d([ T]?\d\d:?\d\d(:?\d\d(\.\d+)?)?)?(Z|[+-]\d\d(:?\d\d)?)?'/, with: "'date'")
    }
}
