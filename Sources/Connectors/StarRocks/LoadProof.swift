import ApusCore
import Synchronization
import Tabular

/// What a trial has shown: whether a form of load comes back as it was sent, by kind of type.
struct LoadProof {
    /// The requests that the loads of a connection are made of.
    enum Interface: String, Sendable {
        case streamLoad = "stream_load", transaction, both = "stream_load+transaction"

        init(_ session: StarRocksSession) {
            self =
                switch session.options.interface {
                case .auto: .both
                case .streamLoad: session.profile.isDoris ? .both : .streamLoad
                case .transaction: .transaction
                }
        }

        var parts: [Interface] { self == .both ? [.streamLoad, .transaction] : [self] }
    }

    /// What differed first, by the kind of a column's type; empty = nothing.
    var differences: [String: String] = [:]
    /// The server has said nothing of its own state that may pass.
    var isCertain = true

    /// What differed of the types that a target has.
    func difference(for target: LoadTarget) -> String? {
        for item in target.items { if let found = differences[Self.group(item)] { return found } }
        return nil
    }

    /// The kind of a type, all of which are read by one converter.
    static func group(_ item: LoadTarget.Item) -> String {
        if item.nested != nil { return String(item.native.prefix { $0.isLetter }) }
        switch item.type {
        case .text, .uuid, .bits, .array, .other: return item.native == "bitmap" ? "bitmap" : "text"
        case .bytes: return "varbinary"
        default: return String(item.native.prefix { $0.isLetter })
        }
    }

    var text: String {
        var text = ByteBuffer()
        text.append(UInt8(ascii: "{"))
        for (index, pair) in differences.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            for (place, part) in [pair.key, pair.value].enumerated() {
                if place > 0 { text.append(UInt8(ascii: ":")) }
                var part = part
                part.withUTF8 { LoadEncoder.appendString($0, &text) }
            }
        }
        text.append(UInt8(ascii: "}"))
        return text.string
    }

    init() {}

    init?(_ text: String) {
        guard let members = RowJSON.parse(text) else { return nil }
        for member in members { differences[member.name] = member.value ?? "" }
    }
}

/// Proofs that this process knows of, so that one is made once, whatever the number of channels.
private enum Proofs {
    static let known = Mutex<[String: LoadProof]>([:])
    static let versions = Mutex<[String: String]>([:])
    static let making = Monitor()
}

extension StarRocksSession {
    /// Raised when the trial or what is written changes.
    private static let revision = "1"

    /// Whether the servers read a form as it is written: remembered by this process, or beside the targets, or tried now.
    func proof(_ kind: LoadForm.Kind, _ interface: LoadProof.Interface, beside table: TableName) throws -> LoadProof {
        guard options.probes else { return LoadProof() }
        let cluster = (options.sql + options.http).map { "\($0.name):\($0.port ?? 0)" }.joined(separator: ",")
        let way =
            "\(kind) \(interface.rawValue) \(options.compression.rawValue) \(options.isStrict ? "strict" : "lax") \(Self.revision)"
        let short = "\(cluster) \(profile.text) \(way)"
        if let found = Proofs.known.withLock({ $0[short] }) { return found }
        return try Proofs.making.locked {
            if let found = Proofs.known.withLock({ $0[short] }) { return found }
            let name = "\(profile.origin) \(try serverVersions(cluster)), \(way)"
            var proof = try savedProof(name, beside: table)
            if proof == nil {
                proof = try LoadProbe(self, kind, interface, beside: table).run()
                if proof!.isCertain { try saveProof(proof!, name, beside: table) }
            }
            Proofs.known.withLock { $0[short] = proof }
            return proof!
        }
    }

    /// The FE's version and those of all BEs, where the user may see them: during an upgrade they differ.
    private func serverVersions(_ cluster: String) throws -> String {
        if let known = Proofs.versions.withLock({ $0[cluster] }) { return known }
        var versions = "FE \(profile.text)"
        if let found = try? table("SHOW BACKENDS", doing: "ask for the BEs' versions"), let place = found.names.firstIndex(of: "Version") {
            versions += ", BE " + Set(found.rows.compactMap { $0[place] }).sorted().joined(separator: " ")
        }
        Proofs.versions.withLock { $0[cluster] = versions }
        return versions
    }

    private func proofTable(_ table: TableName) -> String { dialect.quote(TableName(schema: table.schema, Checkpoint.tableName)) }

    private func savedProof(_ name: String, beside table: TableName) throws -> LoadProof? {
        do {
            let found = try rows(
                "SELECT mark_value FROM \(proofTable(table)) WHERE checkpoint_key = \(dialect.literal(FlowKey.text(name)))",
                doing: "look whether a load has been tried on this server")
            return found.first?[0].flatMap { LoadProof($0) }
        } catch let error as ApusError where error.code == .notFound || error.code == .statement { return nil }
    }

    /// One row, in the table that keeps checkpoints, so that every machine and process sees it.
    private func saveProof(_ proof: LoadProof, _ name: String, beside table: TableName) throws {
        let own = CheckpointTable(proofTable(table), target: "", dialect)
        try createOwnTable(
            "\(own.name) (\(own.columnsSQL(key: "varchar(32)", text: profile.isDoris ? "string" : "varchar(1048576)", time: "datetime")))",
            key: "checkpoint_key", comment: "how far incremental loads of Apus have come",
            doing: "make the table that keeps what trials have shown")
        let sql = """
            INSERT INTO \(own.name) (checkpoint_key, target_name, flow_name, mark_value, filter_text, column_list, key_list, held_rows, saved_at) \
            VALUES (\(dialect.literal(FlowKey.text(name))), '', \(dialect.literal(name)), \(dialect.literal(proof.text)), '', '', '', 0, now())
            """
        try journaling { try run(sql, doing: "remember what a trial has shown") }
    }
}
