import ApusCore
import Tabular

/// Columns of types that have a text form of their own in the target, such as inet, interval and arrays, filled from texts:
/// the target is asked what it makes of each.
final class TargetForms {
    private let sink: any Sink
    private let load: Load
    private let columns: [Int]
    private let scratch: [Batch]

    /// Nil when there are none. `from` and `to` are the same columns as they are given and as the target takes them.
    init?(_ from: Schema, _ to: Schema, _ load: Load, _ open: () throws -> any Sink) throws {
        columns = to.columns.indices.filter { index in
            switch to[index].type {
            case .other, .array: from[index].type != to[index].type
            default: false
            }
        }
        guard !columns.isEmpty else { return nil }
        self.load = load
        scratch = columns.map { Batch(schema: Schema([to[$0]])) }
        sink = try open()
    }

    deinit { sink.close() }

    /// - throws: `connection.*`. Texts that the target refuses stay as they are.
    func apply(_ batch: Batch) throws {
        for (number, index) in columns.enumerated() {
            let column = batch.columns[index]
            var texts: [String: String] = [:]
            for row in 0..<batch.rowCount where !column.isNull(row) { texts[String(decoding: column.bytes(row), as: UTF8.self)] = "" }
            let asked = Array(texts.keys)
            guard !asked.isEmpty, let answers = try canonical(asked, load.columns[index]), answers.count == asked.count else { continue }
            for (text, answer) in zip(asked, answers) { texts[text] = answer }
            let made = scratch[number]
            made.reset()
            for row in 0..<batch.rowCount {
                if column.isNull(row) {
                    made.columns[0].appendNull()
                } else {
                    var text = texts[String(decoding: column.bytes(row), as: UTF8.self)] ?? ""
                    text.withUTF8 { bytes in
                        if let base = bytes.baseAddress {
                            made.columns[0].append(base, count: bytes.count)
                        } else {
                            made.columns[0].commit(0)
                        }
                    }
                }
            }
            swap(&made.columns[0], &batch.columns[index])
        }
    }

    private func canonical(_ texts: [String], _ column: String) throws -> [String]? {
        do { return try sink.canonical(texts, in: column, of: load) } catch let error as ApusError {
            if error.endsAll { throw error }
            return nil
        }
    }
}
