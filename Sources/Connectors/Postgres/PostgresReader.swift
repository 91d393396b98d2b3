import ApusCore
import CPostgres
import Tabular

/// How a read's columns come over the wire.
struct PostgresReadPlan {
    var codecs: [PostgresCodec]
    var casts: [String?]
    /// The name of the untouched tuples' format; nil when a column is cast.
    var wire: WireFormat?
}

extension PostgresSession {
    /// Asks the server for the types of a read's columns as they are now.
    /// - throws: `statement.failed` when they are others than the plan was made for.
    func plan(_ read: Read) throws -> PostgresReadPlan {
        if let known = readPlans[read] { return known }
        let columns = try resultColumns(
            of: read.selectSQL(.all, dialect), doing: "preparing to read \(PostgresSession.subject(read))")
        guard columns.count == read.schema.count else {
            throw ApusError(
                .statement, "\(PostgresSession.subject(read)) gives \(columns.count) columns, but the plan has \(read.schema.count)",
                hint: "Plan again.", context: endpoint.label)
        }
        var plan = PostgresReadPlan(codecs: [], casts: [])
        for (column, wanted) in zip(columns, read.schema.columns) {
            guard PostgresSession.matches(column.type.type, wanted.type) else {
                throw ApusError(
                    .statement,
                    "column \(wanted.name) of \(PostgresSession.subject(read)) is now \(column.type.type), but was \(wanted.type) when the plan was made",
                    hint: "Plan again.", context: endpoint.label)
            }
            plan.codecs.append(column.type.codec ?? (column.type.cast == "::numeric" ? .numeric : .text))
            plan.casts.append(column.type.cast)
        }
        if plan.casts.allSatisfy({ $0 == nil }) {
            plan.wire = WireFormat("pgcopy:" + columns.map { String($0.type.wireOID) }.joined(separator: ","))
        }
        readPlans[read] = plan
        return plan
    }

    static func subject(_ read: Read) -> String {
        switch read.relation {
        case .table(let name): name.description
        case .query: "the query"
        }
    }

    /// Whether values of one type can stand for the other in a batch.
    private static func matches(_ actual: ColumnType, _ planned: ColumnType) -> Bool {
        switch (actual, planned) {
        case (.integer(_, let a), .integer(_, let b)): a == b
        case (.float, .float), (.decimal, .decimal), (.text, .text), (.bytes, .bytes), (.time, .time): true
        case (.timestamp, .timestamp), (.instant, .instant), (.bits, .bits), (.array, .array): true
        default: actual == planned
        }
    }

    func wireFormats(of read: Read) -> [WireFormat] { (try? plan(read)).flatMap(\.wire).map { [$0] } ?? [] }

    func reader(_ read: Read, _ slice: Slice, wire: [WireFormat]) throws -> any Reader {
        let doing = "reading \(PostgresSession.subject(read))"
        if holdsSnapshot {
            // What fails inside the transaction must not end it, or the snapshot is gone.
            if hasOpenRead { try run("ROLLBACK TO SAVEPOINT apus_read", doing: doing) }
            try run("SAVEPOINT apus_read", doing: doing)
            hasOpenRead = true
        }
        let plan = try plan(read)
        var index = -1
        let select = read.selectSQL(slice.bounds, dialect) { _, _, sql in
            index += 1
            return PostgresType.cast(sql, plan.casts[index])
        }
        let result = try run("COPY (\(select)) TO STDOUT (FORMAT binary)", doing: doing)
        guard result.status == PGRES_COPY_OUT else { throw failure(result, doing) }
        return PostgresReader(self, plan, doing: doing, wire: plan.wire.flatMap { wire.contains($0) ? $0 : nil })
    }
}

/// Rows of one `COPY (SELECT …) TO STDOUT (FORMAT binary)`.
final class PostgresReader: Reader {
    let wire: WireFormat?
    private(set) var rowsRead = 0
    private let session: PostgresSession
    private let codecs: [PostgresCodec]
    private let doing: String
    private var headerSeen = false
    private var trailerSeen = false
    private var isOver = false

    init(_ session: PostgresSession, _ plan: PostgresReadPlan, doing: String, wire: WireFormat?) {
        self.session = session
        self.wire = wire
        codecs = plan.codecs
        self.doing = doing
    }

