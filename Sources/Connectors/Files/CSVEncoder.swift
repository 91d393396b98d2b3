import ApusCore
import CScan
import Tabular

/// Writes rows as CSV: quotes only where they are needed, so that the same options read the same values back.
final class CSVEncoder: RowEncoder {
    private let columns: [Column]
    private let kinds: [Kind]
    private let format: CSVFormat
    private let binary: BinaryText
    private let separator: [UInt8]
    private let newline: [UInt8]
    private let null: [UInt8]
    /// Octets that make quotes (or escapes) necessary.
    private let special: apus_octets

    private enum Kind: UInt8 {
        /// Never needs quotes.
        case plain
        case text, bytes
    }

    init(_ columns: [Column], format: CSVFormat, options: FileOptions) {
        self.columns = columns
        self.format = format
        binary = options.binary
        separator = format.separator
        switch format.newline {
        case .auto, .lf: newline = [10]
        case .crlf: newline = [13, 10]
        case .cr: newline = [13]
        }
        null = format.null ?? []
        let first = format.separator[0]
        special = apus_octets(
            a: first, b: 10, c: 13, d: format.quote ?? first, e: format.backslash ? UInt8(ascii: "\\") : first)
        // A separator that numbers or dates hold makes every value suspect.
        let isRisky = first >= 43 && first <= 58 || first == 32 || first | 0x20 >= 97 && first | 0x20 <= 122
            || (format.quote.map { $0 >= 43 && $0 <= 58 || $0 | 0x20 >= 97 && $0 | 0x20 <= 122 || $0 == 32 } ?? false)
        let isRiskyNull = format.null.map { $0 != Array("\\N".utf8) } ?? false
        kinds = columns.map { column in
            switch TextKind(column.type) {
            case .bytes: return .bytes
            case .stored: return column.type.isNumeric && !isRisky && !isRiskyNull ? .plain : .text
            default: return isRisky || isRiskyNull ? .text : .plain
            }
        }
        textKinds = columns.map { TextKind($0.type) }
    }

    private let textKinds: [TextKind]
    private var scratch = ByteBuffer()

    func prefix(into buffer: inout ByteBuffer) {
        guard format.header else { return }
        for (index, column) in columns.enumerated() {
            if index > 0 { separator.withUnsafeBufferPointer { buffer.append($0) } }
            var name = column.name
            let isWritten = name.withUTF8 { write($0, into: &buffer) }
            // Without quotes or escapes a name keeps its letters only.
            if !isWritten { buffer.append(String(name.filter { !$0.isNewline && !String(decoding: separator, as: UTF8.self).contains($0) })) }
        }
        newline.withUnsafeBufferPointer { buffer.append($0) }
    }

    func encode(_ batch: Batch, _ rows: Range<Int>, into buffer: inout ByteBuffer, rejected: inout [RejectedRow]) {
        let source = UnsafePointer(batch.columns.baseAddress!)
        let count = kinds.count
        let isSimple = separator.count == 1 && newline.count == 1
        let separatorByte = separator[0], newlineByte = newline[0]
        // A column none of whose octets is special needs no look at its values one by one.
        let clean: [Bool] = kinds.indices.map { index in
            guard kinds[index] == .text, textKinds[index] == .stored, null.isEmpty, format.quote != nil, rows.count > 16 else { return false }
            return apus_find(source[index].arena, source[index].arenaCount, special) == source[index].arenaCount
        }
        kinds.withUnsafeBufferPointer { kinds in
            textKinds.withUnsafeBufferPointer { textKinds in
                clean.withUnsafeBufferPointer { clean in
                    for row in rows {
                        let start = buffer.count
                        var bad = -1
                        for index in 0..<count {
                            if index > 0 {
                                if isSimple { buffer.append(separatorByte) } else { separator.withUnsafeBufferPointer { buffer.append($0) } }
                            }
                            let column = source + index
                            if column.pointee.isNull(row) {
                                if !null.isEmpty { null.withUnsafeBufferPointer { buffer.append($0) } }
                                continue
                            }
                            switch kinds[index] {
                            case .plain:
                                buffer.append(value: column, row: row, kind: textKinds[index])
                            case .text:
                                if textKinds[index] != .stored {
                                    scratch.removeAll()
                                    scratch.append(value: column, row: row, kind: textKinds[index])
                                    if !write(scratch.bytes, into: &buffer) { bad = index }
                                } else if clean[index] {
                                    let bytes = column.pointee.bytes(row)
                                    if bytes.count == 0 { buffer.append(format.quote!); buffer.append(format.quote!) } else { buffer.append(bytes) }
                                } else if !write(column.pointee.bytes(row), into: &buffer) {
                                    bad = index
                                }
                            case .bytes:
                                scratch.removeAll()
                                if binary == .hex {
                                    scratch.append(value: column, row: row, kind: .bytes)
                                } else {
                                    Base64.encode(column.pointee.bytes(row), into: &scratch)
                                }
                                if !write(scratch.bytes, into: &buffer) { bad = index }
                            }
                            if bad >= 0 { break }
                        }
                        if bad >= 0 {
                            buffer.truncate(to: start)
                            rejected.append(
                                RejectedRow(
                                    row: batch.firstRow + row, column: columns[bad].name,
                                    reason: "the value holds a separator, a newline or the NULL marker, and the file has no quotes",
                                    values: RowText.json(batch, columns, row)))
                        } else if isSimple {
                            buffer.append(newlineByte)
                        } else {
                            newline.withUnsafeBufferPointer { buffer.append($0) }
                        }
                    }
                }
            }
        }
    }

    /// Writes text, in quotes or with escapes where needed. False when the format has neither.
    private func write(_ bytes: UnsafeBufferPointer<UInt8>, into buffer: inout ByteBuffer) -> Bool {
        let count = bytes.count
        guard let base = bytes.baseAddress, count > 0 else {
            // The empty string, which must not become NULL.
            if let quote = format.quote, format.null == nil { buffer.append(quote); buffer.append(quote) }
            return true
        }
        let found = apus_find(base, count, special)
        let isNull = format.null != nil && bytes.elementsEqual(null)
        let isComment = base[0] == format.comment
        if found == count && !isNull && !isComment {
            buffer.append(bytes)
            return true
        }
        if let quote = format.quote {
            buffer.append(quote)
            for byte in bytes {
                if byte == quote || (format.backslash && byte == UInt8(ascii: "\\")) {
                    buffer.append(format.backslash ? UInt8(ascii: "\\") : quote)
                }
                buffer.append(byte)
            }
            buffer.append(quote)
            return true
        }
        guard format.backslash else { return false }
        if isNull || isComment { buffer.append(UInt8(ascii: "\\")) }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case 10: buffer.append("\\n" as StaticString)
            case 13: buffer.append("\\r" as StaticString)
            case UInt8(ascii: "\\") where !(isNull && index == 0): buffer.append("\\\\" as StaticString)
            case separator[0]:
                buffer.append(UInt8(ascii: "\\"))
                buffer.append(byte)
            default: buffer.append(byte)
            }
        }
        return true
    }
}

extension ColumnType {
    /// Decimals and what else is digits although stored as text.
    var isNumeric: Bool {
        switch self {
        case .decimal, .uuid, .bits: true
        default: false
        }
    }
}
