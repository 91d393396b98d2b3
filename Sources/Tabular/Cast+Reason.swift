/// Why a value was refused, in words for the one who reads the list of rejected rows.
extension Cast {
    func reason(_ column: UnsafePointer<ColumnBuffer>, _ row: Int) -> String {
        let shown = Cast.quote(column, row, from)
        switch step {
        case .limitText(let length), .format(_, let length, false), .formatInstant(_, let length):
            return tooLong(column, row, length, shown)
        case .bytesToText(let length, let isJSON):
            let bytes = column.pointee.bytes(row)
            guard UTF8Text.isValid(bytes) else { return "value \(shown) is not valid UTF-8 text" }
            return isJSON ? "value \(shown) is not valid JSON" : tooLong(column, row, length, shown)
        case .limitOctets, .bitsToBytes:
            return "value of \(column.pointee.bytes(row).count) octets or digits does not fit \(to)"
        case .limitBits, .bytesToBits, .integerToBits: return "value \(shown) does not fit \(to)"
        case .floatToInteger:
            return fraction(column.pointee.double(row).description, shown) ?? "value \(shown) is out of range for \(to)"
        case .formatDecimal(let kind, _, let scale, _):
            var text = ByteBuffer(capacity: 64)
            text.append(value: column, row: row, kind: kind)
            return digits(text.bytes, scale, shown) ?? "value \(shown) is out of range for \(to)"
        case .integer, .floatToFloat32, .bitsToInteger, .dateToTimestamp: return "value \(shown) is out of range for \(to)"
        case .timestampToDate, .instantToDate: return "value \(shown) has a time of day, \(to) has none"
        case .roundMoment(let unit, false), .roundSpan(let unit, false), .wallToInstant(_, false, let unit, false),
            .instantToWall(_, let unit, false):
            if column.pointee.int(row) % unit != 0 { return "value \(shown) has more fraction digits of a second than \(to)" }
            return "value \(shown) is out of range for \(to)"
        case .spanToTime(let unit, let rounds):
            let value = column.pointee.int(row)
            if !rounds, value >= 0, value <= Temporal.microsecondsPerDay, value % unit != 0 {
                return "value \(shown) has more fraction digits of a second than \(to)"
            }
            return "value \(shown) is out of range for \(to)"
        case .roundMoment, .roundSpan, .wallToInstant, .instantToWall: return "value \(shown) is out of range for \(to)"
        case .readInteger(_, _, _, let rounds):
            guard let number = DecimalText(Parse.trimmed(column.pointee.bytes(row))) else { break }
            if number.hasFraction && !rounds { return "value \(shown) has a fraction, \(to) has none" }
            return "value \(shown) is out of range for \(to)"
        case .decimal(_, let scale, let rounds):
            let bytes = Parse.trimmed(column.pointee.bytes(row))
            guard Parse.isDecimal(bytes) else { break }
            if !rounds, let reason = digits(bytes, scale, shown) { return reason }
            return "value \(shown) is out of range for \(to)"
        case .readFloat:
            guard Parse.isDecimal(Parse.trimmed(column.pointee.bytes(row))) else { break }
            return "value \(shown) is out of range for \(to)"
        case .readDate:
            let bytes = Parse.trimmed(column.pointee.bytes(row))
            if Parse.timestamp(bytes) != nil { return "value \(shown) has a time of day, \(to) has none" }
        case .readTime(_, false):
            if Parse.time(Parse.trimmed(column.pointee.bytes(row))) != nil { return finer(shown) }
        case .readDuration(_, false):
            if Parse.duration(Parse.trimmed(column.pointee.bytes(row))) != nil { return finer(shown) }
        case .readMoment(let zone, let hasZone, _, false):
            let bytes = Parse.trimmed(column.pointee.bytes(row))
            if (hasZone ? Parse.instant(bytes, in: zone) : Parse.timestamp(bytes, in: zone)) != nil { return finer(shown) }
        default: break
        }
        return "value \(shown) is not a valid \(to)"
    }

    private func finer(_ shown: String) -> String { "value \(shown) has more fraction digits of a second than \(to)" }

    /// That a number has a fraction, where it has one.
    private func fraction(_ text: String, _ shown: String) -> String? {
        var text = text
        return text.withUTF8 { DecimalText($0)?.hasFraction } == true ? "value \(shown) has a fraction, \(to) has none" : nil
    }

    /// That a number has digits beyond the scale, where it has some.
    private func digits(_ bytes: UnsafeBufferPointer<UInt8>, _ scale: Int?, _ shown: String) -> String? {
        guard let scale, let number = DecimalText(bytes), !number.isNaN, !number.isInfinite, !number.isExact(scale: scale) else {
            return nil
        }
        return "value \(shown) has more fraction digits than \(to)"
    }

    private func tooLong(_ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ length: Int, _ shown: String) -> String {
        guard from.storage == .variable else { return "value \(shown) does not fit \(to)" }
        let characters = UTF8Text.characters(in: column.pointee.bytes(row))
        return "text of \(characters) characters does not fit \(to)"
    }

    /// The value, in quotes if it is text, cut after 60 characters.
    private static func quote(_ column: UnsafePointer<ColumnBuffer>, _ row: Int, _ type: ColumnType) -> String {
        let kind = TextKind(type)
        var text = ByteBuffer(capacity: 256)
        if kind == .stored || kind == .bytes {
            let bytes = column.pointee.bytes(row)
            let head = UnsafeBufferPointer(rebasing: bytes[..<min(bytes.count, 244)])
            if kind == .stored {
                text.append(head)
            } else {
                text.append("\\x" as StaticString)
                text.append(hex: head)
            }
        } else {
            text.append(value: column, row: row, kind: kind)
        }
        let whole = text.string
        let shown = whole.unicodeScalars.count > 60 ? String(whole.unicodeScalars.prefix(60)) + "…" : whole
        if case .decimal = type { return shown }
        return kind == .stored ? "'\(shown)'" : shown
    }
}