    deinit { close() }

    func read(into batch: Batch) throws -> Bool {
        guard !isOver else { return false }
        batch.firstRow = rowsRead
        let goesOn = try codecs.withUnsafeBufferPointer { try fill(batch, $0) }
        if !goesOn { try finish() }
        return goesOn
    }

    /// False at the end of the stream.
    private func fill(_ batch: Batch, _ codecs: UnsafeBufferPointer<PostgresCodec>) throws -> Bool {
        let connection = session.connection
        // A batch has a column at least: COPY refuses a SELECT without any.
        let columns = batch.columns.baseAddress!
        let isWire = wire != nil
        var rows = 0
        defer { rowsRead += rows }
        while !batch.isFull {
            var message: UnsafeMutablePointer<CChar>?
            let length = Int(PQgetCopyData(connection, &message, 0))
            guard length > 0, let message else {
                if length == -1 { return false }
                throw session.failure(nil, doing)
            }
            defer { PQfreemem(message) }
            var tuple = UnsafeRawPointer(message).assumingMemoryBound(to: UInt8.self)
            var count = length
            if !headerSeen {
                let header = try self.header(tuple, count)
                tuple += header
                count -= header
                if count == 0 { continue }
            }
            if count == 2, bigEndian16(tuple) == 0xffff {
                trailerSeen = true
                continue
            }
            guard !trailerSeen else { throw malformed("rows after the end mark") }
            if isWire {
                columns.pointee.append(tuple, count: count)
            } else {
                let outcome = PostgresDecoder.decode(tuple, count, codecs, into: columns)
                if outcome != .good {
                    batch.dropUnfinishedRow()
                    guard outcome == .outOfRange else { throw malformed("row \(rowsRead + rows + 1)") }
                    batch.rejected.append(rejection(row: rowsRead + rows, tuple, count))
                    batch.byteCount += count
                    rows &+= 1
                    continue
                }
            }
            batch.endRow(bytes: count)
            rows &+= 1
        }
        return true
    }

    private func rejection(row: Int, _ tuple: UnsafePointer<UInt8>, _ count: Int) -> RejectedRow {
        var raw = ByteBuffer(capacity: count * 2 + 20)
        raw.append("{\"raw\":\"\\\\x" as StaticString)
        raw.append(hex: UnsafeBufferPointer(start: tuple, count: count))
        raw.append("\"}" as StaticString)
        return RejectedRow(
            row: row, column: nil, reason: "a timestamp is later than the year 294246, the last that Apus can hold",
            values: raw.string)
    }

    /// The header's length: a signature of 11 octets, int32 flags, int32 length of an extension.
    private func header(_ bytes: UnsafePointer<UInt8>, _ count: Int) throws -> Int {
        let signature: [UInt8] = [0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00]
        guard count >= 19, signature.indices.allSatisfy({ bytes[$0] == signature[$0] }) else { throw malformed("the header") }
        let flags = bigEndian32(bytes + 11)
        let length = 19 + Int(bigEndian32(bytes + 15))
        guard flags == 0, length <= count else { throw malformed("the header") }
        headerSeen = true
        return length
    }

    /// The stream has ended: the server's own verdict and count, and the end mark, must be there.
    private func finish() throws {
        let result = session.drain()
        isOver = true
        guard let result, result.status == PGRES_COMMAND_OK else { throw session.failure(result, doing) }
        guard trailerSeen else { throw malformed("the end mark is missing") }
        // Servers before 8.2 give no count; none of them has COPY (SELECT …).
        try session.endAlone(doing)
        guard result.affected == rowsRead else {
            throw ApusError(
                .countMismatch, "\(doing): \(rowsRead) rows came, but the server counted \(result.affected)",
                context: session.endpoint.label)
        }
    }

    private func malformed(_ what: String) -> ApusError {
        ApusError(.malformedInput, "\(doing): the server's COPY stream is damaged (\(what))", context: session.endpoint.label)
    }

    func close() {
        guard !isOver else { return }
        isOver = true
        session.cancelStatement()
        if session.isAlone { session.rollBack() }
    }
}
