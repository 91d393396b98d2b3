import ApusCore
import Tabular

/// A trial of a form of load: rows with every difficult value are loaded into a table of their own, by the encoder,
/// headers and interfaces of real loads, and read back over the SQL port.
final class LoadProbe {
    private let session: StarRocksSession
    private let kind: LoadForm.Kind
    private let interface: LoadProof.Interface
    private let table: TableName
    private let columns: [ProbeColumn]
    /// Loads more than the servers read at once, so that reads end within rows.
    private let isThorough: Bool
    private var nextID = 0

    init(
        _ session: StarRocksSession, _ kind: LoadForm.Kind, _ interface: LoadProof.Interface, beside table: TableName,
        isThorough: Bool = false
    ) {
        self.session = session
        self.kind = kind
        self.interface = interface
        self.isThorough = isThorough
        self.table = TableName(schema: table.schema, "apus_probe_" + String(UInt64.random(in: .min ... .max), radix: 36))
        columns = ProbeColumn.all(session.profile, kind)
    }

    func run() throws -> LoadProof {
        defer {
            _ = try? session.run("DROP TABLE IF EXISTS \(session.dialect.quote(table)) FORCE", doing: "drop the table of a trial")
        }
        try create()
        var proof = LoadProof()
        for part in interface.parts {
            if kind != .cast, proof.differences["text"] == nil, let difference = try texts(part) { proof.differences["text"] = difference }
            // All at once; where that fails, one after another, to find which.
            let plain = columns.filter { !$0.isMapped && proof.differences[$0.group] == nil }
            if try typed(plain, part).isEmpty == false {
                for column in plain { if let found = try typed([column], part).first { proof.differences[column.group] = found } }
            }
            for column in columns where column.isMapped && proof.differences[column.group] == nil {
                do {
                    if let found = try typed([column], part).first { proof.differences[column.group] = found }
                } catch let error as ApusError where error.code == .transient {
                    // A type that the server's readers do not know is told in words of many kinds.
                    proof.differences[column.group] = "\(part.rawValue): \(error.underlying ?? error.message)"
                    proof.isCertain = false
                }
            }
        }
        return proof
    }

    private func create() throws {
        let names = ["a", "b", "c", "d"].map { "\($0) varchar(400) NULL" } + ["big varchar(1048576) NULL"]
        let types = columns.enumerated().map { "t\($0) \($1.native) NULL" }
        let fields = (["id int NOT NULL"] + names + types).joined(separator: ", ")
        func statement(_ replicas: Int?) -> String {
            "CREATE TABLE \(session.dialect.quote(table)) (\(fields)) DUPLICATE KEY (id) COMMENT \"a trial of Apus, to be dropped\" "
                + "DISTRIBUTED BY HASH(id) BUCKETS 1" + (replicas.map { " PROPERTIES (\"replication_num\" = \"\($0)\")" } ?? "")
        }
        let doing = "make a table of its own, to try whether loads come back as they are sent"
        let hint = "Grant CREATE TABLE, INSERT, SELECT and DROP in the target's database. `probe=off` loads without the trial."
        do { try session.run(statement(session.options.replicas), doing: doing, hint: hint) } catch let error as ApusError
            where session.options.replicas == nil && (error.underlying ?? "").lowercased().contains("replica")
        {
            try session.run(statement(1), doing: doing, hint: hint)
        }
    }

    // MARK: Texts

    private func texts(_ part: LoadProof.Interface) throws -> String? {
        let items = ["a", "id", "b", "c", "big", "d"].map { name in
            name == "id"
                ? LoadTarget.Item(name: name, type: .int32, native: "int", nullable: false, limit: nil)
                : LoadTarget.Item(
                    name: name, type: .text, native: name == "big" ? "varchar(1048576)" : "varchar(400)", nullable: true,
                    limit: name == "big" ? 1_048_576 : 400)
        }
        let list = ProbeTexts.list(carrying: kind, session.profile)
        var rows: [[String?]] = []
        let long = String(repeating: "0123456789abcdef", count: 4400)
        for index in list.indices {
            func text(_ offset: Int) -> String? { list[(index + offset) % list.count] }
            rows.append([text(0), nil, text(1), text(2), index == 3 ? long : "x", text(3)])
        }
        if isThorough { for _ in 0..<130 { rows.append(["", nil, nil, "pad", long, "\\"]) } }
        rows.append(["", nil, "", "", "", ""])
        return try compare(items, rows, part) { index, item in
            item.name == "id"
                ? "id"
                : item.name == "big"
                    ? "concat(length(`big`), ':', hex(left(`big`, 64)), ':', hex(right(`big`, 64)))" : "hex(`\(item.name)`)"
        } same: { index, sent, read in
            guard let sent, let read else { return sent == nil && read == nil }
            if items[index].name == "big" {
                return read.uppercased() == "\(sent.utf8.count):\(ProbeTexts.hex(sent.prefix(64))):\(ProbeTexts.hex(sent.suffix(64)))"
            }
            return read.uppercased() == ProbeTexts.hex(sent[...])
        }.first
    }

