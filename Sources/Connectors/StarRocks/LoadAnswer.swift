import ApusCore
import Tabular

/// What an FE or a BE answered.
struct LoadAnswer {
    var status: Int
    var text: String
    var location: String?
    /// `host:port` of the server.
    var place: String
    /// The request had been sent on.
    var isBackEnd: Bool
    private let fields: [String: String]

    init(status: Int, text: String, location: String?, place: String, isBackEnd: Bool) {
        self.status = status
        self.text = text
        self.location = location
        self.place = place
        self.isBackEnd = isBackEnd
        let members = RowJSON.parse(text) ?? []
        fields = Dictionary(members.map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    subscript(name: String) -> String? { fields[name] }
    func number(_ name: String) -> Int? { fields[name].flatMap { Int($0) } }

    /// StarRocks' BEs write `Status`, its FEs `Status` or `status`, Doris `Status` or `status`.
    var state: String { fields["Status"] ?? fields["status"] ?? "" }
    var message: String { fields["Message"] ?? fields["msg"] ?? fields["message"] ?? "" }

    /// What the answer to a load or to a step of a transaction means.
    var verdict: Verdict {
        guard status == 200, !fields.isEmpty else {
            return isBackEnd ? .unclear("HTTP \(status)") : .failed(.transient, "HTTP \(status)")
        }
        let words = message
        switch state.uppercased().replacing("_", with: " ") {
        case "SUCCESS", "OK": return .done
        case "PUBLISH TIMEOUT": return .done
        case "LABEL ALREADY EXISTS": return .labelUsed
        case "TXN IN PROCESSING": return .busy
        // The BE has forgotten the transaction, or it is over: its state says which.
        case "TXN NOT EXISTS": return .unclear(words)
        case "TIMEOUT": return .unclear(words)
        case "MEM LIMIT EXCEEDED", "SERVICE UNAVAILABLE": return .failed(.transient, words)
        case "NOT AUTHORIZED": return .failed(.refused, words)
        default: return Self.judge(words)
        }
    }

    /// Some versions answer `Fail` where they mean a used label (StarRocks issue 57982).
    private static func judge(_ words: String) -> Verdict {
        if words.contains("has already been used") { return .labelUsed }
        if words.contains("Transaction status unknown") { return .unclear(words) }
        if words.contains("already committed") || words.contains("already visible") { return .unclear(words) }
        if words.contains("No transaction found") || words.contains("not exists") || words.contains("not found") { return .unclear(words) }
        if words.contains("too many filtered rows") || words.contains("filtered data") { return .rows(words) }
        if words.contains("all partitions have no load data") { return .empty }
        if words.contains("Access denied") || words.contains("no valid Basic authorization") { return .failed(.refused, words) }
        if words.contains("primary key size exceed") { return .rows(words) }
        if words.contains("unknown table") || words.contains("unknown database") || words.contains("Unknown table") {
            return .failed(.notFound, words)
        }
        if words.contains("Unknown column") || words.contains("Only primary key table") || words.contains("no default value")
            || words.contains("Label format error") || words.contains("unknown data format") || words.contains("Unsupported")
            || words.contains("Invalid ") || words.contains("exceed limit:") || words.contains("unknown partition")
        {
            return .failed(.statement, words)
        }
        // Too many versions, running transactions, memory, timeouts, a BE that shuts down: what the server says of its
        // own state passes.
        return .failed(.transient, words)
    }

    enum Verdict {
        case done
        /// A body without rows.
        case empty
        case labelUsed
        case busy
        /// What became of it has to be asked.
        case unclear(String)
        /// The server refused rows.
        case rows(String)
        case failed(ApusError.Code, String)
    }
}

/// Where a label stands.
enum LabelState: Equatable {
    /// Never used, or forgotten.
    case unknown
    case running, prepared, committed, visible
    case aborted(String)

    init?(_ text: String, reason: String) {
        switch text.uppercased() {
        case "UNKNOWN": self = .unknown
        case "PREPARE": self = .running
        case "PREPARED", "PRECOMMITTED": self = .prepared
        case "COMMITTED": self = .committed
        case "VISIBLE": self = .visible
        case "ABORTED": self = .aborted(reason)
        default: return nil
        }
    }
}
