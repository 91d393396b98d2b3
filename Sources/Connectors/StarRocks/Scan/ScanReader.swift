import ApusCore
import MySQLClient
import Tabular

/// Reads a slice off the BEs' scanners: Arrow batches over thrift, of the versions that the plan has pinned.
///
/// Its tablets are read in groups, one scanner for those of one BE. Scanners do not resume: a failure behind the first batch is a
/// transient error, and the slice is read again.
final class ScanReader: Reader {
    let wire: WireFormat? = nil
    private(set) var rowsRead = 0
    private let session: StarRocksSession
    private let read: Read
    private let order: ScanConnection.Order
    private let doing: String
    private let onEnd: () throws -> Void
    /// Tablets that have not been begun.
    private var waiting: [ScanPlan.Tablet]
    private var connection: ScanConnection?
    private var scanner: ScanConnection.Scanner?
    /// Rows that the open scanner has given.
    private var offset: Int64 = 0
    private var stream: ArrowStream?
    private var batch: ArrowStream.RecordBatch?
    /// Rows of the batch that are taken, and the bytes that a row has on average.
    private var taken = 0
    private var rowBytes = 64
    /// For each column of the read, its place in the stream and its form.
    private var columns: [(place: Int, form: ScanColumn)] = []
    private var names: [String] = []
    private var matched: [ArrowField] = []
    private var isAtEnd = false
    private var isClosed = false
    /// Where it began, with the versions.
    private(set) var origin = ""

