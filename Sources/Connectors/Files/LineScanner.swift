import ApusCore
import CScan
import Glibc

/// Cuts a stream into lines, block by block, without copying them.
struct LineScanner: ~Copyable {
    private(set) var base: UnsafeMutablePointer<UInt8>
    /// The current line, without its newline.
    private(set) var start = 0
    private(set) var stop = 0
    /// 1-based.
    private(set) var line = 0
    /// Where the first octet stands that is not UTF-8, if the line has one.
    private(set) var fault: Int?

    private var capacity: Int
    private var end = 0
    private var next = 0
    private var isAtEnd = false
    private var offset = 0
    private var valid = 0
    let input: any ByteInput
    let label: String
    private let maxRow: Int

    init(_ input: any ByteInput, label: String, blockSize: Int = 1 << 20, maxRow: Int = 1 << 30) throws {
        self.input = input
        self.label = label
        self.maxRow = maxRow
        capacity = max(1, blockSize)
        base = .allocate(capacity: capacity)
        while end < 3, !isAtEnd { try refill() }
        if end >= 3, base[0] == 0xEF, base[1] == 0xBB, base[2] == 0xBF { next = 3 }
    }

    deinit { base.deallocate() }

    /// Octets of the line, its newline included.
    var length: Int { next - start }
    var text: String { String(decoding: UnsafeBufferPointer(start: base + start, count: stop - start), as: UTF8.self) }

    /// Moves to the next line; false at the end.
    mutating func nextLine() throws -> Bool {
        var searched = next
        while true {
            start = next
            if let found = memchr(base + searched, 10, end - searched) {
                stop = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - UnsafePointer(base)
                next = stop + 1
                break
            }
            if isAtEnd {
                if start == end { return false }
                stop = end
                next = end
                break
            }
            let passed = end - next
            try refill()
            searched = passed
        }
        line += 1
        if stop > start, base[stop - 1] == 13 { stop -= 1 }
        fault = nil
        if valid < stop {
            valid = max(valid, start)
            valid += apus_utf8_prefix(base + valid, end - valid)
            if valid < stop {
                fault = input.origin(of: offset + valid)
                valid = stop
            }
        }
        return true
    }

    private mutating func refill() throws {
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
                    .malformedInput, "\(label): line \(line + 1) is longer than \(maxRow) octets",
                    hint: "JSON Lines has one object a line; else raise the option `max_row`.")
            }
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity * 2)
            larger.update(from: base, count: end)
            base.deallocate()
            base = larger
            capacity *= 2
        }
        while end < capacity {
            let got = try input.read(into: base + end, count: capacity - end)
            if got == 0 {
                isAtEnd = true
                return
            }
            end += got
        }
    }
}
