import ApusCore
import FoundationEssentials

/// Records of named fields in a file that people review: YAML with lists under names, or CSV with a line of titles.
///
/// Every value is a text as it is written; nil is nothing.
public struct RecordFile: Sendable {
    public struct Record: Sendable {
        public var fields: [(name: String, value: String?)]
        /// `tables.yaml:7:3`.
        public var place: String

        public init(_ fields: [(name: String, value: String?)], place: String = "") {
            self.fields = fields
            self.place = place
        }
    }

    /// In the order of the file; a CSV file has one list, without a name.
    public var lists: [(name: String, records: [Record])]

    public init(_ lists: [(name: String, records: [Record])]) { self.lists = lists }

    // MARK: Reading

    /// - parameter path: ends with `.csv`, or is YAML.
    /// - parameter known: names of the lists and the fields that each may have; a CSV file has the fields of the first.
    /// - throws: `config.*` with every mistake, each with its place.
    public static func read(_ path: String, known: [(list: String, fields: [String])]) throws -> RecordFile {
        let bytes: [UInt8]
        do { bytes = try Variables.read(path) } catch {
            throw ApusError(.configurationInvalid, "\(path) cannot be read", hint: "See that the file is there and readable.")
        }
        if path.lowercased().hasSuffix(".csv") { return try readCSV(bytes, path, known[0].fields) }
        let (value, faults) = YAMLText.value(bytes, file: path)
        var reading = Reading(known: known, path: path, faults: faults)
        let lists = value.map { reading.lists($0) } ?? []
        if !reading.faults.isEmpty { throw reading.faults.error }
        return RecordFile(lists)
    }

    private struct Reading {
        let known: [(list: String, fields: [String])]
        let path: String
        var faults: ConfigurationFaults

        mutating func lists(_ value: YAMLValue) -> [(name: String, records: [Record])] {
            if value.isNull { return [] }
            guard let map = value.map else {
                faults.add(
                    .configurationInvalid, at: value.place, "here are lists under names, not \(value.what)",
                    hint: "Write \(known.map { "\($0.list):" }.joined(separator: " and ")), each with a list behind it.")
                return []
            }
            var lists: [(name: String, records: [Record])] = []
            for entry in map {
                guard let fields = known.first(where: { $0.list == entry.key })?.fields else {
                    faults.add(
                        .unknownKey, at: entry.place, "unknown key `\(entry.key)`",
                        hint: Nearest.hint(for: entry.key, among: known.map(\.list)))
                    continue
                }
                guard let items = entry.value.list else {
                    if !entry.value.isNull {
                        faults.add(.configurationInvalid, at: entry.value.place, "`\(entry.key)` is a list, not \(entry.value.what)")
                    }
                    continue
                }
                lists.append((entry.key, items.compactMap { record($0, fields) }))
            }
            return lists
        }

        private mutating func record(_ value: YAMLValue, _ known: [String]) -> Record? {
            guard let map = value.map else {
                faults.add(.configurationInvalid, at: value.place, "a record is a mapping of fields, not \(value.what)")
                return nil
            }
            var fields: [(name: String, value: String?)] = []
            for entry in map {
                guard known.contains(entry.key) else {
                    faults.add(
                        .unknownKey, at: entry.place, "unknown field `\(entry.key)`", hint: Nearest.hint(for: entry.key, among: known))
                    continue
                }
                guard entry.value.isNull || entry.value.scalar != nil else {
                    faults.add(
                        .configurationInvalid, at: entry.value.place, "`\(entry.key)` is a text or a number, not \(entry.value.what)")
                    continue
                }
                fields.append((entry.key, entry.value.scalar))
            }
            return Record(fields, place: "\(path):\(value.place.line):\(value.place.column)")
        }
    }

