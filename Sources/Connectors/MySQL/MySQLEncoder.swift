import Tabular

/// Writes rows of a batch as the text that LOAD DATA or a VALUES list takes.
final class MySQLEncoder {
    enum Form { case file, values }

    fileprivate enum Kind: UInt8 {
        case integer, unsigned, year, boolean, float, decimal, text, plain, bytes, bits, date, timestamp, duration
    }

    private struct Step {
        var kind: Kind
        /// See ``MySQLCheck``.
        var isChecked: Bool
        /// `timestamp`: added to the value, to make the session's clock of an instant.
        var shift: Int64
    }

    private let steps: UnsafeMutableBufferPointer<Step>
    private let form: Form
    private let checks: [MySQLCheck?]

    init(_ items: [MySQLTarget.Item], zoneOffset: Int64, form: Form) {
        self.form = form
        checks = items.map(\.check)
        let steps = items.map { column in
            var shift: Int64 = 0
            let kind: Kind
            switch column.type {
            case .boolean: kind = .boolean
            case .integer where column.isYear: kind = .year
            case .integer(64, true): kind = .unsigned
            case .integer: kind = .integer
            case .float: kind = .float
            case .decimal: kind = .decimal
            case .date: kind = .date
            case .timestamp: kind = .timestamp
            case .instant: (kind, shift) = (.timestamp, zoneOffset)
            case .time, .duration: kind = .duration
            case .bytes: kind = .bytes
            case .bits: kind = .bits
            case .uuid: kind = .plain
            case .text, .json, .array, .other: kind = .text
            }
            return Step(kind: kind, isChecked: column.check != nil, shift: shift)
        }
        self.steps = .allocate(capacity: steps.count)
        _ = self.steps.initialize(from: steps)
    }

    deinit { steps.deallocate() }

    /// Appends a row. Returns the column whose value MySQL has no way to hold, after taking the row back; else -1.
    @inline(__always)
    func append(row: Int, of columns: UnsafeMutablePointer<ColumnBuffer>, to out: inout ByteBuffer) -> Int {
        form == .file ? appendLine(row, columns, &out) : appendValues(row, columns, &out)
    }

    @inline(never)
    private func holds(_ index: Int, _ column: UnsafeMutablePointer<ColumnBuffer>, _ row: Int) -> Bool {
        checks[index]?.holds(column, row) ?? true
    }

    // MARK: LOAD DATA

    private func appendLine(_ row: Int, _ columns: UnsafeMutablePointer<ColumnBuffer>, _ out: inout ByteBuffer) -> Int {
        let start = out.count
        for index in 0..<steps.count {
            let column = columns + index
            if index > 0 { out.append(UInt8(ascii: "\t")) }
            if column.pointee.isNull(row) {
                out.append("\\N" as StaticString)
                continue
            }
            let step = steps.baseAddress![index]
            if step.isChecked, !holds(index, column, row) {
                out.truncate(to: start)
                return index
            }
            switch step.kind {
            case .text, .bytes:
                let value = column.pointee.bytes(row)
                let room = out.room(value.count &* 2 &+ 8)
                out.advance(MySQLEscape.file(value, to: room))
            case .bits: appendBits(column.pointee.bytes(row), &out)
            default:
                if !appendPlain(step, column, row, &out) {
                    out.truncate(to: start)
                    return index
                }
            }
        }
        out.append(UInt8(ascii: "\n"))
        return -1
    }

    /// As octets, which a BIT column takes.
    private func appendBits(_ text: UnsafeBufferPointer<UInt8>, _ out: inout ByteBuffer) {
        let start = out.room(text.count / 4 + 8)
        var end = start
        var octet: UInt8 = 0
        for index in 0..<text.count {
            octet = octet << 1 | (text[index] & 1)
            if (text.count - 1 - index) % 8 == 0 {
                MySQLEscape.byte(octet, &end)
                octet = 0
            }
        }
        out.advance(end - start)
    }

    // MARK: VALUES

