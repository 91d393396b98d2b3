import ApusCore
import CScan

/// Cuts a stream into CSV records and their fields, block by block, without copying them.
///
/// The octets at which something may end are found 64 at a time (``apus_mask64``), as bits. A record that the buffer
/// does not hold whole is scanned again when more was read; the buffer doubles when a record fills it.
struct CSVScanner: ~Copyable {
    /// One field of the current record; it points into the buffer.
    struct Field {
        var start: Int
        var length: Int
        /// Stood in quotes.
        var quoted: Bool
        /// Holds doubled quotes or backslashes that ``CSVScanner/unescape(_:to:)`` takes out.
        var escaped: Bool
    }

    /// What is wrong with the current record.
    enum Fault { case none, textAfterQuote, encoding(position: Int) }

    private(set) var fields: UnsafeMutablePointer<Field>
    private(set) var fieldCount = 0
    private var fieldCapacity = 64
    private(set) var fault = Fault.none
    /// The line on which the current record begins, 1-based.
    private(set) var line = 1
    private(set) var base: UnsafeMutablePointer<UInt8>
    /// The current record, without its newline.
    private(set) var recordStart = 0
    private(set) var recordEnd = 0

    private var capacity: Int
    private var end = 0
    private var next = 0
    private var nextLine = 1
    private var isAtEnd = false
    /// Position in the stream of the buffer's first octet.
    private var offset = 0
    /// Up to here the buffer is known to be UTF-8.
    private var valid = 0
    private var mask: UInt64 = 0
    /// Where the 64 octets of `mask` begin.
    private var maskBase = 0

    let input: any ByteInput
    let label: String
    private let octets: apus_octets
    /// The separator when it is one octet, else -1.
    private let separator: Int
    /// All octets of the separator.
    private let separatorOctets: UnsafeMutableBufferPointer<UInt8>
    /// The first octet of a comment, or -1.
    private let comment: Int
    /// The quote, or -1.
    private let quote: Int
    private let newline: CSVFormat.Newline
    private let backslash: Bool
    private let maxRow: Int
    private static let padding = 64

    init(_ input: any ByteInput, label: String, format: CSVFormat, blockSize: Int = 1 << 20, maxRow: Int = 1 << 30)
        throws
    {
        self.input = input
        self.label = label
        self.maxRow = maxRow
        octets = format.structural
        separatorOctets = .allocate(capacity: format.separator.count)
        _ = separatorOctets.initialize(from: format.separator)
        comment = format.comment.map { Int($0) } ?? -1
        separator = format.separator.count == 1 ? Int(format.separator[0]) : -1
        quote = format.quote.map { Int($0) } ?? -1
        newline = format.newline
        backslash = format.backslash
        capacity = max(1, blockSize)
        base = .allocate(capacity: capacity + CSVScanner.padding)
        fields = .allocate(capacity: fieldCapacity)
        try skipMark()
        for _ in 0..<format.skipLines {
            guard try skipLine() else { break }
        }
    }

    deinit {
        base.deallocate()
        fields.deallocate()
        separatorOctets.deallocate()
    }

    /// Octets of the current record in the stream, its newline included.
    var recordLength: Int { next - recordStart }
    /// Where the current record stands in the stream, 0-based.
    var recordOffset: Int { input.origin(of: offset + recordStart) }