    // MARK: Types

    private func typed(_ columns: [ProbeColumn], _ part: LoadProof.Interface) throws -> [String] {
        guard !columns.isEmpty else { return [] }
        let places = columns.map { column in self.columns.firstIndex { $0.native == column.native }! }
        var items = [LoadTarget.Item(name: "id", type: .int32, native: "int", nullable: false, limit: nil)]
        for (place, column) in zip(places, columns) { items.append(column.item("t\(place)")) }
        let count = columns.map(\.values.count).max()!
        let rows = (0...count).map { row in [nil] + columns.map { $0.values.indices.contains(row) ? $0.values[row] : nil } }
        return try compare(items, rows, part) { index, item in
            index == 0 ? "id" : columns[index - 1].expression("`\(item.name)`")
        } same: { index, sent, read in
            columns[index - 1].isSame(sent, read)
        }
    }

    // MARK: A load and its comparison

    /// Loads rows, whose field `id` is filled in, and reads them back. What differs, first; a load that fails differs.
    private func compare(
        _ items: [LoadTarget.Item], _ rows: [[String?]], _ part: LoadProof.Interface, select: (Int, LoadTarget.Item) -> String,
        same: (Int, String?, String?) -> Bool
    ) throws -> [String] {
        let target = LoadTarget(table: table, items: items, model: .duplicate, key: ["id"], isWhole: false, partitions: nil)
        let id = items.firstIndex { $0.name == "id" }!
        let first = nextID
        nextID += rows.count
        let rows = rows.enumerated().map { index, row in
            var row = row
            row[id] = String(first + index)
            return row
        }
        var choice = LoadForm.Choice(isJSON: kind == .json)
        if kind == .hex { choice.hexed = LoadEncoder(target, LoadForm(session.profile, .none)).allTexts }
        let form = LoadForm(session.profile, session.options.compression, choice)
        if let failure = try load(rows, target, form, part) { return ["\(part.rawValue): \(failure)"] }
        let fields = items.enumerated().map { select($0, $1) }.joined(separator: ", ")
        let read = try session.rows(
            "SELECT \(fields) FROM \(session.dialect.quote(table)) WHERE id >= \(first) AND id < \(first + rows.count) ORDER BY id",
            doing: "read back the rows of a trial")
        guard read.count == rows.count else { return ["\(part.rawValue): \(rows.count) rows were loaded, \(read.count) are there"] }
        for (sent, back) in zip(rows, read) {
            for index in items.indices where index != id && !same(index, sent[index], back[index]) {
                return [
                    "\(part.rawValue): \(items[index].native) \(ProbeTexts.shown(sent[index])) came back as \(back[index].map { $0.count > 80 ? "\($0.prefix(80))…" : $0 } ?? "NULL")"
                ]
            }
        }
        return []
    }

