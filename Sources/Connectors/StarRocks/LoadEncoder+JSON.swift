import ApusCore
import Tabular

/// Rows as JSON lines, and the words for rows that go in no form.
extension LoadEncoder {
    @inline(never)
    func appendJSON(row: Int, of columns: UnsafeMutablePointer<ColumnBuffer>, to out: inout ByteBuffer) -> Int {
        let start = out.count
        for index in 0..<steps.count {
            keys[index].withUnsafeBufferPointer { out.append($0) }
            let column = columns + index
            let step = steps.baseAddress! + index
            var isWritten = true
            if column.pointee.isNull(row) {
                isWritten = step.pointee.nullable || failed(.null)
                out.append("null" as StaticString)
            } else {
                switch step.pointee.kind {
                case .integer, .float32, .float64, .nested: isWritten = appendFixed(column, row, step, index, &out)
                case .text, .hex:
                    let value = column.pointee.bytes(row)
                    if value.count > step.pointee.limit {
                        isWritten = failed(.length)
                    } else if !UTF8Text.isValid(value) {
                        isWritten = failed(.text)
                    } else {
                        Self.appendString(value, &out)
                    }
                case .json:
                    let value = column.pointee.bytes(row)
                    if !RowJSON.isValue(value) || !UTF8Text.isValid(value) {
                        isWritten = failed(.json)
                    } else if Self.isNullDocument(value) {
                        isWritten = failed(.jsonNull)
                    } else {
                        Self.appendDocument(value, &out)
                    }
                default:
                    // Taken as text, then cast.
                    out.append(UInt8(ascii: "\""))
                    isWritten = appendFixed(column, row, step, index, &out)
                    out.append(UInt8(ascii: "\""))
                }
            }
            if !isWritten {
                out.truncate(to: start)
                return index
            }
        }
        out.append("}\n" as StaticString)
        return -1
    }

    private static func isNullDocument(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        let word = Parse.trimmed(value)
        return word.count == 4 && word[0] == UInt8(ascii: "n")
    }

    /// A JSON document as it is, in one line. Line breaks stand between its parts only.
    static func appendDocument(_ value: UnsafeBufferPointer<UInt8>, _ out: inout ByteBuffer) {
        for byte in value { out.append(byte == 10 || byte == 13 ? 32 : byte) }
    }

    /// A text as a JSON string (RFC 8259 §7).
    static func appendString(_ value: UnsafeBufferPointer<UInt8>, _ out: inout ByteBuffer) {
        out.append(UInt8(ascii: "\""))
        for byte in value {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0..<32:
                out.append(byte < 16 ? "\\u000" : "\\u001" as StaticString)
                let low = byte & 15
                out.append(low < 10 ? 48 + low : 87 + low)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    // MARK: Why

    /// Why the last row was taken back; `value` is quoted, at most 60 characters of it.
    func reason(_ batch: Batch, _ row: Int, _ column: Int) -> String {
        let item = items[column]
        var text = ByteBuffer()
        text.append(value: batch.columns.baseAddress! + column, row: row, type: batch.schema[column].type)
        let whole = text.string
        let value = whole.count > 60 ? "\(whole.prefix(60))…" : whole
        let size = batch.columns[column].storage == .variable ? batch.columns[column].bytes(row).count : 0
        switch fault {
        case .null: return "NULL for column `\(item.name)`, which is NOT NULL"
        case .length:
            return "value '\(value)' is too long for `\(item.name)`: \(size) bytes, and \(item.native) takes \(item.limit ?? 0)"
        case .number: return "value '\(value)' is not a number that \(item.native) can hold"
        case .digits: return "value '\(value)' is out of the range of LARGEINT"
        case .moment: return "value '\(value)' is out of the range of \(item.native), 0000-01-01 to 9999-12-31"
        case .text: return "value of `\(item.name)` is not valid UTF-8 text"
        case .separator:
            return
                "value of `\(item.name)` has a separator of the load in it (byte 1 or 2), and no form that this server was seen to read carries it"
        case .marker:
            return "value of `\(item.name)` is \\N, which this server reads as NULL, and no form that it was seen to read carries it"
        case .large, .long:
            return
                "value of `\(item.name)` has \(size) bytes, and can go as hexadecimal digits only, which a load takes for \(LoadForm.longestHex)"
        case .json: return "value '\(value)' of `\(item.name)` is not JSON"
        case .jsonNull: return "value of `\(item.name)` is the JSON value null, which a load in JSON reads as NULL"
        case .nested: return "value '\(value)' of `\(item.name)` is not a valid \(item.native)"
        case .bitmap: return "value '\(value)' of `\(item.name)` is not a list of whole numbers, 1,5,7"
        case .partition:
            return "value '\(value)' is in no partition of \(table) (column `\(item.name)`)"
        }
    }
}