    func bytes(_ field: Field) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + field.start, count: field.length)
    }

    /// The octets of the current record, without its newline.
    var record: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base + recordStart, count: recordEnd - recordStart) }

    /// The current record as it stands in the file; what is not UTF-8 is replaced.
    var recordText: String {
        String(decoding: UnsafeBufferPointer(start: base + recordStart, count: recordEnd - recordStart), as: UTF8.self)
    }

    /// Moves to the next record; false at the end. Empty lines are given, as one empty field.
    /// - throws: `input.malformed` for a quote that is never closed; what the input throws.
    mutating func nextRecord() throws -> Bool {
        while true {
            recordStart = next
            line = nextLine
            if comment >= 0, recordStart < end, Int(base[recordStart]) == comment {
                guard try skipLine() else { return false }
                continue
            }
            if scan() {
                if valid < recordEnd { validate() }
                return true
            }
            if isAtEnd && recordStart == end { return false }
            try refill()
        }
    }

    /// Makes the current record the next one again.
    mutating func unread() {
        next = recordStart
        nextLine = line
        seek(next)
    }

    // MARK: Buffer

    /// Keeps what was not used and reads until the buffer is full or the stream ends.
    private mutating func refill() throws {
        if isAtEnd {
            throw ApusError(
                .malformedInput, "\(label): a quote opened on line \(line) is never closed",
                hint: "Close it, or say quote=none or escape=backslash if that is how the file is written.")
        }
        if next > 0 {
            base.update(from: base + next, count: end - next)
            offset += next
            end -= next
            valid = max(0, valid - next)
            next = 0
        }
        if end == capacity {
            guard capacity < maxRow else {
                throw ApusError(
                    .malformedInput, "\(label): the row on line \(line) is longer than \(maxRow) octets",
                    hint: "A quote was probably not closed; else raise the option `max_row`.")
            }
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2 + CSVScanner.padding)
            larger.update(from: base, count: end)
            base.deallocate()
            base = larger
            capacity *= 2
        }
        while end < capacity {
            let got = try input.read(into: base + end, count: capacity - end)
            if got == 0 {
                isAtEnd = true
                break
            }
            end += got
        }
        recordStart = 0
        seek(0)
    }

    /// A byte order mark at the start is no part of the first name.
    private mutating func skipMark() throws {
        while end < 3, !isAtEnd { try refill() }
        if end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF {
            next = 3
            seek(3)
        }
    }

    private mutating func skipLine() throws -> Bool {
        while true {
            var position = next
            while position < end, base[position] != 10, base[position] != 13 { position += 1 }
            let isPair = position + 1 < end && base[position] == 13 && base[position + 1] == 10
            if position < end, isPair || base[position] == 10 || position + 1 < end || isAtEnd {
                next = position + (isPair ? 2 : 1)
                nextLine += 1
                seek(next)
                return true
            }
            if isAtEnd {
                next = end
                seek(next)
                return false
            }
            try refill()
        }
    }

    /// Finds the first octet of the record that is not UTF-8, if any.
    private mutating func validate() {
        if valid < recordStart { valid = recordStart }
        valid += apus_utf8_prefix(base + valid, end - valid)
        if valid < recordEnd {
            fault = .encoding(position: input.origin(of: offset + valid))
            valid = recordEnd
        }
    }

    private mutating func seek(_ position: Int) {
        maskBase = position & ~63
        mask = maskBase < end ? load(maskBase) & (UInt64.max << UInt64(position & 63)) : 0
    }

    @inline(__always) private func load(_ position: Int) -> UInt64 {
        let bits = apus_mask64(base + position, octets)
        let left = end &- position
        return left >= 64 ? bits : bits & ((1 << UInt64(left)) &- 1)
    }

    // MARK: Fields

    /// Cuts the record at `next` into fields. False when the buffer ends before the record does.
    private mutating func scan() -> Bool {
        // Everything the loop touches is in locals; what it found is stored at the end.
        let base = self.base, end = self.end, octets = self.octets
        var mask = self.mask, maskBase = self.maskBase
        var fields = self.fields
        var count = 0
        var line = nextLine
        var fault = Fault.none
        var start = next
        let separator = self.separator, quote = self.quote, newline = self.newline, backslash = self.backslash
        let crEnds = newline == .auto || newline == .cr
        let lfEnds = newline == .auto || newline == .lf
        guard start < end else { return false }

        /// The next structural octet, or `end`.
        @inline(__always) func find() -> Int {
            while mask == 0 {
                maskBase &+= 64
                if maskBase >= end {
                    maskBase &-= 64
                    return end
                }
                let bits = apus_mask64(base + maskBase, octets)
                let left = end &- maskBase
                mask = left >= 64 ? bits : bits & ((1 &<< UInt64(left)) &- 1)
            }
            let position = maskBase &+ mask.trailingZeroBitCount
            mask &= mask &- 1
            return position
        }
        /// Leaves out structural octets before a position.
        @inline(__always) func skip(to position: Int) {
            let block = position & ~63
            if block != maskBase {
                maskBase = block
                mask = position < end ? load(block) : 0
            }
            mask &= UInt64.max &<< UInt64(position & 63)
        }

        while true {
            if count == fieldCapacity {
                growFields()
                fields = self.fields
            }
            var quoted = false
            var escaped = false
            var contentEnd = -1
            var contentStart = start
            if quote >= 0, start < end, Int(base[start]) == quote {
                // Within quotes only a quote (or a backslash) matters.
                quoted = true
                contentStart = start &+ 1
                _ = find()
                while contentEnd < 0 {
                    let at = find()
                    if at == end { return false }
                    let byte = Int(base[at])
                    if byte == quote {
                        if at &+ 1 == end, !isAtEnd { return false }
                        if at &+ 1 < end, Int(base[at &+ 1]) == quote {
                            skip(to: at &+ 2)
                            escaped = true
                        } else {
                            contentEnd = at
                        }
                    } else if byte == 92, backslash {
                        if at &+ 1 >= end { return false }
                        skip(to: at &+ 2)
                        escaped = true
                        if base[at &+ 1] == 10 { line &+= 1 }
                    } else if byte == 10 || (byte == 13 && crEnds && !(at &+ 1 < end && base[at &+ 1] == 10)) {
                        line &+= 1
                    }
                }
            }
            // Up to the separator or the newline.
            var isLast = false
            while true {
                let at = find()
                var width = 1
                if at == end {
                    guard isAtEnd else { return false }
                    isLast = true
                    width = 0
                } else {
                    let byte = Int(base[at])
                    if byte == separator {
                        width = 1
                    } else if byte == 10, lfEnds {
                        isLast = true
                    } else if byte == 13, crEnds || newline == .crlf {
                        if at &+ 1 == end, !isAtEnd, newline != .cr { return false }
                        if at &+ 1 < end, base[at &+ 1] == 10, newline != .cr {
                            width = 2
                            skip(to: at &+ 2)
                        } else if newline == .crlf {
                            continue
                        }
                        isLast = true
                    } else if separator < 0, byte == Int(octets.a) {
                        let length = separatorOctets.count
                        if at &+ length > end, !isAtEnd { return false }
                        var same = at &+ length <= end
                        for index in 0..<length where same { same = base[at &+ index] == separatorOctets[index] }
                        if !same { continue }
                        skip(to: at &+ length)
                        width = length
                    } else if byte == 92, backslash {
                        if at &+ 1 >= end {
                            guard isAtEnd else { return false }
                            continue
                        }
                        skip(to: at &+ 2)
                        escaped = true
                        if base[at &+ 1] == 10 { line &+= 1 }
                        if contentEnd >= 0 { fault = .textAfterQuote }
                        continue
                    } else {
                        continue
                    }
                }
                if contentEnd >= 0, at != contentEnd &+ 1 { fault = .textAfterQuote }
                let contentStop = contentEnd >= 0 ? contentEnd : at
                fields[count] = Field(
                    start: contentStart, length: contentStop &- contentStart, quoted: quoted, escaped: escaped)
                count &+= 1
                start = at &+ width
                if isLast { recordEnd = at }
                break
            }
            if isLast { break }
        }
        fieldCount = count
        next = start
        nextLine = line &+ 1
        self.fault = fault
        self.mask = mask
        self.maskBase = maskBase
        return true
    }

    private mutating func growFields() {
        let larger = UnsafeMutablePointer<Field>.allocate(capacity: fieldCapacity * 2)
        larger.update(from: fields, count: fieldCapacity)
        fields.deallocate()
        fields = larger
        fieldCapacity *= 2
    }

    /// Writes a field without its escapes to `out`, which has room for its length. Returns the octets written.
    func unescape(_ field: Field, to out: UnsafeMutablePointer<UInt8>) -> Int {
        let quote = field.quoted ? self.quote : -1
        var length = 0
        var position = field.start
        let stop = field.start + field.length
        while position < stop {
            var byte = base[position]
            position += 1
            if byte == 92, backslash, position < stop {
                byte = CSVScanner.escape(base[position])
                position += 1
            } else if Int(byte) == quote {
                // The second of a pair.
                position += 1
            }
            out[length] = byte
            length += 1
        }
        return length
    }

    /// What a character behind a backslash means (MySQL manual, "String Literals", table 9.1).
    private static func escape(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "0"): 0
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "Z"): 26
        default: byte
        }
    }
}
