import Tabular

/// A row as a JSON object of canonical text, for rejected rows.
enum RowText {
    static func json(_ batch: Batch, _ columns: [Column], _ row: Int) -> String {
        var out = ByteBuffer(capacity: 256)
        var value = ByteBuffer(capacity: 64)
        out.append(UInt8(ascii: "{"))
        for (index, column) in columns.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.append(json: column.name)
            out.append(UInt8(ascii: ":"))
            if batch.columns[index].isNull(row) {
                out.append("null")
                continue
            }
            value.removeAll()
            value.append(value: UnsafePointer(batch.columns.baseAddress! + index), row: row, type: column.type)
            out.append(jsonText: value.bytes)
        }
        out.append(UInt8(ascii: "}"))
        return out.string
    }
}
