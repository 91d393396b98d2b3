import ApusCore
import Tabular

/// Writes rows as JSON objects, one a line.
final class JSONLinesEncoder: RowEncoder {
    private enum Kind: UInt8 {
        /// Digits or `true` and `false`, bare.
        case bare
        case float, decimal, quoted, text, json, bytes
    }

    private let columns: [Column]
    private let kinds: [Kind]
    private let textKinds: [TextKind]
    private let binary: BinaryText
    /// `{"a":`, `,"b":` …
    private let keys: [[UInt8]]
    private var scratch = ByteBuffer()

    init(_ columns: [Column], binary: BinaryText, decimalsAreText: Bool) {
        self.columns = columns
        self.binary = binary
        textKinds = columns.map { TextKind($0.type) }
        kinds = columns.map { column in
            switch column.type {
            case .boolean, .integer: .bare
            case .float: .float
            case .decimal: decimalsAreText ? .text : .decimal
            case .json: .json
            case .bytes: .bytes
            case .date, .time, .duration, .timestamp, .instant: .quoted
            case .text, .uuid, .bits, .array, .other: .text
            }
        }
        keys = columns.enumerated().map { index, column in
            var key = ByteBuffer(capacity: 64)
            key.append(UInt8(ascii: index == 0 ? "{" : ","))
            key.append(json: column.name)
            key.append(UInt8(ascii: ":"))
            return Array(key.bytes)
        }
    }

    func prefix(into buffer: inout ByteBuffer) {}

    func encode(_ batch: Batch, _ rows: Range<Int>, into buffer: inout ByteBuffer, rejected: inout [RejectedRow]) {
        let source = UnsafePointer(batch.columns.baseAddress!)
        let quote = UInt8(ascii: "\"")
        for row in rows {
            let start = buffer.count
            var bad = -1
            for index in 0..<kinds.count {
                keys[index].withUnsafeBufferPointer { buffer.append($0) }
                let column = source + index
                if column.pointee.isNull(row) {
                    buffer.append("null" as StaticString)
                    continue
                }
                switch kinds[index] {
                case .bare: buffer.append(value: column, row: row, kind: textKinds[index])
                case .quoted:
                    buffer.append(quote)
                    buffer.append(value: column, row: row, kind: textKinds[index])
                    buffer.append(quote)
                case .float:
                    // JSON has no NaN and no infinity: they are strings, which read back.
                    let isFinite = column.pointee.double(row).isFinite
                    if !isFinite { buffer.append(quote) }
                    buffer.append(value: column, row: row, kind: textKinds[index])
                    if !isFinite { buffer.append(quote) }
                case .decimal:
                    let bytes = column.pointee.bytes(row)
                    let isNumber = (bytes.last.map { $0 &- 48 <= 9 }) ?? false
                    if !isNumber { buffer.append(quote) }
                    buffer.append(bytes)
                    if !isNumber { buffer.append(quote) }
                case .text: buffer.append(jsonText: column.pointee.bytes(row))
                case .json:
                    if !appendJSON(column.pointee.bytes(row), to: &buffer) { bad = index }
                case .bytes:
                    buffer.append(quote)
                    if binary == .base64 {
                        Base64.encode(column.pointee.bytes(row), into: &buffer)
                    } else {
                        buffer.append("\\\\x" as StaticString)
                        buffer.append(hex: column.pointee.bytes(row))
                    }
                    buffer.append(quote)
                }
                if bad >= 0 { break }
            }
            if bad >= 0 {
                buffer.truncate(to: start)
                rejected.append(
                    RejectedRow(
                        row: batch.firstRow + row, column: columns[bad].name, reason: "the value is no valid JSON",
                        values: RowText.json(batch, columns, row)))
                continue
            }
            buffer.append("}\n" as StaticString)
        }
    }

    /// Embeds a JSON value as it is; newlines between its tokens become spaces. False when it is malformed.
    private func appendJSON(_ bytes: UnsafeBufferPointer<UInt8>, to buffer: inout ByteBuffer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        var cursor = JSONCursor(base, from: 0, to: bytes.count)
        guard cursor.value() != nil else { return false }
        cursor.skipSpace()
        guard cursor.isAtEnd else { return false }
        let start = buffer.count
        buffer.append(bytes)
        for index in start..<buffer.count where buffer.start[index] == 10 || buffer.start[index] == 13 {
            buffer.start[index] = 32
        }
        return true
    }
}
