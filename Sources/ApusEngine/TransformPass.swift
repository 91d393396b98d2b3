import ApusCore
import Tabular

/// The transforms of a table over one batch after the other, between reading and casting.
///
/// Column by column: each transform goes over all rows of its column before the next begins, into buffers that are
/// used again. A row that failed or was dropped is not looked at any more, as DataX does it. One thread at a time.
final class TransformPass {
    let transforms: [Transform]
    let from: Schema
    /// ``from`` with text where a transform makes text.
    let to: Schema
    /// Rows of the last batch that a filter dropped.
    private(set) var filtered = 0
    /// Time spent since ``restart()``.
    private(set) var effort = Effort()

    fileprivate enum Action {
        case substring(start: Int, length: Int)
        case pad(left: Bool, length: Int, filler: [UInt8])
        case replace(start: Int, length: Int, text: [UInt8])
        case digest(MessageDigest)
        case filter(RowFilter)
    }

    fileprivate struct Step {
        var column: Int
        var name: String
        var action: Action
        var kind: TextKind
        /// Whether an earlier transform has made text of the column.
        var followsText: Bool
    }

    private enum RowState: UInt8 { case alive, dropped, faulty }

    private let steps: [Step]
    /// Whether a transform makes the column anew.
    private let isMade: [Bool]
    private let output: Batch
    private let scratch: Batch
    private var text = TransformText()
    private var made = ByteBuffer()
    private var states: [RowState]
    private var faults: [(row: Int, column: Int, reason: String)] = []

    /// - throws: `config.invalid` for a column that is not there or a regular expression that is none.
    init(_ transforms: [Transform], from schema: Schema, rowCapacity: Int = Batch.defaultRows) throws(ApusError) {
        self.transforms = transforms
        from = schema
        to = try Transform.applied(transforms, to: schema)
        var steps: [Step] = []
        var isText = [Bool](repeating: false, count: schema.count)
        for transform in transforms {
            let column = transform.column
            let type = isText[column] ? .text : schema[column].type
            let action: Action
            switch transform.change {
            case .substring(let start, let length): action = .substring(start: start, length: length)
            case .pad(let side, let length, let filler):
                action = .pad(left: side == .left, length: length, filler: Array(filler.utf8))
            case .replace(let start, let length, let text):
                action = .replace(start: start, length: length, text: Array(text.utf8))
            case .digest(let algorithm, let uppercase):
                action = .digest(try MessageDigest(algorithm, uppercase: uppercase))
            case .filter(let comparison, let value):
                action = .filter(try RowFilter(comparison, value: value, type: type))
            }
            steps.append(
                Step(
                    column: column, name: transform.name, action: action, kind: TextKind(type), followsText: isText[column]))
            if transform.makesText { isText[column] = true }
        }
        self.steps = steps
        isMade = isText
        output = Batch(schema: to, rowCapacity: rowCapacity)
        scratch = Batch(schema: Schema([Column("text", .text)]), rowCapacity: rowCapacity)
        states = Array(repeating: .alive, count: rowCapacity)
    }

    /// For the next slice: the time spent is counted anew.
    func restart() { effort = Effort() }

    /// The rows that are left, in a batch that is valid until the next call; of the given one only
    /// ``Batch/reset()`` is allowed afterwards. Rows on which a transform failed are in its `rejected`.
    func apply(_ batch: Batch) -> Batch {
        precondition(batch.wire == nil && batch.rowCapacity == output.rowCapacity, "a typed batch of the usual size")
        let start = Clock.monotonic()
        defer { effort.transformed += Clock.monotonic() - start }
        let rows = batch.rowCount
        output.reset()
        for row in 0..<rows { states[row] = .alive }
        faults.removeAll(keepingCapacity: true)
        for step in steps {
            let column = (step.followsText ? output : batch).columns.baseAddress! + step.column
            if case .filter(let filter) = step.action {
                sift(column, rows, step, filter)
            } else {
                scratch.reset()
                for row in 0..<rows { change(column, row, step) }
                swap(&scratch.columns[0], &output.columns[step.column])
            }
        }
        reject(batch)
        for index in from.columns.indices where !isMade[index] {
            swap(&batch.columns[index], &output.columns[index])
        }
        output.rowCount = rows
        output.byteCount = batch.byteCount
        output.firstRow = batch.firstRow
        let gone = (0..<rows).filter { states[$0] != .alive }
        filtered = gone.count - faults.count
        output.remove(rows: gone)
        return output
    }

