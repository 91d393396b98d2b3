import ApusCore
import Tabular

/// With care: rows are tried in transactions that are rolled back, and a batch that the server refuses is halved until
/// the bad rows are alone. The trials have the form and the headers of the load, none of which one of the interfaces
/// passes over, so that both judge alike; Stream Load itself could not be taken back.
extension StarRocksWriter {
    func writeCarefully(_ batch: Batch) throws -> [RejectedRow] {
        let columns = batch.columns.baseAddress!
        var text = ByteBuffer(capacity: LoadBody.chunkSize)
        var ends = [0]
        var good: [Int] = []
        var bad: [RejectedRow] = []
        for row in 0..<batch.rowCount {
            var column = encoder.append(row: row, of: columns, to: &text)
            if encoder.blocked >= 0 {
                try changeForm(batch)
                column = encoder.append(row: row, of: columns, to: &text)
            }
            if column >= 0 {
                bad.append(rejected(batch, row, column))
            } else {
                good.append(row)
                ends.append(text.count)
            }
        }
        try halve(0..<good.count) { range in
            let octets = UnsafeBufferPointer(rebasing: text.bytes[ends[range.lowerBound]..<ends[range.upperBound]])
            guard let reason = try refusal(of: octets, rows: range.count) else {
                try take(octets, rows: range.count)
                return true
            }
            if range.count == 1 {
                let row = good[range.lowerBound]
                bad.append(
                    RejectedRow(row: batch.firstRow + row, column: column(in: reason), reason: reason, values: batch.json(row: row)))
            }
            return false
        }
        return bad
    }

    /// `accepts` says whether a range is good; one that is not is cut in two.
    private func halve(_ range: Range<Int>, accepts: (Range<Int>) throws -> Bool) throws {
        if range.isEmpty { return }
        if try accepts(range) || range.count == 1 { return }
        let middle = range.lowerBound + range.count / 2
        try halve(range.lowerBound..<middle, accepts: accepts)
        try halve(middle..<range.upperBound, accepts: accepts)
    }

    private func column(in reason: String) -> String? {
        target.items.map(\.name).first { reason.contains("`\($0)`") || reason.contains("'\($0)'") }
    }

    /// Loads rows for a trial and takes them back. Nil when the server takes them all, else why not.
    private func refusal(of octets: UnsafeBufferPointer<UInt8>, rows: Int) throws -> String? {
        let chunk = LoadChunk(capacity: octets.count / 2)
        try LoadCompressor(form.method).append(octets, to: chunk, isLast: true)
        var pause = 0.2
        while true {
            let label = "apus_try_\(StarRocksSession.hash(name + load.runID).prefix(12))_\(UInt32.random(in: .min ... .max))"
            let failure: ApusError
            do {
                let answer = try tried(label, LoadBody(complete: [chunk]))
                _ = try? labels.client.run(labels.rollback(label))
                switch answer.verdict {
                case .done where answer.number("NumberLoadedRows").map({ $0 == rows }) ?? true: return nil
                case .done, .rows:
                    return labels.reasons(answer).first ?? (answer.message.isEmpty ? "refused by the server" : answer.message)
                case .failed(let code, _) where code != .transient: throw self.failure(answer)
                default: failure = self.failure(answer)
                }
            } catch let fault as LoadFault {
                failure = session.error(fault, doing: doing)
                guard fault.kind == .unreached || fault.kind == .broken else { throw failure }
            }
            guard pause < 4 else { throw failure }
            try session.wait(pause)
            pause *= 2
        }
    }

    /// The answer to the step that decides.
    private func tried(_ label: String, _ body: LoadBody) throws -> LoadAnswer {
        if !session.profile.isDoris {
            let begun = try labels.begin(label, timeout: 300)
            guard case .done = begun.verdict else { return begun }
        }
        let answer = try labels.client.run(labels.transactionLoad(label, headers, body, length: body.length))
        guard case .done = answer.verdict, !session.profile.isDoris else { return answer }
        return try labels.finish(label, .prepare)
    }
}
