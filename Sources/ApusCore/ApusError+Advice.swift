extension ApusError {
    /// The same error with a hint, where the one who made it had none: what to do next follows from the code.
    ///
    /// - parameter runID: of the run that can be resumed once the cause is gone.
    public func advised(resuming runID: String? = nil) -> ApusError {
        guard hint == nil, let advice = Self.advice[code] else { return self }
        var copy = self
        copy.hint = advice
        if let runID, code != .refused, code != .tls { copy.hint! += " Then `apus resume \(runID)` goes on." }
        return copy
    }

    private static let advice: [Code: String] = [
        .unreachable: "Check host, port and network, and that the server runs; `apus conn test` tries the connection.",
        .refused: "Check user, password and database with `apus conn test`.",
        .tls: "Check the certificate and `tls=`, `ca=` of the connection.",
        .permission: "GRANT the user the right that is missing, or use another user.",
        .full: "Make room on the disk.",
        .timeout: "Raise the server's limit, or cut the table into more slices.",
        .transient: "This may pass by itself: try again.",
        .notFound: "Check the name; `apus conn tables` lists what is there.",
    ]
}

/// Commands that a hint or the end of a run tells the user to type.
public enum Advice {
    /// Commands that look into a ledger, with the option that names it. What may hold a password (before a host, or as an
    /// option) is not shown; the user knows it.
    /// - parameter ledger: as it was given to `--ledger`; nil = the default one, which needs no option.
    public static func placing(_ text: String, ledger: String?) -> String {
        guard let ledger, !ledger.contains(where: { "@?;".contains($0) }) else { return text }
        return text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { number, part in
            number % 2 == 1 ? command(String(part), ledger: ledger) : String(part)
        }.joined(separator: "`")
    }

    /// One command without quotes around it.
    public static func command(_ text: String, ledger: String?) -> String {
        guard let ledger, !ledger.contains(where: { "@?;".contains($0) }), !text.contains(" --ledger ") else { return text }
        let isMeant = ["show", "resume", "retry-rejected", "history"].contains { text == "apus \($0)" || text.hasPrefix("apus \($0) ") }
        return isMeant ? "\(text) --ledger \(shellWord(ledger))" : text
    }

    /// A text as one word of a POSIX shell.
    public static func shellWord(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./:=+,@%".contains($0)) }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}

extension ApusError {
    /// The same error, whose hint's commands look into this ledger.
    public func placed(ledger: String?) -> ApusError {
        guard let hint else { return self }
        var copy = self
        copy.hint = Advice.placing(hint, ledger: ledger)
        return copy
    }
}

/// Passes events on with other errors in them: with hints for this place.
public struct ErrorMapping: Listener {
    private let inner: any Listener
    private let change: @Sendable (ApusError) -> ApusError

    public init(_ inner: any Listener, _ change: @escaping @Sendable (ApusError) -> ApusError) {
        self.inner = inner
        self.change = change
    }

    public func hear(_ event: Event) {
        var event = event
        switch event.kind {
        case .tableFinished(let table, var result):
            result.error = result.error.map(change)
            event.kind = .tableFinished(table: table, result)
        case .runFinished(let result): event.kind = .runFinished(result.mapping(change))
        default: break
        }
        inner.hear(event)
    }
}

extension RunResult {
    public func mapping(_ change: (ApusError) -> ApusError) -> RunResult {
        var result = self
        result.error = result.error.map(change)
        for index in result.tables.indices { result.tables[index].error = result.tables[index].error.map(change) }
        return result
    }
}
