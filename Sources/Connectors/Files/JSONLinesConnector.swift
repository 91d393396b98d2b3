import ApusCore

/// A JSON object a line.
public struct JSONLinesConnector: Connector {
    public init() {}
    public let name = "json"
    public let title = "JSON Lines files"
    public let schemes = ["json", "jsonl", "ndjson"]
    public let example = "json:out/?compression=zstd"
    public var abilities: Abilities { .files }
    public var settings: [Setting] {
        FileOptions.settings(binary: "base64") + [
            Setting("decimals", .choice(["number", "string"]), default: "number", "how exact decimals are written"),
            Setting(
                "json_null", .choice(["value", "null"]), default: "value",
                "null in a column of JSON: the JSON value null, so that NULL is a key left out; or NULL, as elsewhere"),
        ]
    }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        let files = JSONLinesFiles(
            options: try FileOptions(endpoint.settings), decimalsAreText: endpoint.settings.text("decimals") == "string",
            nullIsValue: endpoint.settings.text("json_null") != "null")
        return try FilesSession(endpoint, format: files, interrupt: interrupt)
    }
}
