import ApusCore

/// One reading of a job's JSON: takes values by name, collects what is wrong with them and which keys nobody asked for.
final class JobReading {
    private(set) var faults: [ApusError] = []
    private(set) var notices: [String] = []
    private(set) var ignored: [String] = []

    func fault(_ error: ApusError) { if !faults.contains(error) { faults.append(error) } }
    func fault(_ code: ApusError.Code, _ message: String, hint: String? = nil) { fault(ApusError(code, message, hint: hint)) }
    func fault(_ message: String, hint: String? = nil) { fault(.configurationInvalid, message, hint: hint) }
    func notice(_ text: String) { if !notices.contains(text) { notices.append(text) } }
    func ignore(_ path: String) { if !ignored.contains(path) { ignored.append(path) } }

    /// All faults as one error; nil when there are none.
    var error: ApusError? {
        guard let first = faults.first else { return nil }
        guard faults.count > 1 else { return first }
        let lines = faults.map { "  " + $0.message + ($0.hint.map { ". " + $0 } ?? "") }
        return ApusError(
            faults.allSatisfy { $0.code == first.code } ? first.code : .configurationInvalid,
            "the job has \(faults.count) mistakes:\n" + lines.joined(separator: "\n"))
    }

    // MARK: - Values

    /// A text that is used: an open `${x}` in it is an error, because nothing can understand it later on.
    func used(_ text: String, _ key: String) -> String {
        for name in JobParameters.open(in: text) {
            fault(
                .unsetVariable, "`\(key)` holds `${\(name)}`, which has no value", hint: "Give it one: -p \"-D\(name)=…\".")
        }
        if ["where", "querySql", "preSql", "postSql", "table", "column", "path", "fileName"].contains(where: { key.hasSuffix(".\($0)") }) {
            for name in JobParameters.bare(in: text) {
                notice(
                    "`\(key)` holds `$\(name)`, which has no value and stays as it stands; `${\(name)}` is a parameter that must be given")
            }
        }
        return text
    }

    func text(_ value: JobValue?, _ key: String) -> String? {
        guard let value else { return nil }
        guard let text = value.text else {
            fault("`\(key)` should be a string, and is \(value.what)")
            return nil
        }
        return used(text, key)
    }

    /// A list of texts; one text stands for a list of it.
    func texts(_ value: JobValue?, _ key: String) -> [String]? {
        guard let value else { return nil }
        guard let texts = value.texts else {
            fault("`\(key)` should be a list of strings, and is \(value.elements == nil ? value.what : "a list of something else")")
            return nil
        }
        return texts.map { used($0, key) }
    }

    func integer(_ value: JobValue?, _ key: String) -> Int? {
        guard let value else { return nil }
        let text = value.text.map { $0.trimmingSpaces() }
        if text == "" { return nil }
        if let text, let number = Int(text) ?? Double(text).flatMap({ abs($0) < 9e15 && $0 == $0.rounded() ? Int($0) : nil }) {
            return number
        }
        fault("`\(key)` should be a whole number\(text.map { ", and `\($0.prefix(40))` is none" } ?? ", and is \(value.what)")")
        return nil
    }

    func number(_ value: JobValue?, _ key: String) -> Double? {
        guard let value else { return nil }
        let text = value.text.map { $0.trimmingSpaces() }
        if text == "" { return nil }
        if let text, let number = Double(text), number.isFinite { return number }
        fault("`\(key)` should be a number\(text.map { ", and `\($0.prefix(40))` is none" } ?? ", and is \(value.what)")")
        return nil
    }

    func boolean(_ value: JobValue?, _ key: String) -> Bool? {
        guard let value else { return nil }
        switch value.text?.trimmingSpaces().lowercased() {
        case "true", "1", "yes": return true
        case "false", "0", "no": return false
        case "": return nil
        default:
            fault("`\(key)` should be true or false")
            return nil
        }
    }

    /// Tells keys that nobody asks for; where one is close to a known one, as a probable mistake.
    func check(_ value: JobValue?, _ known: [String], ignored accepted: [String] = [], in what: String) {
        for name in value?.members?.map(\.name) ?? [] where !known.contains(name) {
            if name.hasPrefix("*") {
                fault(
                    .unsupported, "`\(name)` of \(what) is encrypted with a key of DataX's `secret.properties`, which Apus does not read",
                    hint: "Write `\(name.dropFirst())` with the plain value, or with a parameter: \"${password}\" and -p \"-Dpassword=…\".")
            } else if accepted.contains(name) {
                ignore("\(what).\(name)")
            } else if let near = Nearest.name(to: name, among: known) {
                notice("\(what): the key `\(name)` is not known and left out. Did you mean `\(near)`?")
            } else {
                ignore("\(what).\(name)")
            }
        }
    }
}
