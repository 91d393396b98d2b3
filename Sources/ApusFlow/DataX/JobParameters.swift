import ApusCore

/// The `-D` parameters of a job, and what they stand for in its text.
public struct JobParameters: Hashable, Sendable {
    public private(set) var values: [String: String] = [:]
    /// For the user to read.
    public private(set) var notices: [String] = []

    public init() {}

    /// Values that are put into JSON strings: what ends or breaks a string is escaped, so that no value breaks out.
    public init(escaping values: [String: String]) {
        self.values = values.mapValues { value in
            value.unicodeScalars.map { scalar in
                switch scalar {
                case "\"": return "\\\""
                case "\\": return "\\\\"
                case "\n": return "\\n"
                case "\r": return "\\r"
                case "\t": return "\\t"
                case _ where scalar.value < 32:
                    let digits = String(scalar.value, radix: 16)
                    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: return String(scalar)
                }
            }.joined()
        }
    }

    /// - parameter jvm: `--jvm`: its `-D` words are parameters too, as they are to a JVM.
    /// - parameter params: `-p`.
    /// - throws: `config.usage` for a quote that is not closed.
    public init(jvm: String? = nil, params: String? = nil) throws {
        for (text, isJVM) in [(jvm, true), (params, false)] {
            guard let text else { continue }
            for word in try ShellWords(text).words { take(word, isJVM: isJVM) }
        }
    }

    /// Stands `{{ name }}` for every `${name}` of a job, for a flow file.
    static func placeholders(in bytes: [UInt8]) -> JobParameters {
        var parameters = JobParameters()
        for name in open(in: String(decoding: bytes, as: UTF8.self)) {
            // `day` and `now` are dates in a flow file, in a job they are whatever is given.
            let plain = name.replacing(".", with: "_")
            parameters.values[name] = "{{ \(["day", "now"].contains(plain) ? "job_" : "")\(plain) }}"
        }
        return parameters
    }

    private mutating func take(_ word: ShellWords.Word, isJVM: Bool) {
        guard word.text.hasPrefix("-D"), word.text.count > 2 else {
            if !isJVM, !word.text.hasPrefix("-X") {
                notices.append("-p: a word that does not begin with -D is left out")
            }
            return
        }
        let parts = word.text.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        values[name] = parts.count == 2 ? String(parts[1]) : ""
        if word.hasQuotedParts {
            notices.append(
                "-p: quotes within the value of `\(name)` ended the quoting and are not part of it; write `'\\''` for a quote within '…'")
        }
    }

    /// Puts values in the place of `${name}` and `$name`, in one pass, so that no value and no longer name is touched.
    ///
    /// A name is letters, digits and `_`; between braces it may have dots. What has no value stays as it is.
    public func fill(_ text: String) -> String {
        guard !values.isEmpty, text.contains("$") else { return text }
        var out: [UInt8] = []
        let bytes = Array(text.utf8)
        var position = 0
        // Beyond the limit of a job, which is refused then, nothing more is made.
        while position < bytes.count, out.count <= DataXJobReader.sizeLimit {
            guard bytes[position] == UInt8(ascii: "$"), let (name, end) = name(bytes, at: position + 1), let value = values[name]
            else {
                out.append(bytes[position])
                position += 1
                continue
            }
            out += Array(value.utf8)
            position = end
        }
        return String(decoding: out, as: UTF8.self)
    }

    private func name(_ bytes: [UInt8], at start: Int) -> (name: String, end: Int)? {
        func isWord(_ byte: UInt8) -> Bool {
            (byte >= 48 && byte <= 57) || (byte | 32 >= 97 && byte | 32 <= 122) || byte == UInt8(ascii: "_")
        }
        func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        guard start < bytes.count else { return nil }
        let isBraced = bytes[start] == UInt8(ascii: "{")
        let first = isBraced ? start + 1 : start
        var end = first
        while end < bytes.count, isWord(bytes[end]) || (isBraced && bytes[end] == UInt8(ascii: ".")) { end += 1 }
        if isBraced {
            guard end > first, end < bytes.count, bytes[end] == UInt8(ascii: "}") else { return nil }
            return (text(first..<end), end + 1)
        }
        return end > first ? (text(first..<end), end) : nil
    }

    /// The `$name` without braces that stand in a text, each once; not the quotes of PostgreSQL (`$body$`).
    static func bare(in text: String) -> [String] {
        var names: [String] = []
        var parts = text.split(separator: "$", omittingEmptySubsequences: false).dropFirst()[...]
        while let part = parts.popFirst() {
            let name = String(part.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            if name == part, !parts.isEmpty {
                // `$tag$`, and what it ends with.
                while let next = parts.popFirst(), next != part {}
                _ = parts.popFirst()
                continue
            }
            if let first = name.first, first.isLetter || first == "_", !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// The `${name}` that stand in a text, each once.
    static func open(in text: String) -> [String] {
        var names: [String] = []
        for part in text.split(separator: "$", omittingEmptySubsequences: false).dropFirst() where part.first == "{" {
            let rest = part.dropFirst()
            let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
            if !name.isEmpty, rest[name.endIndex...].first == "}", !names.contains(String(name)) { names.append(String(name)) }
        }
        return names
    }
}
