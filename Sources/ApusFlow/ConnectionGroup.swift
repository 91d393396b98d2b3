import ApusCore

/// Several connections that go by one name: branches, tenants, shards. In `connections.yaml` a list:
///
/// ```yaml
/// branches:
///   - { connection: head, tenant_id: hq }
///   - { connection: mysql://u:${PW}@fz/erp, tenant_id: fz }
/// ```
///
/// Keys beside `connection` are constants: columns that rows of that member get.
enum ConnectionGroup {
    struct Entry: Sendable, Hashable {
        /// A connection's name, or its URL with `${…}`.
        var text: String
        var constants: [ConnectionResolver.Member.Constant]
    }
}

extension ConnectionResolver {
    /// One of the connections that a name means.
    public struct Member: Sendable {
        public struct Constant: Sendable, Hashable {
            public var name: String
            public var value: String
            /// Written as a number, without quotes.
            public var isNumber: Bool
        }

        public var resolved: Resolved
        /// What messages call it: the connection's name.
        public var label: String
        public var constants: [Constant] = []
    }

    /// The connections that a text means: a group's members, names parted by commas, or the one connection.
    /// - throws: as ``resolve(_:)``.
    public func group(_ text: String) throws -> [Member] {
        if let entries = try groupEntries(text) {
            return try entries.map { entry in
                let resolved = try resolve(entry.text)
                return Member(resolved: resolved, label: label(resolved, entry.text), constants: entry.constants)
            }
        }
        let names = text.split(separator: ",").map { String($0).trimmingSpaces() }
        if names.count > 1, names.allSatisfy({ !$0.contains(":") }) {
            return try names.map { name in Member(resolved: try resolve(name), label: name) }
        }
        let resolved = try resolve(text)
        return [Member(resolved: resolved, label: label(resolved, text))]
    }

    private func label(_ resolved: Resolved, _ text: String) -> String {
        text.contains(":") || text.contains("$") ? resolved.connection.endpoint.label : text
    }
}

extension ConnectionReading {
    func members(_ items: [YAMLValue], of name: String, at place: Place) -> [ConnectionGroup.Entry]? {
        let before = faults.faults.count
        guard !items.isEmpty else {
            faults.add(.configurationInvalid, at: place, "the group `\(name)` has no connections")
            return nil
        }
        let entries = items.compactMap { item -> ConnectionGroup.Entry? in
            if let text = item.scalar { return ConnectionGroup.Entry(text: text, constants: []) }
            guard let map = item.map, let connection = map.first(where: { $0.key == "connection" })?.value.scalar else {
                faults.add(
                    .configurationInvalid, at: item.place, "a member of the group `\(name)` has no `connection`",
                    hint: "Write e.g. - { connection: branch_1, tenant_id: fz }.")
                return nil
            }
            let constants = map.filter { $0.key != "connection" }.compactMap { entry -> ConnectionResolver.Member.Constant? in
                guard case .scalar(let value, let isPlain) = entry.value.kind else {
                    faults.add(.configurationInvalid, at: entry.place, "the constant `\(entry.key)` is a text or a number")
                    return nil
                }
                let isNumber = isPlain && Int(value).map { String($0) == value } ?? false
                return ConnectionResolver.Member.Constant(name: entry.key, value: value, isNumber: isNumber)
            }
            return ConnectionGroup.Entry(text: connection, constants: constants)
        }
        return faults.faults.count == before ? entries : nil
    }
}
