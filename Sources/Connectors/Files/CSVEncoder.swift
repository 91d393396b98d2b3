import ApusCore
import CScan
import Tabular

/// Writes rows as CSV: quotes only where they are needed, so that the same options read the same values back.
final class CSVEncoder: RowEncoder {
    private let columns: [Column]
    private let kinds: [Kind]
    private let hasHeader: Bool
    private let binary: BinaryText
    private let separator: [UInt8]
    private let newline: [UInt8]
    private let null: [UInt8]

    private enum Kind: UInt8 {
        /// Never needs quotes.
        case plain
        case text, bytes
        /// By a date pattern.
        case date, moment
    }

    init(_ columns: [Column], format: CSVFormat, options: FileOptions) {
        self.columns = columns
        hasHeader = format.header
        binary = options.binary
        separator = format.separator
        switch format.newline {
        case .auto, .lf: newline = [10]
        case .crlf: newline = [13, 10]
        case .cr: newline = [13]
        }
        null = format.null ?? []
        rules = CSVText(format)
        let first = format.separator[0]
        // A separator that numbers or dates hold makes every value suspect.
        func isInValues(_ byte: UInt8) -> Bool {
            byte >= 45 && byte <= 58 || byte == 43 || byte == 32 || byte | 0x20 >= 97 && byte | 0x20 <= 122
        }
        let isRisky =
            isInValues(first) || (format.quote.map(isInValues) ?? false) || (format.comment.map(isInValues) ?? false)
        let isRiskyNull = format.null.map { $0 != Array("\\N".utf8) } ?? false
        patterns = columns.map { options.datePattern($0) }
        kinds = columns.map { column in
            if options.datePattern(column) != nil { return column.type == .date ? .date : .moment }
            switch TextKind(column.type) {
            case .bytes: return .bytes
            case .stored: return column.type.isNumeric && !isRisky && !isRiskyNull ? .plain : .text
            default: return isRisky || isRiskyNull ? .text : .plain
            }
        }
        textKinds = columns.map { TextKind($0.type) }
    }

    private let textKinds: [TextKind]
    private let patterns: [DatePattern?]
    private let rules: CSVText

    func prefix(into buffer: inout ByteBuffer) {
        guard hasHeader else { return }
        for (index, column) in columns.enumerated() {
            if index > 0 { separator.withUnsafeBufferPointer { buffer.append($0) } }
            var name = column.name
            let isWritten = name.withUTF8 { rules.write($0, into: &buffer) }
            // Without quotes or escapes a name keeps its letters only.
            if !isWritten {
                buffer.append(
                    String(name.filter { !$0.isNewline && !String(decoding: separator, as: UTF8.self).contains($0) }))
            }
        }
        newline.withUnsafeBufferPointer { buffer.append($0) }
    }

    func encode(_ batch: Batch, _ rows: Range<Int>, into buffer: inout ByteBuffer, rejected: inout [RejectedRow]) {
        let source = UnsafePointer(batch.columns.baseAddress!)
        let rules = self.rules
        var scratch = ByteBuffer(capacity: 256)
        let count = kinds.count
        let isSimple = separator.count == 1 && newline.count == 1
        let separatorByte = separator[0], newlineByte = newline[0]
        // A column none of whose octets is special needs no look at its values one by one.
        let clean: [Bool] = kinds.indices.map { index in
            guard kinds[index] == .text, textKinds[index] == .stored, null.isEmpty, rules.quote >= 0, rules.comment < 0,
                rows.count > 16
            else { return false }
            return apus_find(source[index].arena, source[index].arenaCount, rules.special) == source[index].arenaCount
        }
        kinds.withUnsafeBufferPointer { kinds in
            textKinds.withUnsafeBufferPointer { textKinds in
                clean.withUnsafeBufferPointer { clean in
                    for row in rows {
                        let start = buffer.count
                        var bad = -1
                        for index in 0..<count {
                            if index > 0 {
                                if isSimple {
                                    buffer.append(separatorByte)
                                } else {
                                    separator.withUnsafeBufferPointer { buffer.append($0) }
                                }
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
                                    if !rules.write(scratch.bytes, into: &buffer) { bad = index }
                                } else if clean[index] {
                                    let bytes = column.pointee.bytes(row)
                                    if bytes.count == 0 { rules.appendEmpty(to: &buffer) } else { buffer.append(bytes) }
                                } else if !rules.write(column.pointee.bytes(row), into: &buffer) {
                                    bad = index
                                }
                            case .date, .moment:
                                scratch.removeAll()
                                let value = column.pointee.values[row]
                                let unit = kinds[index] == .date ? Temporal.microsecondsPerDay : 1
                                let (moment, overflow) = value.multipliedReportingOverflow(by: unit)
                                if overflow || patterns[index]?.append(moment, to: &scratch) != true {
                                    scratch.removeAll()
                                    scratch.append(value: column, row: row, kind: textKinds[index])
                                }
                                if !rules.write(scratch.bytes, into: &buffer) { bad = index }
                            case .bytes:
                                scratch.removeAll()
                                switch binary {
                                case .hex: scratch.append(value: column, row: row, kind: .bytes)
                                case .base64: Base64.encode(column.pointee.bytes(row), into: &scratch)
                                case .text:
                                    let bytes = column.pointee.bytes(row)
                                    if UTF8Text.isValid(bytes) { scratch.append(bytes) } else { bad = index }
                                }
                                if bad < 0, !rules.write(scratch.bytes, into: &buffer) { bad = index }
                            }
                            if bad >= 0 { break }
                        }
                        if bad >= 0 {
                            buffer.truncate(to: start)
                            rejected.append(
                                RejectedRow(
                                    row: batch.firstRow + row, column: columns[bad].name,
                                    reason: kinds[bad] == .bytes && binary == .text
                                        ? "the bytes are not UTF-8 text, or the file has no quotes for them"
                                        : "the value holds a separator, a newline or the NULL marker, and the file has no quotes",
                                    values: batch.json(row: row)))
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
}

extension ColumnType {
    /// Decimals and what else is digits although stored as text, and never empty.
    var isNumeric: Bool {
        switch self {
        case .decimal, .uuid: true
        default: false
        }
    }
}
