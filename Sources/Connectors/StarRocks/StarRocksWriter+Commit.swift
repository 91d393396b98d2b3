import ApusCore

/// The end of a slice: its counts are written down, then its rows are committed, then that they are.
extension StarRocksWriter {
    func commit(_ mark: SliceMark) throws {
        if encoded == 0, !isTransaction, upload == nil {
            var empty = entry ?? made(.done)
            empty.state = .done
            entry = counted(empty, mark)
            return try keepDone()
        }
        if isTransaction {
            try commitTransaction(mark)
        } else if upload != nil {
            try commitRequest(mark)
        } else {
            try sendSmall(mark)
        }
        entry!.state = .done
        try keepDone()
        pending = []
    }

    /// That the slice is done goes with the next row that this process writes; until then the label's state says it. Should
    /// the server forget the label by then, rows in the table tell, except in an aggregate key table that others see.
    private func keepDone() throws {
        if target.model == .aggregate, !load.isStaged { return try journal(entry!) }
        session.book(load).keep(entry!, session.bookKey(load))
    }

    private func counted(_ entry: JournalEntry, _ mark: SliceMark) -> JournalEntry {
        var entry = entry
        (entry.read, entry.written, entry.rejected) = (mark.read, mark.written, mark.rejected)
        return entry
    }

    /// Another worker that took this one for dead has a label of its own, has taken this one over, or has begun the load anew.
    private func checkOwn() throws {
        let known = try session.entries(load, slices: [slice, StarRocksSession.Mark.prepared])
        let generation = known.first { $0.slice == StarRocksSession.Mark.prepared }?.label ?? "0"
        // What another one has given up for this label counts no more.
        let others = known.filter { $0.slice == slice && $0.writer != name && $0.state != .dead }
        guard let entry, generation == labels.generation, others.allSatisfy({ $0.attempt < entry.attempt && $0.state != .done })
        else {
            throw ApusError(.transient, "another worker has taken over slice \(slice) of \(load.target)", context: session.endpoint.label)
        }
    }

    private func commitTransaction(_ mark: SliceMark) throws {
        try checkOwn()
        var counted = counted(entry!, mark)
        counted.state = .commit
        try journal(counted)
        let answer: LoadAnswer?
        do { answer = try labels.finish(counted.label, .commit) } catch let fault as LoadFault where fault.kind != .stopped {
            answer = nil
        } catch let fault as LoadFault { throw session.error(fault, doing: doing) }
        if let answer, case .done = answer.verdict {
            if answer.state != "OK", answer.state != "Success" { try labels.awaitVisible(counted.label) }
        } else {
            try require(labels.settle(counted, commits: true), counted, answer?.message)
        }
        isTransaction = false
    }

    /// The rest of one large request; its end commits it.
    private func commitRequest(_ mark: SliceMark) throws {
        try checkOwn()
        var counted = counted(entry!, mark)
        counted.state = .sending
        try journal(counted)
        let upload = self.upload!
        if upload.body.put(held!) { upload.body.end() }
        let answer: LoadAnswer?
        do { answer = try upload.answer() } catch let fault as LoadFault where fault.kind != .stopped { answer = nil } catch let fault
            as LoadFault
        {
            throw session.error(fault, doing: doing)
        }
        self.upload = nil
        if let answer, case .done = answer.verdict { return try check(answer, counted) }
        if let answer, case .rows = answer.verdict { throw failure(answer) }
        try require(labels.settle(counted, isRefused: Self.isRefusal(answer)), counted, answer?.message)
    }

    /// All rows in one request, which is made again until it is clear that they are there.
    private func sendSmall(_ mark: SliceMark) throws {
        pending.append(try compressed(isLast: true))
        if entry == nil { entry = made(.sending) }
        var pause = 0.2
        while true {
            var counted = counted(entry!, mark)
            counted.state = .sending
            try journal(counted)
            try checkOwn()
            var failure: ApusError
            let outcome: LoadLabels.Outcome
            do {
                let body = LoadBody(complete: pending)
                let answer = try labels.client.run(labels.streamLoad(counted.label, headers, body, length: body.length))
                failure = self.failure(answer)
                switch answer.verdict {
                case .done: return try check(answer, counted)
                case .rows: throw failure
                case .failed(let code, _) where code != .transient: throw failure
                default: outcome = try labels.settle(counted, isRefused: Self.isRefusal(answer))
                }
            } catch let fault as LoadFault {
                failure = session.error(fault, doing: doing)
                switch fault.kind {
                case .unreached: outcome = .missing(mayReuse: true)
                case .broken, .body: outcome = try labels.settle(counted)
                default: throw failure
                }
            }
            guard case .missing(let mayReuse) = outcome else { return }
            if !mayReuse {
                counted.state = .dead
                try journal(counted)
                attempt += 1
                entry = made(.sending)
            }
            guard pause < 10 else { throw failure }
            try session.wait(pause)
            pause *= 2
        }
    }

    private static func isRefusal(_ answer: LoadAnswer?) -> Bool {
        if case .failed = answer?.verdict { true } else { false }
    }

    private func require(_ outcome: LoadLabels.Outcome, _ entry: JournalEntry, _ words: String?) throws {
        guard case .missing = outcome else { return }
        throw refusal(.transient, words ?? "the connection broke before the commit of \(entry.label)")
    }

    /// What is committed must be what was sent.
    private func check(_ answer: LoadAnswer, _ entry: JournalEntry) throws {
        if let count = answer.number("NumberLoadedRows"), count != entry.written {
            throw ApusError(
                .countMismatch, "\(entry.written) rows were sent to \(load.target), and the server says that it loaded \(count)",
                hint: "They are committed (label \(entry.label)). Compare the table with its source.", context: session.endpoint.label)
        }
        if answer.state == "Publish Timeout" { try labels.awaitVisible(entry.label) }
    }
}
