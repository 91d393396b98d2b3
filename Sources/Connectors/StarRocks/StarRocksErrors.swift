import ApusCore
import MySQLClient

/// What a fault means to StarRocks and Doris, which report nearly everything as 1064 or 1105: the words decide.
extension MySQLFault {
    /// `doing` completes "could not …".
    func starRocksError(doing: String, hint: String? = nil) -> ApusError {
        let (code, advice) = classified()
        return ApusError(code, "could not \(doing)", hint: hint ?? advice, underlying: told)
    }

    var isTimeout: Bool {
        number == 5024 || words.contains("exceeded time limit") || words.contains("reached its timeout")
            || words.contains("query is timeout") || words.contains("Query timeout") || words.contains("query timeout")
            || words.contains("killed by timeout checker")
    }

    /// The server's words; those that quote a value are cut at the quote.
    private var told: String {
        guard [1064, 1105].contains(number), let quote = words.firstIndex(where: { $0 == "'" || $0 == "\"" }),
            words.hasPrefix("Invalid ") || words.contains("value") || words.contains("Value")
        else { return "SR \(number): \(words)" }
        return "SR \(number): \(words[..<quote])…"
    }

    private func classified() -> (ApusError.Code, String?) {
        if isTimeout { return (.timeout, "Raise `query_timeout`, or cut the table into more slices.") }
        if isConnectionLost { return (.unreachable, nil) }
        switch number {
        case 1045, 1698, 1044: return (.refused, nil)
        case 1142, 1143, 1227, 5203: return (.permission, "Grant the user the privilege named here.")
        case 1049, 1051, 1054, 1109, 1146, 5501, 5502, 1493: return (.notFound, nil)
        case 1007, 1050, 5506: return (.exists, nil)
        case 1040, 1203, 1226: return (.transient, nil)
        case 1047, 1295: return (.unsupported, nil)
        default: break
        }
        let text = words.lowercased()
        if text.contains("access denied") { return (.permission, "Grant the user the privilege named here.") }
        if text.contains("unknown table") || text.contains("unknown database") || text.contains("cannot be resolved")
            || text.contains("does not exist") || text.contains("unknown partition")
        {
            return (.notFound, nil)
        }
        if text.contains("already exist") { return (.exists, nil) }
        if text.contains("backend node not found") || text.contains("no alive backend") || text.contains("not leader")
            || text.contains("cancelled because of") || text.contains("rpc failed") || text.contains("memory of")
            || text.contains("mem usage")
            || text.contains("out of memory") || text.contains("too many queries") || text.contains("connection reset")
        {
            return (.transient, nil)
        }
        return (.statement, nil)
    }
}