    /// Nil when the servers have taken all rows.
    private func load(_ rows: [[String?]], _ target: LoadTarget, _ form: LoadForm, _ part: LoadProof.Interface) throws -> String? {
        let encoder = LoadEncoder(target, form)
        encoder.isFinal = true
        var halves: [LoadChunk] = []
        let parts = part == .transaction && !session.profile.isDoris && rows.count > 1 ? 2 : 1
        for half in 0..<parts {
            let some = Array(rows[(rows.count * half / parts)..<(rows.count * (half + 1) / parts)])
            var text = ByteBuffer(capacity: 1 << 16)
            let batch = try Self.batch(some, target.schema)
            encoder.begin(batch)
            for row in 0..<batch.rowCount {
                let column = encoder.append(row: row, of: batch.columns.baseAddress!, to: &text)
                if column >= 0 { return encoder.reason(batch, row, column) }
            }
            let chunk = LoadChunk(capacity: text.count / 2 + 64)
            try LoadCompressor(form.method).append(text.bytes, to: chunk, isLast: true)
            halves.append(chunk)
        }
        let shape = TableShape(
            name: table, origin: session.profile.origin,
            columns: target.items.map { ColumnShape($0.name, $0.type, native: $0.native, nullable: $0.nullable) })
        let load = Load(
            runID: "apus_probe", table: 0, shape: shape, exists: true, columns: target.items.map(\.name), mode: .append, slices: 1)
        let labels = try LoadLabels(session, LoadClient(session), load)
        let headers = try StarRocksWriter.headers(session, load, target, form)
        let label = "apus_probe_\(UInt64.random(in: .min ... .max))"
        do {
            let answer = try send(label, labels, headers, halves, part)
            switch answer.verdict {
            case .done:
                if answer.state == "Publish Timeout" { try labels.awaitVisible(label) }
                if let count = answer.number("NumberLoadedRows"), count != rows.count {
                    return "\(rows.count) rows were sent, \(count) loaded"
                }
                return nil
            case .rows(let words): return labels.reasons(answer).first ?? words
            case .failed(let code, let words) where code != .transient && code != .refused: return words
            default:
                throw ApusError(
                    answer.isRefusal ? .refused : .transient, "could not load the rows of a trial", context: session.endpoint.label,
                    underlying: answer.message.isEmpty ? "HTTP \(answer.status)" : answer.message)
            }
        } catch let fault as LoadFault { throw session.error(fault, doing: "load the rows of a trial") }
    }

    /// The answer to the step that decides; a transaction that fails is rolled back.
    private func send(
        _ label: String, _ labels: LoadLabels, _ headers: [(name: String, value: String)], _ bodies: [LoadChunk],
        _ part: LoadProof.Interface
    ) throws -> LoadAnswer {
        if part == .streamLoad {
            let body = LoadBody(complete: bodies)
            return try labels.client.run(labels.streamLoad(label, headers, body, length: body.length))
        }
        var isDone = false
        defer { if !isDone { _ = try? labels.client.run(labels.rollback(label)) } }
        if !session.profile.isDoris {
            let begun = try labels.begin(label)
            guard case .done = begun.verdict else { return begun }
        }
        for chunk in bodies {
            let body = LoadBody(complete: [chunk])
            let answer = try labels.client.run(labels.transactionLoad(label, headers, body, length: body.length))
            guard case .done = answer.verdict else { return answer }
        }
        if !session.profile.isDoris {
            let answer = try labels.finish(label, .prepare)
            guard case .done = answer.verdict else { return answer }
        }
        let answer = try labels.finish(label, .commit)
        isDone = true
        return answer
    }

    static func batch(_ rows: [[String?]], _ schema: Schema) throws -> Batch {
        func isBytes(_ type: ColumnType) -> Bool { if case .bytes = type { true } else { false } }
        let types = schema.columns.map { Column($0.name, isBytes($0.type) ? $0.type : .text, nullable: true) }
        let texts = Batch(schema: Schema(types), rowCapacity: max(1, rows.count), byteLimit: 1 << 30)
        for row in rows {
            for (index, text) in row.enumerated() {
                guard let text else {
                    texts.columns[index].appendNull()
                    continue
                }
                guard isBytes(schema[index].type) else {
                    texts.columns[index].append(text)
                    continue
                }
                // `\x00ff`.
                let digits = Array(text.utf8.dropFirst(2))
                let bytes = stride(from: 0, to: digits.count, by: 2).map {
                    UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)!
                }
                bytes.withUnsafeBufferPointer { bytes in
                    if let base = bytes.baseAddress {
                        texts.columns[index].append(base, count: bytes.count)
                    } else {
                        texts.columns[index].append("" as StaticString)
                    }
                }
            }
            texts.endRow(bytes: 0)
        }
        let batch = Batch(schema: schema, rowCapacity: max(1, rows.count), byteLimit: 1 << 30)
        let projection = try Projection(
            from: texts.schema, to: schema, sources: Array(schema.columns.indices), rounds: false, zone: .utc)
        if projection.isPassthrough { return texts }
        projection.apply(texts, into: batch)
        guard batch.rowCount == rows.count else {
            throw ApusError(.internalFault, "a trial's values: \(batch.rejected.first?.reason ?? "")")
        }
        return batch
    }
}

extension LoadAnswer {
    fileprivate var isRefusal: Bool { if case .failed(.refused, _) = verdict { true } else { false } }
}
