import ApusCore
import Yams

/// The bytes of a YAML file, checked, and composed by Yams.
enum YAMLText {
    /// Octets of a file.
    static let limit = 4 << 20
    /// Keys that stood twice are overwritten with these, so that the rest of the file is checked too.
    static let placeholders: ClosedRange<Unicode.Scalar> = "\u{E000}"..."\u{E3FF}"

    /// The value of the one document, or nil with faults. An empty file is an empty mapping.
    static func value(_ bytes: [UInt8], file: String) -> (value: YAMLValue?, faults: ConfigurationFaults) {
        guard bytes.count <= limit else {
            return fault("", file, .start, "this file has \(bytes.count) octets; the limit is \(limit)")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            return fault("", file, .start, "this file is UTF-16", hint: "Save it as UTF-8.")
        }
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        guard let text = String(validating: body, as: UTF8.self) else { return notUTF8(body, file) }
        return value(text, SourceText(text, file: file))
    }

    private static func value(_ text: String, _ source: SourceText) -> (value: YAMLValue?, faults: ConfigurationFaults) {
        var faults = ConfigurationFaults(source)
        if let place = firstControl(source) {
            faults.add(.configurationInvalid, at: place, "a control character stands here, which YAML forbids")
            return (nil, faults)
        }
        if bomb(source) {
            faults.add(.configurationInvalid, at: .start, "this file has too many anchors and aliases within each other")
            return (nil, faults)
        }
        var text = text
        for _ in 0..<200 {
            do {
                guard let node = try compose(yaml: text, .basic, .default, .utf8) else {
                    return (YAMLValue(kind: .null, place: .start), faults)
                }
                var converter = YAMLConverter(faults)
                let value = converter.convert(node)
                return (value, converter.faults)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let first = Place(line: context.mark.line, column: context.mark.column)
                guard let repaired = overwrite(keys.sorted().first ?? "", after: first, text, &faults) else {
                    return (nil, faults)
                }
                text = repaired
            } catch let error as YamlError {
                add(error, &faults)
                return (nil, faults)
            } catch {
                faults.add(.configurationInvalid, at: .start, "this is no YAML")
                return (nil, faults)
            }
        }
        return (nil, faults)
    }

    private static func fault(
        _ text: String, _ file: String, _ place: Place, _ message: String, hint: String? = nil
    ) -> (value: YAMLValue?, faults: ConfigurationFaults) {
        var faults = ConfigurationFaults(SourceText(text, file: file))
        faults.add(.configurationInvalid, at: place, message, hint: hint)
        return (nil, faults)
    }

    private static func notUTF8(_ bytes: ArraySlice<UInt8>, _ file: String) -> (value: YAMLValue?, faults: ConfigurationFaults) {
        var place = Place.start
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated()
        where String(validating: line, as: UTF8.self) == nil {
            let good = String(decoding: line, as: UTF8.self).unicodeScalars.prefix { $0 != "\u{FFFD}" }.count
            place = Place(line: index + 1, column: good + 1)
            break
        }
        return fault(
            String(decoding: bytes, as: UTF8.self), file, place, "the text is not UTF-8 from here on",
            hint: "Save the file as UTF-8; it may be GBK or Latin-1.")
    }

    /// What libyaml's reader refuses ("Character Set", YAML 1.1 §5.1).
    private static func firstControl(_ source: SourceText) -> Place? {
        for (index, line) in source.lines.enumerated() {
            for (column, scalar) in line.unicodeScalars.enumerated() {
                switch scalar.value {
                case 0x09, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE400...0xFEFE, 0xFF00...0xFFFD, 0x10000...0x10FFFF:
                    continue
                default: return Place(line: index + 1, column: column + 1)
                }
            }
        }
        return nil
    }

    /// Whether aliases could be nested so that a *key* made of them takes forever to compare: Yams hashes keys before
    /// anything can be counted. Only files whose keys may be more than text are held to this.
    private static func bomb(_ source: SourceText) -> Bool {
        var anchors = 0, aliases = 0, hasComplexKey = false
        for line in source.lines {
            var before: Unicode.Scalar = " "
            var last: Unicode.Scalar = " "
            var isAliasAhead = false
            for scalar in line.unicodeScalars {
                let startsToken = [" ", "\t", "[", "{", ",", ":", "-", "?"].contains(before)
                if scalar == "&", startsToken { anchors += 1 }
                if scalar == "*", startsToken {
                    aliases += 1
                    isAliasAhead = true
                }
                if scalar == ":", last == "]" || last == "}" || (isAliasAhead && before == " ") { hasComplexKey = true }
                if scalar == "?", startsToken { hasComplexKey = true }
                before = scalar
                if scalar != " " { last = scalar }
            }
        }
        guard hasComplexKey, anchors > 1 else { return false }
        var size = 1.0
        let depth = Double(anchors)
        for _ in 0..<min(anchors, 64) { size *= max(Double(aliases) / depth, 1) + 1 }
        return size > 1e5
    }