    private func appendValues(_ row: Int, _ columns: UnsafeMutablePointer<ColumnBuffer>, _ out: inout ByteBuffer) -> Int {
        let start = out.count
        out.append(UInt8(ascii: "("))
        for (index, step) in steps.enumerated() {
            let column = columns + index
            if index > 0 { out.append(UInt8(ascii: ",")) }
            if column.pointee.isNull(row) {
                out.append("NULL" as StaticString)
                continue
            }
            if step.isChecked, !holds(index, column, row) {
                out.truncate(to: start)
                return index
            }
            switch step.kind {
            case .text:
                let value = column.pointee.bytes(row)
                out.append(UInt8(ascii: "'"))
                let room = out.room(value.count &* 2 &+ 8)
                out.advance(MySQLEscape.quoted(value, to: room))
                out.append(UInt8(ascii: "'"))
            case .bytes:
                out.append("x'" as StaticString)
                out.append(hex: column.pointee.bytes(row))
                out.append(UInt8(ascii: "'"))
            case .bits:
                out.append("b'" as StaticString)
                out.append(column.pointee.bytes(row))
                out.append(UInt8(ascii: "'"))
            case .integer, .unsigned, .year, .boolean, .float, .decimal:
                if !appendPlain(step, column, row, &out) {
                    out.truncate(to: start)
                    return index
                }
            case .date, .timestamp, .duration, .plain:
                out.append(UInt8(ascii: "'"))
                if !appendPlain(step, column, row, &out) {
                    out.truncate(to: start)
                    return index
                }
                out.append(UInt8(ascii: "'"))
            }
        }
        out.append(UInt8(ascii: ")"))
        return -1
    }

    // MARK: Values without escapes

    /// False for what MySQL cannot hold: NaN and infinities, years outside of 0…9999, a YEAR that it takes for another.
    @inline(__always)
    private func appendPlain(
        _ step: Step, _ column: UnsafeMutablePointer<ColumnBuffer>, _ row: Int, _ out: inout ByteBuffer
    ) -> Bool {
        switch step.kind {
        case .integer: out.append(integer: column.pointee.values[row])
        case .year:
            let value = column.pointee.values[row]
            if value == 0 {
                out.append("0000" as StaticString)
            } else {
                // 1 would be 2001, and 70 1970.
                guard value >= 100 || value < 0 else { return false }
                out.append(integer: value)
            }
        case .unsigned: out.append(unsigned: UInt64(bitPattern: column.pointee.values[row]))
        case .boolean: out.append(column.pointee.values[row] != 0 ? UInt8(ascii: "1") : UInt8(ascii: "0"))
        case .float:
            // A FLOAT is written as the double that it is: the server then rounds once, to the same FLOAT.
            let value = column.pointee.double(row)
            if !value.isFinite { return false }
            out.append(double: value)
        case .decimal:
            let value = column.pointee.bytes(row)
            // `NaN` and `Infinity` are the only decimals that end in a letter.
            guard let last = value.last, last < 58 else { return false }
            out.append(value)
        case .plain: out.append(column.pointee.bytes(row))
        case .date:
            let days = column.pointee.values[row]
            if days >= Calendar.firstDay, days <= Calendar.lastDay {
                out.append(date: days)
            } else {
                return appendFarDate(days, nil, &out)
            }
        case .timestamp:
            let value = column.pointee.values[row]
            let shifted = Temporal.isZero(value) || Temporal.isInfinite(value) ? value : value &+ step.shift
            if shifted >= Calendar.firstMicrosecond, shifted <= Calendar.lastMicrosecond {
                out.append(timestamp: shifted)
            } else {
                return appendFarTimestamp(shifted, &out)
            }
        case .duration: out.append(duration: column.pointee.values[row])
        case .text, .bytes, .bits: return false
        }
        return true
    }

    /// Years 1 to 9999; MySQL has year 0, too.
    private enum Calendar {
        static let firstDay = Temporal.days(year: 1, month: 1, day: 1)
        static let lastDay = Temporal.days(year: 9999, month: 12, day: 31)
        static let firstMicrosecond = firstDay * Temporal.microsecondsPerDay
        static let lastMicrosecond = (lastDay + 1) * Temporal.microsecondsPerDay - 1
    }

    @inline(never)
    private func appendFarTimestamp(_ value: Int64, _ out: inout ByteBuffer) -> Bool {
        if Temporal.isInfinite(value) { return false }
        if Temporal.isZero(value) {
            out.append(timestamp: value)
            return true
        }
        let (days, rest) = Temporal.split(value)
        return appendFarDate(days, rest, &out)
    }

    /// Days of the year 0; others do not exist in MySQL.
    @inline(never)
    private func appendFarDate(_ days: Int64, _ microsecondsOfDay: Int64?, _ out: inout ByteBuffer) -> Bool {
        if Temporal.isZero(days) {
            out.append(date: days)
            return true
        }
        guard !Temporal.isInfinite(days), days > -1_000_000, days < 10_000_000 else { return false }
        let date = Temporal.date(ofDays: days)
        guard date.year == 0 else { return false }
        // The year 4 has the same days as the year 0.
        let stand = Temporal.days(year: 4, month: date.month, day: date.day)
        let start = out.count
        if let microsecondsOfDay {
            out.append(timestamp: stand * Temporal.microsecondsPerDay + microsecondsOfDay)
        } else {
            out.append(date: stand)
        }
        out.start[start + 3] = UInt8(ascii: "0")
        return true
    }
}