    // MARK: Rows

    private func fault(_ row: Int, _ step: Step, _ what: String) {
        states[row] = .faulty
        faults.append((row, step.column, Self.reason(step.name, what)))
    }

    /// The words of DataX's exchanger.
    static func reason(_ name: String, _ what: String) -> String {
        "transformer(\(name)) has Exception(Code:[TransformerErrorCode-06], Description:[Transformer run exception].  - \(what))"
    }

    private func sift(_ column: UnsafePointer<ColumnBuffer>, _ rows: Int, _ step: Step, _ filter: RowFilter) {
        for row in 0..<rows where states[row] == .alive {
            if column.pointee.isNull(row) {
                if filter.dropsNull { states[row] = .dropped }
                continue
            }
            switch filter.judge(column, row, step.kind, &text) {
            case .keep: break
            case .drop: states[row] = .dropped
            case .fault(let what): fault(row, step, what)
            }
        }
    }

    /// Appends one row's new value to the scratch column: NULL for rows that are gone.
    private func change(_ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ step: Step) {
        let isNull = column.pointee.isNull(row)
        guard states[row] == .alive, !isNull || step.fillsNull else { return scratch.columns[0].appendNull() }
        let bytes = isNull ? UnsafeBufferPointer(start: nil, count: 0) : text.text(column, row, step.kind)
        made.removeAll()
        if let what = make(bytes, step) {
            fault(row, step, what)
            scratch.columns[0].appendNull()
        } else {
            scratch.columns[0].append(made.start, count: made.count)
        }
    }

    /// Puts the new text into `made`, or says what is wrong.
    private func make(_ bytes: UnsafeBufferPointer<UInt8>, _ step: Step) -> String? {
        if case .digest(let digest) = step.action {
            return digest.append(bytes, to: &made) ? nil : "OpenSSL could not compute the digest"
        }
        if step.kind == .bytes, !UTF8Text.isValid(bytes) { return "the octets are not UTF-8 text" }
        let text = UTF16Text(bytes)
        switch step.action {
        case .substring(let start, let length):
            guard start <= text.count else { return "\(step.name) startIndex(\(start)) out of range(\(text.count))" }
            made.append(text, from: text.cut(at: start), upTo: text.cut(at: min(text.count, start + length)))
        case .replace(let start, let length, let new):
            guard start <= text.count else { return "\(step.name) startIndex(\(start)) out of range(\(text.count))" }
            made.append(text, upTo: text.cut(at: start))
            new.withUnsafeBufferPointer { made.append($0) }
            if start + length < text.count { made.append(text, from: text.cut(at: start + length)) }
        case .pad(let left, let length, let filler):
            if length <= text.count {
                made.append(text, upTo: text.cut(at: length))
            } else {
                if !left { made.append(bytes) }
                fill(filler, units: length - text.count)
                if left { made.append(bytes) }
            }
        case .digest, .filter: break
        }
        return nil
    }

    private func fill(_ filler: [UInt8], units: Int) {
        filler.withUnsafeBufferPointer { bytes in
            let text = UTF16Text(bytes)
            var left = units
            while left >= text.count {
                made.append(bytes)
                left -= text.count
            }
            if left > 0 { made.append(text, upTo: text.cut(at: left)) }
        }
    }

    /// Faulty rows, with the values that they had before any transform.
    private func reject(_ batch: Batch) {
        output.rejected.append(contentsOf: batch.rejected)
        for fault in faults.sorted(by: { $0.row < $1.row }) {
            var rejected = RejectedRow(
                row: batch.firstRow + fault.row, column: from[fault.column].name, reason: fault.reason,
                values: batch.json(row: fault.row))
            rejected.stage = .transform
            output.rejected.append(rejected)
        }
    }
}

extension TransformPass.Step {
    /// Whether NULL counts as the empty text.
    fileprivate var fillsNull: Bool {
        switch action {
        case .pad, .digest: true
        case .substring, .replace, .filter: false
        }
    }
}