    /// Opens the first scanner and takes its first batch, so that what cannot be scanned is known before a row is given.
    /// - throws: ``ScanFault``.
    init(
        _ session: StarRocksSession, _ read: Read, _ plan: ScanPlan, table: TableName, seconds: Int, doing: String,
        onEnd: @escaping () throws -> Void
    ) throws {
        self.session = session
        self.read = read
        self.doing = doing
        self.onEnd = onEnd
        waiting = plan.tablets
        order = ScanConnection.Order(
            database: table.schema ?? "", table: table.name, tablets: [], plan: plan.opaque, user: session.endpoint.user ?? "root",
            batchRows: Int32(Batch.defaultRows), keepAliveMinutes: Int16(clamping: max(5, seconds / 60)),
            queryTimeout: Int32(clamping: seconds), memoryLimit: 2 << 30)
        do { try advance() } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    func read(into batch: Batch) throws -> Bool {
        if isAtEnd || isClosed { return false }
        do {
            while !batch.isFull {
                guard let current = self.batch else {
                    isAtEnd = true
                    break
                }
                let fitting = max(1, (batch.byteLimit - batch.byteCount) / max(1, rowBytes))
                let count = min(current.rows - taken, batch.rowCapacity - batch.rowCount, fitting)
                try copy(current, taken..<taken + count, into: batch)
                taken += count
                rowsRead += count
                if taken == current.rows { try advance() }
            }
        } catch let fault as ScanFault {
            isAtEnd = true
            batch.dropUnfinishedRow()
            close()
            throw error(fault)
        }
        if isAtEnd { try onEnd() }
        return !isAtEnd
    }

    private func copy(_ current: ArrowStream.RecordBatch, _ rows: Range<Int>, into batch: Batch) throws {
        var bytes = 0
        for index in columns.indices {
            let (place, form) = columns[index]
            bytes += try form.append(current.columns[place], rows, to: batch.columns.baseAddress! + index)
        }
        batch.endRows(rows.count, bytes: bytes)
        if !rows.isEmpty { rowBytes = bytes / rows.count + 1 }
    }

    // MARK: Batches

    /// Goes on to the next batch that has rows; none = the end of the last scanner.
    private func advance() throws {
        batch = nil
        taken = 0
        var empty = 0
        while true {
            try session.interrupt.check()
            if var stream {
                if let next = try stream.next() {
                    self.stream = stream
                    offset += Int64(next.rows)
                    guard next.rows > 0 else { continue }
                    batch = next
                    return
                }
                self.stream = nil
            }
            if let connection, let scanner {
                guard let bytes = try connection.next(scanner, offset: offset) else {
                    try? connection.close(scanner)
                    self.scanner = nil
                    continue
                }
                // An answer without rows that is not the end; asked again.
                guard !bytes.isEmpty else {
                    empty += 1
                    guard empty < 1000 else { throw ScanFault.malformed("a thousand answers without rows") }
                    continue
                }
                let fresh = try ArrowStream(bytes)
                try match(fresh.fields)
                stream = fresh
                continue
            }
            guard !waiting.isEmpty else { return }
            try openNext()
        }
    }

    /// Opens a scanner for the waiting tablets that a BE of the first one has; the next replica when it does not answer.
    private func openNext() throws {
        var last = ScanFault.unsupported("a tablet that no BE has")
        for place in waiting[0].places {
            let tablets = waiting.filter { $0.places.contains(place) }
            do {
                let host = session.options.reached(place)
                if connection?.place != "\(host.name):\(host.port ?? 9060)" {
                    connection = nil
                    connection = try ScanConnection(
                        host, connectTimeout: session.options.connectTimeout,
                        patience: session.options.readTimeout > 0 ? session.options.readTimeout : Int(order.queryTimeout) + 60,
                        session.interrupt)
                }
                var order = order
                order.tablets = tablets.map(\.id)
                let opened = try connection!.open(order)
                scanner = opened
                names = opened.columns
                offset = 0
                columns = []
                let chosen = Set(order.tablets)
                waiting.removeAll { chosen.contains($0.id) }
                if origin.isEmpty { origin = "\(place), version \(tablets[0].version)" }
                return
            } catch let fault as ScanFault {
                if case .broken = fault { connection = nil }
                last = fault
                try session.interrupt.check()
            }
        }
        throw last
    }

    /// Finds the columns of the read in the stream, by the names of the scanner or the stream's own.
    private func match(_ fields: [ArrowField]) throws {
        guard columns.isEmpty else {
            guard fields == matched else { throw ScanFault.malformed("batches of different columns") }
            return
        }
        matched = fields
        let known = names.count == fields.count && !names.contains("") ? names : fields.map(\.name)
        var found: [(place: Int, form: ScanColumn)] = []
        for (item, column) in zip(read.items, read.schema.columns) {
            let places = known.indices.filter { known[$0].lowercased() == item.name.lowercased() }
            guard places.count == 1 else { throw ScanFault.unsupported("a batch in which the column \(item.name) is not found") }
            guard let form = ScanColumn(fields[places[0]].type, as: column.type) else {
                throw ScanFault.unsupported("the column \(item.name) of type \(column.type) as Arrow's \(fields[places[0]].type)")
            }
            found.append((places[0], form))
        }
        columns = found
    }

    // MARK: The end

    private func error(_ fault: ScanFault) -> ApusError {
        if session.interrupt.isFired { return ApusError(.cancelled, "stopped while it tried to \(doing)") }
        let again = "The slice is read again. With read=sql it is read over the SQL port."
        return switch fault {
        case .broken(let words):
            ApusError(
                .unreachable, "the scanner's connection broke while it tried to \(doing), after \(rowsRead) rows", hint: again,
                context: session.endpoint.label, underlying: words)
        case .status(let code, let words):
            ApusError(
                .transient, "the scanner ended while it tried to \(doing), after \(rowsRead) rows", hint: again,
                context: session.endpoint.label, underlying: "status \(code): \(words)")
        case .malformed(let words), .unsupported(let words):
            ApusError(
                .unsupported, "a scanner sent \(words) while it tried to \(doing), after \(rowsRead) rows",
                hint: "Read over the SQL port: leave `read=scan` out of the connection.", context: session.endpoint.label)
        }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        (batch, stream) = (nil, nil)
        // Without it the BE would keep the scanner until its keep-alive ends.
        if let connection, let scanner, !session.interrupt.isFired { try? connection.close(scanner) }
        scanner = nil
        connection = nil
    }
}
