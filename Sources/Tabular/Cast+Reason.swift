/// Why a value was refused, in words for the one who reads the list of rejected rows.
extension Cast {
    func reason(_ column: UnsafePointer<ColumnBuffer>, _ row: Int) -> String {
        let shown = Cast.quote(column, row, from)
        switch step {
        case .limitText(let length), .format(_, let length, false):
            return tooLong(column, row, length, shown)
        case .bytesToText(let length, let isJSON):
            let bytes = column.pointee.bytes(row)
            guard UTF8Text.isValid(bytes) else { return "value \(shown) is not valid UTF-8 text" }
            return isJSON ? "value \(shown) is not valid JSON" : tooLong(column, row, length, shown)
        case .limitOctets, .bitsToBytes:
            return "value of \(column.pointee.bytes(row).count) octets or digits does not fit \(to)"
        case .limitBits, .bytesToBits, .integerToBits: return "value \(shown) does not fit \(to)"
        case .integer, .floatToInteger, .floatToFloat32, .formatDecimal, .bitsToInteger, .roundMoment, .dateToTimestamp,
            .spanToTime:
            return "value \(shown) is out of range for \(to)"
        case .readInteger(_, _, _, let rounds):
            guard let number = DecimalText(Parse.trimmed(column.pointee.bytes(row))) else { break }
            if number.hasFraction && !rounds { return "value \(shown) has a fraction, \(to) has none" }
            return "value \(shown) is out of range for \(to)"
        case .readFloat, .decimal:
            guard Parse.isDecimal(Parse.trimmed(column.pointee.bytes(row))) else { break }
            return "value \(shown) is out of range for \(to)"
        default: break
        }
        return "value \(shown) is not a valid \(to)"
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
