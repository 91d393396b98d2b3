extension ColumnBuffer {
    /// Appends rows of another buffer of the same storage, all at once. There must be room for them.
    public mutating func append(rows: Range<Int>, of other: UnsafePointer<ColumnBuffer>) {
        precondition(
            other.pointee.storage == storage && rows.lowerBound >= 0 && rows.upperBound <= other.pointee.count
                && count + rows.count <= rowCapacity)
        guard !rows.isEmpty else { return }
        if storage == .fixed {
            (values + count).update(from: other.pointee.values + rows.lowerBound, count: rows.count)
        } else {
            let start = other.pointee.ends[rows.lowerBound - 1]
            let length = other.pointee.ends[rows.upperBound - 1] - start
            reserve(length).update(from: other.pointee.arena + start, count: length)
            let shift = arenaCount - start
            let source = other.pointee.ends + rows.lowerBound
            for index in 0..<rows.count { ends[count &+ index] = source[index] &+ shift }
            arenaCount += length
        }
        if other.pointee.nullCount != 0 {
            for row in rows where other.pointee.isNull(row) {
                setNull(count + row - rows.lowerBound)
            }
        }
        count += rows.count
    }

    /// Takes rows out and closes the gaps. The row numbers ascend.
    mutating func remove(rows: [Int]) {
        var next = 0
        var kept = 0
        var start = 0
        var keptEnd = 0
        for row in 0..<count {
            let end = storage == .variable ? ends[row] : 0
            defer { start = end }
            if next < rows.count, rows[next] == row {
                next += 1
                if isNull(row) { clearNull(row) }
                continue
            }
            if kept != row {
                if isNull(row) {
                    clearNull(row)
                    setNull(kept)
                }
                if storage == .fixed {
                    values[kept] = values[row]
                } else {
                    (arena + keptEnd).update(from: arena + start, count: end - start)
                }
            }
            if storage == .variable {
                keptEnd += end - start
                ends[kept] = keptEnd
            }
            kept += 1
        }
        count = kept
        arenaCount = keptEnd
    }

    private mutating func setNull(_ row: Int) {
        nulls[row >> 3] |= 1 << UInt8(row & 7)
        nullCount += 1
    }

    private mutating func clearNull(_ row: Int) {
        nulls[row >> 3] &= ~(1 << UInt8(row & 7))
        nullCount -= 1
    }
}
