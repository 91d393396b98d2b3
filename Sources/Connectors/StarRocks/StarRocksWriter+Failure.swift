import ApusCore
import Tabular

/// Answers that are not what was hoped for, as errors.
extension StarRocksWriter {
    /// An answer that is not what was hoped for.
    func failure(_ answer: LoadAnswer) -> ApusError {
        switch answer.verdict {
        case .rows: return refusedRows(answer.number("NumberFilteredRows"), labels.reasons(answer), answer.message)
        case .failed(let code, let words): return refusal(code, words)
        case .unclear(let words): return refusal(.transient, words)
        default: return refusal(.transient, answer.message.isEmpty ? "HTTP \(answer.status)" : answer.message)
        }
    }

    func refusal(_ code: ApusError.Code, _ words: String) -> ApusError {
        var hint: String?
        if words.contains("too many versions") {
            hint = "The table's tablets have too many versions: fewer and larger loads (slices), or let compaction catch up."
        } else if words.contains("running txns") {
            hint = "Fewer channels, or a larger max_running_txn_num_per_db on the FEs."
        } else if words.contains("exceed limit:") {
            hint = "Smaller slices, or a larger streaming_load_max_mb on the BEs."
        } else if words.contains("Memory") {
            hint = "Fewer channels, or a smaller load_bytes."
        }
        return ApusError(code, "could not \(doing)", hint: hint, context: session.endpoint.label, underlying: words)
    }

    func refusedRows(_ count: Int?, _ reasons: [String], _ words: String = "") -> ApusError {
        let first = reasons.first.map { RejectedRow(row: nil, column: nil, reason: $0, values: "").safeReason }
        return ApusError(
            .rowRejected, "\(count.map { "\($0) \($0 == 1 ? "row was" : "rows were")" } ?? "rows were") refused by \(load.target)",
            context: session.endpoint.label, underlying: first ?? (words.isEmpty ? nil : words))
    }
}
