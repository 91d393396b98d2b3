extension ApusError {
    /// The same error with a hint, where the one who made it had none: what to do next follows from the code.
    public func advised() -> ApusError {
        guard hint == nil, let advice = advice else { return self }
        var copy = self
        copy.hint = advice
        return copy
    }

    private var advice: String? {
        switch code {
        case .unreachable:
            "Check host, port and network, and that the server runs"
                + (Advice.connTest(context).map { "; \($0) tries the connection." } ?? ".")
        case .refused: "Check user, password and database" + (Advice.connTest(context).map { " with \($0)." } ?? ".")
        case .tls: "Check the certificate and `tls=`, `ca=` of the connection."
        case .permission: "GRANT the user the right that is missing, or use another user."
        case .full: "Make room on the disk."
        case .timeout: "Raise the server's limit, or cut the table into more slices."
        case .transient: "This may pass by itself: try again."
        case .notFound: "Check the name" + (Advice.connTables(context).map { "; \($0) lists what is there." } ?? ".")
        default: nil
        }
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
