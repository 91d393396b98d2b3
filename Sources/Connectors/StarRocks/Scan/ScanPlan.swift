import ApusCore
import Tabular

/// What an FE answers to `_query_plan`: the tablets of a SELECT, the BEs that have them, and the plan that these run.
struct ScanPlan {
    struct Tablet {
        var id: Int64
        /// `host:port` of the BEs' thrift ports.
        var places: [String]
        /// The version that is read, whatever is loaded meanwhile.
        var version: String
    }

    var tablets: [Tablet]
    var opaque: String

    /// Why there is no plan.
    struct Refusal: Error {
        var status: Int
        var words: String
    }

    /// Doris puts the same members into `data`.
    init(_ status: Int, _ text: String) throws {
        var members = Self.members(text)
        if let data = members["data"], data.hasPrefix("{") { members = Self.members(data) }
        guard status == 200, let partitions = members["partitions"], let plan = members["opaqued_query_plan"] else {
            let words = members["exception"] ?? members["msg"] ?? "HTTP \(status)"
            throw Refusal(status: members["status"].flatMap { Int($0) } ?? status, words: words)
        }
        opaque = plan
        tablets = (RowJSON.parse(partitions) ?? []).compactMap { name, value in
            guard let id = Int64(name), let value else { return nil }
            let tablet = Self.members(value)
            return Tablet(id: id, places: Self.texts(tablet["routings"] ?? ""), version: tablet["version"] ?? "")
        }.sorted { $0.id < $1.id }
    }

    private static func members(_ text: String) -> [String: String] {
        Dictionary((RowJSON.parse(text) ?? []).map { ($0.name, $0.value ?? "") }, uniquingKeysWith: { first, _ in first })
    }

    /// The texts of a JSON array; host names need no escapes.
    private static func texts(_ array: String) -> [String] {
        array.split(separator: "\"", omittingEmptySubsequences: false).enumerated().compactMap { $0 % 2 == 1 ? String($1) : nil }
    }
}

extension StarRocksSession {
    /// Has an FE plan the read of a slice.
    /// - throws: ``ScanPlan/Refusal``, `LoadFault`.
    func scanPlan(_ sql: String, of table: TableName) throws -> ScanPlan {
        let chunk = LoadChunk(capacity: sql.utf8.count + 64)
        var text = ""
        for scalar in sql.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 32:
                text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
        chunk.buffer.append("{\"sql\":\"\(text)\"}")
        var call = LoadCall(
            method: "POST",
            path: "/api/\(LoadClient.escaped(table.schema ?? ""))/\(LoadClient.escaped(table.name))/_query_plan",
            // Without `Expect`, for FEs never answer it.
            headers: [("Content-Type", "application/json"), ("Expect", "")], doing: "plan a scan of \(table)")
        call.length = chunk.buffer.count
        call.body = LoadBody(complete: [chunk])
        call.bodyGoesToFE = true
        let answer = try LoadClient(self).run(call)
        return try ScanPlan(answer.status, answer.text)
    }
}
