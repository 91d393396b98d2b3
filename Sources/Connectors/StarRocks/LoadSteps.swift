import ApusCore

/// The steps of a transaction: manual "Load data using Stream Load transaction interface", and Doris' "Stream Load,
/// two-phase commit".
extension LoadLabels {
    enum Step: String { case prepare, commit, rollback }

    /// Seconds after which the server ends a transaction in which nothing happens.
    private var idleLimit: Int { Int(session.options.loadAge) + 600 }

    func table(_ name: TableName) -> String { LoadClient.escaped(name.name) }

    /// The headers that tell which load it is.
    private func identity(_ label: String) -> [(name: String, value: String)] {
        [("db", database), ("table", load.destination.name), ("label", label)]
    }

    func begin(_ label: String, timeout: Int? = nil) throws -> LoadAnswer {
        try client.run(
            LoadCall(
                method: "POST", path: "/api/transaction/begin",
                headers: identity(label) + [
                    ("timeout", String(timeout ?? session.options.loadTimeout)), ("idle_transaction_timeout", String(timeout ?? idleLimit)),
                ], patience: max(10, 3 * Double(session.options.connectTimeout)), doing: "begin a load of \(load.target)"))
    }

    /// One request of a transaction with rows in it, or, with Doris, all of the transaction.
    func transactionLoad(_ label: String, _ headers: [(name: String, value: String)], _ body: LoadBody, length: Int? = nil) -> LoadCall {
        if session.profile.isDoris {
            return streamLoad(label, headers + [("two_phase_commit", "true")], body, length: length)
        }
        return LoadCall(
            method: "PUT", path: "/api/transaction/load", headers: identity(label) + headers + [("Expect", "100-continue")], body: body,
            length: length, patience: Double(session.options.loadTimeout) + 60, doing: "load rows into \(load.target)")
    }

    /// One request that is a load of its own.
    func streamLoad(_ label: String, _ headers: [(name: String, value: String)], _ body: LoadBody, length: Int? = nil) -> LoadCall {
        LoadCall(
            method: "PUT", path: "/api/\(LoadClient.escaped(database))/\(table(load.destination))/_stream_load",
            headers: [("label", label), ("timeout", String(session.options.loadTimeout))] + headers + [("Expect", "100-continue")],
            body: body,
            length: length, patience: Double(session.options.loadTimeout) + 60, doing: "load rows into \(load.target)")
    }

    /// Prepares, commits or rolls back; a transaction that is still at its last request is waited for.
    func finish(_ label: String, _ step: Step) throws -> LoadAnswer {
        var pause = 0.1
        while true {
            let answer = try client.run(call(label, step))
            if case .busy = answer.verdict, pause < 30 {
                try session.wait(pause)
                pause *= 2
                continue
            }
            return answer
        }
    }

    /// Asked once, for what is given up: whoever needs to know asks for the label's state.
    func rollback(_ label: String) -> LoadCall {
        var call = call(label, .rollback)
        call.patience = 15
        return call
    }

    private func call(_ label: String, _ step: Step) -> LoadCall {
        let doing = "\(step == .rollback ? "roll back" : step.rawValue) a load of \(load.target)"
        if session.profile.isDoris {
            return LoadCall(
                method: "PUT", path: "/api/\(LoadClient.escaped(database))/_stream_load_2pc",
                headers: [("label", label), ("txn_operation", step == .rollback ? "abort" : "commit")],
                patience: patience(step), doing: doing)
        }
        return LoadCall(
            method: "POST", path: "/api/transaction/\(step.rawValue)", headers: identity(label), patience: patience(step), doing: doing)
    }

    /// Preparing waits until all rows are written. A commit whose answer does not come is asked for by its label.
    private func patience(_ step: Step) -> Double {
        let unit = Double(session.options.connectTimeout)
        return switch step {
        case .prepare: max(60, 30 * unit)
        case .commit: max(20, 6 * unit)
        case .rollback: max(15, 3 * unit)
        }
    }

    // MARK: Why rows were refused

    /// The server's log of rejected rows: at most 50 reasons; none when the address cannot be reached.
    func reasons(_ answer: LoadAnswer) -> [String] {
        guard let address = answer["ErrorURL"], !address.isEmpty, let log = try? client.fetch(address), log.status == 200 else { return [] }
        return log.text.split(separator: "\n").compactMap { line -> String? in
            guard line.hasPrefix("Error: ") || line.hasPrefix("Reason: ") else { return nil }
            let text = line.drop { $0 != " " }.dropFirst()
            // The row itself is kept beside the reason.
            let end = text.firstRange(of: ". Row: ")?.lowerBound ?? text.firstRange(of: ". src line ")?.lowerBound ?? text.endIndex
            return Self.reworded(String(text[..<end]))
        }
    }

    /// The server's words with the value where ``RejectedRow/safeReason`` finds it.
    static func reworded(_ text: String) -> String {
        if let match = text.firstMatch(of: /name = ([^,]+), pos = \d+\) is out of range\. Type: (.+?), Value length: \d+, Value: (.*)/) {
            return "value '\(match.output.3)' is not a valid \(match.output.2) (column `\(match.output.1)`)"
        }
        if let match = text.firstMatch(of: /String '(.*)'\(length=(\d+)\) is too long\. The max length of '(.+)' is (\d+)/) {
            return "value '\(match.output.1)' is too long for `\(match.output.3)`: \(match.output.2) octets of at most \(match.output.4)"
        }
        return text
    }
}
