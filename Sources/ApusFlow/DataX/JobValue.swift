import ApusCore

/// A value of a job file: JSON, of which numbers keep the text they were written in.
enum JobValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    case number(String)
    case string(String)
    case list([JobValue])
    case object([Member])

    struct Member: Hashable, Sendable {
        var name: String
        var value: JobValue
    }

    /// The member of that name, the last one where it stands twice; nil also for one that is `null`.
    subscript(name: String) -> JobValue? {
        guard case .object(let members) = self, let found = members.last(where: { $0.name == name })?.value, found != .null
        else { return nil }
        return found
    }

    /// `job.setting.speed.channel`: each part is a member, or the whole rest is one, as in `{"core.transport.…": 1}`.
    subscript(path path: String) -> JobValue? {
        if let found = self[path] { return found }
        guard let dot = path.firstIndex(of: ".") else { return nil }
        return self[String(path[..<dot])]?[path: String(path[path.index(after: dot)...])]
    }

    /// The text of a string, number or boolean: DataX takes each for the other.
    var text: String? {
        switch self {
        case .boolean(let value): value ? "true" : "false"
        case .number(let text), .string(let text): text
        case .null, .list, .object: nil
        }
    }

    var elements: [JobValue]? { if case .list(let elements) = self { elements } else { nil } }
    var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    /// The texts of a list, or the one text that stands where a list could.
    var texts: [String]? {
        if let text { return [text] }
        guard let elements else { return nil }
        let texts = elements.compactMap(\.text)
        return texts.count == elements.count ? texts : nil
    }

    /// What it is, for messages.
    var what: String {
        switch self {
        case .null: "null"
        case .boolean: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .list: "a list"
        case .object: "an object"
        }
    }

    /// Every object's member, however deep, as `job.setting.speed` and its value; elements of lists are passed over.
    func paths(_ prefix: String = "") -> [(path: String, value: JobValue)] {
        guard let members else { return [] }
        return members.flatMap { member -> [(path: String, value: JobValue)] in
            let path = prefix.isEmpty ? member.name : "\(prefix).\(member.name)"
            let inner = member.value.paths(path)
            return inner.isEmpty ? [(path, member.value)] : inner
        }
    }
}
