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
    /// Of a column of JSON, NULL is a key that is left out, so that `null` is the JSON value.
    private let omitsNull: Bool
    /// `"a":`, `"b":` …
    private let keys: [[UInt8]]
    private var scratch = ByteBuffer()

    init(_ columns: [Column], binary: BinaryText, decimalsAreText: Bool, omitsNull: Bool) {
        self.columns = columns
        self.binary = binary
        self.omitsNull = omitsNull
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
        keys = columns.map { column in
            var key = ByteBuffer(capacity: 64)
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
            var separator = UInt8(ascii: "{")
            for index in 0..<kinds.count {
                let column = source + index
                let isNull = column.pointee.isNull(row)
                if isNull, omitsNull, kinds[index] == .json { continue }
                buffer.append(separator)
                separator = UInt8(ascii: ",")
                keys[index].withUnsafeBufferPointer { buffer.append($0) }
                if isNull {
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
                case .bytes: if !append(binary: column.pointee.bytes(row), to: &buffer) { bad = index }
                }
                if bad >= 0 { break }
            }
            if bad >= 0 {
                buffer.truncate(to: start)
                rejected.append(
                    RejectedRow(
                        row: batch.firstRow + row, column: columns[bad].name,
                        reason: kinds[bad] == .bytes ? "the bytes are not UTF-8 text" : "the value is not valid JSON",
                        values: batch.json(row: row)))
                continue
            }
            if separator == UInt8(ascii: "{") { buffer.append(separator) }
            buffer.append("}\n" as StaticString)
        }
    }

    private func append(binary bytes: UnsafeBufferPointer<UInt8>, to buffer: inout ByteBuffer) -> Bool {
        if binary == .text {
            guard UTF8Text.isValid(bytes) else { return false }
            buffer.append(jsonText: bytes)
            return true
        }
        buffer.append(UInt8(ascii: "\""))
        if binary == .base64 {
            Base64.encode(bytes, into: &buffer)
        } else {
            buffer.append("\\\\x" as StaticString)
            buffer.append(hex: bytes)
        }
        buffer.append(UInt8(ascii: "\""))
        return true
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
