import ApusCore
import Tabular

/// A column's values as DataX's `Column.asString()` gives them: numbers and booleans in their usual text, octets as
/// UTF-8, dates and times on the clock of the process's zone, though with their fraction of a second.
struct TransformText: ~Copyable {
    private var buffer = ByteBuffer(capacity: 256)

    /// The text of a value that is not NULL, valid until the next call.
    mutating func text(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ kind: TextKind
    ) -> UnsafeBufferPointer<UInt8> {
        switch kind {
        case .stored, .bytes: return column.pointee.bytes(row)
        case .instant:
            buffer.removeAll()
            buffer.append(timestamp: LocalZone.wallClock(at: column.pointee.values[row]))
        default:
            buffer.removeAll()
            buffer.append(value: column, row: row, kind: kind)
        }
        return buffer.bytes
    }
}

/// What `dx_filter` asks of a value.
struct RowFilter {
    private enum Operand {
        case number(Double)
        case integer(Int64)
        case text([UInt8])
        case pattern(TextPattern)
        /// The job's value is none of the column's type: DataX finds that row by row.
        case unreadable(String)
    }

    private let comparison: Transform.Comparison
    private let type: ColumnType
    private let operand: Operand
    private let isNullWord: Bool

    /// - throws: `config.invalid` for a regular expression that is none.
    init(_ comparison: Transform.Comparison, value: String, type: ColumnType) throws(ApusError) {
        self.comparison = comparison
        self.type = type
        isNullWord = value.lowercased() == "null"
        if comparison == .like || comparison == .notLike {
            operand = .pattern(try TextPattern(value))
            return
        }
        switch type {
        case .float, .decimal: operand = Double(value).map(Operand.number) ?? .unreadable(value)
        case .integer, .date, .time, .duration, .timestamp, .instant:
            operand = Int64(value).map(Operand.integer) ?? .unreadable(value)
        default: operand = .text(Array(value.utf8))
        }
    }

    /// Whether a NULL is dropped.
    var dropsNull: Bool {
        switch comparison {
        case .like, .greater, .less, .atLeast, .atMost: false
        case .notLike: true
        case .equal: isNullWord
        case .notEqual: !isNullWord
        }
    }

    enum Verdict {
        case keep, drop
        case fault(String)
    }

    /// Of a value that is not NULL.
    func judge(
        _ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ kind: TextKind, _ text: inout TransformText
    ) -> Verdict {
        switch operand {
        case .unreadable(let value): return .fault("For input string: \"\(value)\"")
        case .pattern(let pattern):
            switch pattern.matches(text.text(column, row, kind)) {
            case nil: return .fault("the regular expression needs too many steps on this value")
            case let found?: return found == (comparison == .like) ? .drop : .keep
            }
        case .text(let value):
            let own = text.text(column, row, kind)
            return verdict(value.withUnsafeBufferPointer { UTF16Text.compare(own, $0) })
        case .number(let value):
            let own: Double
            if case .float = type {
                own = Double(bitPattern: UInt64(bitPattern: column.pointee.values[row]))
            } else {
                guard let read = Parse.double(column.pointee.bytes(row)) else {
                    return .fault("the number is too large for a comparison")
                }
                own = read
            }
            return verdict(own, value)
        case .integer(let value):
            let stored = column.pointee.values[row]
            if kind == .unsigned { return verdict(stored < 0 ? 1 : stored < value ? -1 : stored > value ? 1 : 0) }
            if kind == .integer { return verdict(stored < value ? -1 : stored > value ? 1 : 0) }
            if Temporal.isInfinite(stored) { return verdict(stored < 0 ? -1 : 1) }
            // A zero date counts as NULL, as DataX reads it.
            guard let own = LocalZone.milliseconds(stored, type) else { return dropsNull ? .drop : .keep }
            return verdict(own < value ? -1 : own > value ? 1 : 0)
        }
    }

    private func verdict(_ order: Int) -> Verdict { verdict(Double(order), 0) }

    /// NaN is neither less nor more nor equal.
    private func verdict(_ own: Double, _ value: Double) -> Verdict {
        let isMatch =
            switch comparison {
            case .greater: own > value
            case .less: own < value
            case .equal: own == value
            case .notEqual: own != value
            case .atLeast: own >= value
            case .atMost: own <= value
            case .like, .notLike: false
            }
        return isMatch ? .drop : .keep
    }
}