    /// RFC 4180; an empty field without quotes is nothing.
    private static func readCSV(_ bytes: [UInt8], _ path: String, _ known: [String]) throws -> RecordFile {
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        guard let text = String(validating: body, as: UTF8.self) else {
            throw ApusError(.configurationInvalid, "\(path) is not UTF-8", hint: "Save it as UTF-8; it may be GBK.")
        }
        var lines = try csvLines(text, path)[...]
        guard let head = lines.popFirst() else { return RecordFile([]) }
        let names = head.fields.map { $0 ?? "" }
        for name in names where !known.contains(name) {
            throw ApusError(
                .unknownKey, "\(path):1: unknown field `\(name)`", hint: Nearest.hint(for: name, among: known))
        }
        return RecordFile([
            (
                "",
                try lines.map { line in
                    guard line.fields.count == names.count else {
                        throw ApusError(
                            .configurationInvalid,
                            "\(path):\(line.number): \(line.fields.count) fields, but the first line names \(names.count)")
                    }
                    return Record(Array(zip(names, line.fields)), place: "\(path):\(line.number)")
                }
            )
        ])
    }

    private static func csvLines(_ text: String, _ path: String) throws -> [(fields: [String?], number: Int)] {
        var lines: [(fields: [String?], number: Int)] = []
        var fields: [String?] = []
        var field = ""
        var isQuoted = false, wasQuoted = false
        var number = 1, start = 1
        func ended() -> String? { field.isEmpty && !wasQuoted ? nil : field }
        var characters = Array(text)[...]
        while let character = characters.popFirst() {
            if character.isNewline { number += 1 }
            if isQuoted {
                if character == "\"", characters.first == "\"" {
                    characters.removeFirst()
                    field.append(character)
                } else if character == "\"" {
                    isQuoted = false
                } else {
                    field.append(character)
                }
            } else if character == "\"", field.isEmpty, !wasQuoted {
                isQuoted = true
                wasQuoted = true
            } else if character == "," || character.isNewline {
                fields.append(ended())
                field = ""
                wasQuoted = false
                if character.isNewline {
                    if fields != [nil] { lines.append((fields, start)) }
                    fields = []
                    start = number
                }
            } else {
                field.append(character)
            }
        }
        if isQuoted { throw ApusError(.configurationInvalid, "\(path):\(start): a quote is not closed") }
        if !fields.isEmpty || ended() != nil { lines.append((fields + [ended()], start)) }
        return lines
    }

    // MARK: Writing

    public var yaml: String {
        var text = ""
        for list in lists {
            text += (text.isEmpty ? "" : "\n") + "\(list.name):" + (list.records.isEmpty ? " []" : "") + "\n"
            for record in list.records {
                var mark = "- "
                for field in record.fields {
                    text += "  \(mark)\(field.name):" + (field.value.map { " " + Self.scalar($0) } ?? "") + "\n"
                    mark = "  "
                }
            }
        }
        return text
    }

    /// The first list.
    public var csv: String {
        guard let records = lists.first?.records, let first = records.first else { return "" }
        func line(_ fields: [String?]) -> String {
            fields.map { value in
                guard let value else { return "" }
                let isPlain = !value.isEmpty && !value.contains { "\",".contains($0) || $0.isNewline }
                return isPlain ? value : "\"" + value.replacing("\"", with: "\"\"") + "\""
            }.joined(separator: ",") + "\n"
        }
        return line(first.fields.map(\.name)) + records.map { line($0.fields.map(\.value)) }.joined()
    }

    /// A plain scalar where YAML cannot misread it, else one in double quotes (YAML 1.2, 7.3.1).
    private static func scalar(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "/" || $0 == "(" } == true
            && !text.contains { $0.isNewline || "\t\"\\".contains($0) } && !text.contains(": ") && !text.contains(" #") && text.last != " "
            && text.last != ":" && !text.unicodeScalars.contains { $0.value < 32 || $0.value == 127 }
            && !["null", "true", "false", "yes", "no", "on", "off"].contains(text.lowercased())
        return isPlain ? text : YAMLText.quoted(text)
    }
}
