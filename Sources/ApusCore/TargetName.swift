import Tabular

/// The name that a table gets in the target: `{table}` and `{schema}` stand for the source's own, as in
/// `ods.ods_{table}`. The first dot outside quotes parts schema and name.
public struct TargetName: Hashable, Sendable {
    public let text: String
    private let schema: String?
    private let name: String

    /// - throws: `config.invalid` for an empty part, an open quote, a wildcard or an unknown `{word}`.
    public init(_ text: String) throws {
        self.text = text
        var parts = [""]
        var quote: Character?
        var rest = text[...]
        while let character = rest.popFirst() {
            if let open = quote {
                if character == open, rest.first == open {
                    // Doubled, it stands for itself.
                    rest.removeFirst()
                    parts[parts.count - 1].append(character)
                } else if character == open {
                    quote = nil
                } else {
                    parts[parts.count - 1].append(character)
                }
            } else if character == "\"" || character == "`" {
                quote = character
            } else if character == ".", parts.count == 1 {
                parts.append("")
            } else if character == "*" || character == "?" {
                throw Self.fault(text, "it holds a wildcard")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        if quote != nil { throw Self.fault(text, "a quote is not closed") }
        if parts.contains("") { throw Self.fault(text, "a part of it is empty") }
        for part in parts {
            var rest = part[...]
            while let open = rest.firstIndex(of: "{") {
                guard let close = rest[open...].firstIndex(of: "}") else { throw Self.fault(text, "a `{` is not closed") }
                let word = String(rest[rest.index(after: open)..<close])
                guard ["table", "schema"].contains(word) else { throw Self.fault(text, "`{\(word)}` is not known") }
                rest = rest[rest.index(after: close)...]
            }
        }
        schema = parts.count == 2 ? parts[0] : nil
        name = parts[parts.count - 1]
    }

    /// Whether every table gets the same name.
    public var isFixed: Bool { !text.contains("{table}") }

    /// - parameter own: what `{schema}` is for a table without one, and then nothing is left out.
    /// - throws: `config.invalid` when `{schema}` has nothing to stand for.
    public func fill(_ table: TableName, own: String? = nil) throws -> TableName {
        let schemaName = table.schema ?? own
        if text.contains("{schema}"), schemaName == nil {
            throw ApusError(
                .configurationInvalid, "the target name `\(text)` asks for the schema of \(table), which has none",
                hint: "Leave {schema} out or write a name in its place.")
        }
        func filled(_ part: String) -> String {
            // In one pass, so that a table named `{schema}` stays what it is.
            var out = ""
            var rest = part[...]
            while let open = rest.firstIndex(of: "{") {
                out += rest[..<open]
                rest = rest[open...]
                let isTable = rest.hasPrefix("{table}")
                out += isTable ? table.name : schemaName ?? ""
                rest = rest.dropFirst(isTable ? 7 : 8)
            }
            return out + rest
        }
        return TableName(schema: schema.map(filled), filled(name))
    }

    private static func fault(_ text: String, _ what: String) -> ApusError {
        ApusError(
            .configurationInvalid, "`\(text)` is no target table: \(what)",
            hint: "Write a name such as ods.ods_{table}; {table} and {schema} stand for the source's own.")
    }
}
