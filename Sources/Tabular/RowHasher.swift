/// Which texts of a column are one value to the system that holds it.
public enum Likeness: UInt8, Sendable {
    /// Only equal ones.
    case exact
    /// Blanks at the end are not part of the value, as in a CHAR.
    case unpadded
    /// Zeros at the front are not part of the value, as in MySQL's BIT, which is a number.
    case number
}

/// Hashes the rows of batches of one schema by their values, the same whatever system they come from.
///
/// A row's hash covers its number of columns and for each whether it is NULL, its length and its canonical text,
/// where `-0` is `0`, a decimal has no trailing zeros, and a JSON value is one however it is written. Names and types are
/// not in it: cast both sides to one schema first.
public struct RowHasher: Sendable {
    private enum Form: UInt8 { case plain, float, decimal, json, unpadded, number }

    private let places: [Int]
    private let kinds: [TextKind]
    private let forms: [Form]

    /// - parameters:
    ///   - places: the columns that count, in the order in which they do; nil = all.
    ///   - likeness: of each of those; none = all exact.
    public init(_ schema: Schema, places: [Int]? = nil, likeness: [Likeness] = []) {
        let places = places ?? Array(schema.columns.indices)
        precondition(likeness.isEmpty || likeness.count == places.count, "one likeness a column")
        self.places = places
        kinds = places.map { TextKind(schema[$0].type) }
        forms = places.enumerated().map { number, place in
            switch (likeness.isEmpty ? .exact : likeness[number], schema[place].type) {
            case (.unpadded, .text): return .unpadded
            case (.number, .bits): return .number
            case (_, .decimal): return .decimal
            case (_, .float): return .float
            case (_, .json): return .json
            default: return .plain
            }
        }
    }

    /// The hash of each row of a batch, which must not be in a wire format.
    public func rows(of batch: Batch, _ body: (Checksum) -> Void) {
        precondition(batch.wire == nil, "a batch with typed columns")
        guard let columns = batch.columns.baseAddress else { return }
        var row = ByteBuffer(capacity: 4096)
        for index in 0..<batch.rowCount {
            row.removeAll()
            row.append(word: UInt64(places.count))
            for number in 0..<places.count {
                append(columns + places[number], row: index, number, to: &row)
            }
            body(Mix.hash(row.bytes))
        }
    }

    /// A value with its length in front, or all ones for NULL.
    @inline(__always)
    private func append(_ column: UnsafePointer<ColumnBuffer>, row: Int, _ number: Int, to out: inout ByteBuffer) {
        if column.pointee.isNull(row) {
            out.append(word: .max)
            return
        }
        out.append(word: 0)
        let begin = out.count
        switch forms[number] {
        case .plain: out.append(value: column, row: row, kind: kinds[number])
        case .float:
            if column.pointee.double(row) == 0 {
                out.append(UInt8(ascii: "0"))
            } else {
                out.append(value: column, row: row, kind: kinds[number])
            }
        case .decimal:
            out.append(value: column, row: row, kind: kinds[number])
            out.trimFraction(from: begin)
        case .unpadded:
            out.append(value: column, row: row, kind: kinds[number])
            while out.count > begin, out.start[out.count &- 1] == 32 { out.count &-= 1 }
        case .number: out.append(UnsafeBufferPointer(rebasing: column.pointee.bytes(row).drop { $0 == 48 }))
        case .json:
            // What is no JSON counts as it is.
            if let form = CanonicalJSON.form(of: column.pointee.bytes(row)) {
                form.withUnsafeBufferPointer { out.append($0) }
            } else {
                out.append(value: column, row: row, kind: kinds[number])
            }
        }
        let length = UInt64(out.count &- begin)
        UnsafeMutableRawPointer(out.start + (begin &- 8)).storeBytes(of: length.littleEndian, as: UInt64.self)
    }
}

extension ByteBuffer {
    /// Eight bytes, low first.
    @inline(__always) fileprivate mutating func append(word: UInt64) {
        UnsafeMutableRawPointer(room(8)).storeBytes(of: word.littleEndian, as: UInt64.self)
        count &+= 8
    }

    /// Takes zeros at the end of a decimal's fraction away, and the point if nothing is left of it.
    fileprivate mutating func trimFraction(from begin: Int) {
        var hasPoint = false
        for index in begin..<count where start[index] == UInt8(ascii: ".") { hasPoint = true }
        if hasPoint {
            while start[count &- 1] == UInt8(ascii: "0") { count &-= 1 }
            if start[count &- 1] == UInt8(ascii: ".") { count &-= 1 }
        }
        if count &- begin == 2, start[begin] == UInt8(ascii: "-"), start[begin &+ 1] == UInt8(ascii: "0") {
            start[begin] = UInt8(ascii: "0")
            count &-= 1
        }
    }
}
