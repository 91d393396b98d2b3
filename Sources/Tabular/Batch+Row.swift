/// Single rows, for the rare cases: rejected rows and the search for the bad one.
extension Batch {
    /// A row as a JSON object by column name, from which it can be loaded again (``RowJSON/parse(_:)``).
    ///
    /// Numbers, booleans and null are bare; what JSON has no number for (`NaN`) and everything else is a string of
    /// the canonical text, octets as `\x` and hexadecimal digits. A row in a wire format is `{"raw":"\x…"}`.
    public func json(row: Int) -> String {
        var text = ByteBuffer(capacity: 1024)
        text.append(UInt8(ascii: "{"))
        guard wire == nil, let base = columns.baseAddress else {
            guard let base = columns.baseAddress else { return "{}" }
            text.append("\"raw\":\"\\\\x" as StaticString)
            text.append(hex: base.pointee.bytes(row))
            text.append("\"}" as StaticString)
            return text.string
        }
        for (index, column) in schema.columns.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            var name = column.name
            name.withUTF8 { text.append(quoted: $0) }
            text.append(UInt8(ascii: ":"))
            text.append(json: base + index, row: row, type: column.type)
        }
        text.append(UInt8(ascii: "}"))
        return text.string
    }

    /// Takes rows out and closes the gaps; their numbers ascend. `byteCount` stays what the source read.
    public func remove(rows: [Int]) {
        guard !rows.isEmpty else { return }
        for index in columns.indices { columns[index].remove(rows: rows) }
        rowCount -= rows.count
    }

    /// Appends some of the rows to another batch of the same schema, which has room for them.
    ///
    /// If that is empty, it takes over the position of the first row. The octets read are shared out by rows; what
    /// this batch has rejected is not copied.
    public func copyRows(_ range: Range<Int>, into other: Batch) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rowCount && columns.count == other.columns.count)
        guard !range.isEmpty, let base = columns.baseAddress else { return }
        if other.isEmpty { other.firstRow = firstRow + range.lowerBound }
        for index in columns.indices { other.columns[index].append(rows: range, of: base + index) }
        let bytes = byteCount * range.upperBound / rowCount - byteCount * range.lowerBound / rowCount
        other.endRows(range.count, bytes: bytes)
    }
}

extension ByteBuffer {
    /// A JSON string; octets that are not UTF-8 pass as they are.
    mutating func append(quoted bytes: UnsafeBufferPointer<UInt8>) {
        let digits = ("0123456789abcdef" as StaticString).utf8Start
        append(UInt8(ascii: "\""))
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""): append("\\\"" as StaticString)
            case UInt8(ascii: "\\"): append("\\\\" as StaticString)
            case 10: append("\\n" as StaticString)
            case 13: append("\\r" as StaticString)
            case 9: append("\\t" as StaticString)
            case 0..<32:
                append("\\u00" as StaticString)
                append(digits[Int(byte >> 4)])
                append(digits[Int(byte & 15)])
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// A value as JSON.
    mutating func append(json column: UnsafePointer<ColumnBuffer>, row: Int, type: ColumnType) {
        if column.pointee.isNull(row) {
            append("null" as StaticString)
            return
        }
        let start = count
        append(value: column, row: row, type: type)
        let text = UnsafeBufferPointer(start: self.start + start, count: count - start)
        switch type {
        case .boolean: return
        case .integer, .float, .decimal: if RowJSON.isNumber(text) { return }
        default: break
        }
        let copy = Array(text)
        truncate(to: start)
        copy.withUnsafeBufferPointer { append(quoted: $0) }
    }
}
