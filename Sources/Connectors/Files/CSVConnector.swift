import ApusCore

/// Text with separators: RFC 4180 and its relatives.
public struct CSVConnector: Connector {
    public init() {}
    public let name = "csv"
    public let title = "CSV files"
    public let schemes = ["csv", "tsv"]
    public let example = "csv:out/?compression=zstd"
    public var settings: [Setting] { CSVFormat.settings + FileOptions.settings(binary: "hex") }
    public var abilities: Abilities { .files }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session {
        let files = CSVFiles(options: try FileOptions(endpoint.settings), format: try CSVFormat(endpoint))
        return try FilesSession(endpoint, format: files, interrupt: interrupt)
    }
}

extension Abilities {
    /// Files take any columns, know no keys and run no statements.
    static var files: Abilities {
        var abilities = Abilities()
        abilities.modes = [.replace, .truncate, .append]
        abilities.sql = false
        abilities.declaresTables = false
        return abilities
    }
}