    /// Takes the second of two equal keys out of the way and says where it stands.
    private static func overwrite(
        _ key: String, after first: Place, _ text: String, _ faults: inout ConfigurationFaults
    ) -> String? {
        let source = SourceText(text, file: "")
        let hint = key == "<<" ? "Write <<: [*one, *two]." : nil
        var message = "`\(key)` stands twice in one mapping"
        guard !key.isEmpty, let second = repeated(key, after: first, source) else {
            faults.add(.configurationInvalid, at: first, message, hint: hint)
            return nil
        }
        message += ", first in line \(first.line)"
        faults.add(.configurationInvalid, at: second, message, hint: hint)
        var lines = source.lines.map { Array($0.unicodeScalars) }
        guard let mask = Unicode.Scalar(placeholders.lowerBound.value + UInt32(faults.faults.count)) else { return nil }
        for column in 0..<key.unicodeScalars.count { lines[second.line - 1][second.column - 1 + column] = mask }
        return lines.map { line in
            var view = String.UnicodeScalarView()
            view.append(contentsOf: line)
            return String(view)
        }.joined(separator: "\n")
    }

    /// The next place where the key stands as a key: on the same line in a flow mapping, else at the same column.
    private static func repeated(_ key: String, after first: Place, _ source: SourceText) -> Place? {
        func isKey(_ line: [Unicode.Scalar], at column: Int) -> Bool {
            let end = column + key.unicodeScalars.count
            guard end <= line.count, line[column..<end].elementsEqual(key.unicodeScalars) else { return false }
            let rest = line[end...].drop { $0 == " " || $0 == "\"" || $0 == "'" }
            return rest.first == ":"
        }
        guard let line = source.line(first.line).map({ Array($0.unicodeScalars) }) else { return nil }
        for column in stride(from: first.column - 1 + key.unicodeScalars.count, to: line.count, by: 1)
        where column > 0 && [" ", ",", "{", "\"", "'"].contains(line[column - 1]) && isKey(line, at: column) {
            return Place(line: first.line, column: column + 1)
        }
        for (index, line) in source.lines.enumerated().dropFirst(first.line) {
            let scalars = Array(line.unicodeScalars)
            guard let start = scalars.firstIndex(where: { $0 != " " }), scalars[start] != "#" else { continue }
            if start + 1 < first.column { return nil }
            guard start + 1 == first.column else { continue }
            let column = isQuoted(scalars, start) ? start + 1 : start
            if isKey(scalars, at: column) { return Place(line: index + 1, column: column + 1) }
        }
        return nil
    }

    private static func isQuoted(_ line: [Unicode.Scalar], _ column: Int) -> Bool {
        line[column] == "\"" || line[column] == "'"
    }

    private static func add(_ error: YamlError, _ faults: inout ConfigurationFaults) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = Place(line: mark.line, column: mark.column)
            let line = faults.source.line(mark.line) ?? ""
            let isTab = line.unicodeScalars.prefix { $0 == " " || $0 == "\t" }.contains("\t")
            var hint: String?
            var message = "this is no valid YAML: \(problem)"
            if isTab || (problem.contains("cannot start any token") && line.contains("\t")) {
                hint = "YAML is indented with spaces, never with tabs."
            } else if problem.contains("another document") {
                message = "a second document begins here; a file holds one"
                hint = "Take the line `---` out."
            } else if problem.contains("mapping values") {
                hint = "A value with `: ` in it must stand in quotes."
            } else if problem.contains("undefined alias") {
                hint = "A value that begins with `*` must stand in quotes, as in \"*\"."
            } else if problem.contains("cannot start any token") {
                hint = "A value that begins with @, `, % or , must stand in quotes."
            } else if let context, context.mark.line != mark.line {
                hint = "It began in line \(context.mark.line)."
            }
            faults.add(.configurationInvalid, at: place, message, hint: hint)
        case .memory:
            faults.add(.configurationInvalid, at: .start, "this is nested too deeply")
        default:
            faults.add(.configurationInvalid, at: .start, "this is no YAML")
        }
    }
}
