import Tabular

/// Random text made once, from which values are cut: a value costs a copy.
final class TextPool: Sendable {
    enum Alphabet: Sendable { case ascii, multibyte, octets }

    /// Octets that a fill may write behind the last value: it copies sixteen at a time, up to `mostAtOnce`.
    static let padding = mostAtOnce + 16
    /// Values of a pool without longer ones are all copied as if they were as long as the longest: a loop of the same
    /// length for every value costs less than the processor's wrong guesses at its end.
    private static let mostAtOnce = 128
    private static let size = 1 << 16
    private static let phraseCount = 4096

    private let pool: [UInt8]
    /// Characters of `ascii` and `octets`: values have `shortest` to `longest`.
    private let shortest: Int
    private let longest: Int
    /// Of `multibyte`: phrase `n` is `pool[starts[n]..<starts[n + 1]]`.
    private let starts: [Int]
    let longestBytes: Int
    let usualBytes: Int

    init(_ alphabet: Alphabet, shortest: Int? = nil, longest: Int, _ seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            return ColumnFill.mix(state)
        }
        self.longest = longest
        let shortest = shortest ?? (alphabet == .octets ? longest / 2 : (longest + 3) / 4)
        self.shortest = shortest
        var pool: [UInt8] = []
        var starts: [Int] = []
        switch alphabet {
        case .octets, .ascii:
            let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789  -".utf8)
            pool.reserveCapacity(Self.size + Self.padding)
            for _ in 0..<(Self.size + Self.padding) {
                let word = next()
                pool.append(
                    alphabet == .octets
                        ? UInt8(truncatingIfNeeded: word >> 56) : letters[Int(word >> 32) % letters.count])
            }
            longestBytes = longest
            usualBytes = (shortest + longest) / 2
        case .multibyte:
            let characters = [
                "a", "e", "i", "n", "s", "t", " ", "\t", "\n", "'", "\"", "\\", ",", "é", "ß", "ж", "中", "文", "数", "据",
                "雨",
                "燕", "😀", "🐦", "한",
            ].map { Array($0.utf8) }
            let count = longest > 1000 ? 64 : Self.phraseCount
            var most = 0
            for _ in 0..<count {
                starts.append(pool.count)
                let length = shortest + Int(next() >> 33) % max(1, longest - shortest + 1)
                for _ in 0..<length { pool += characters[Int(next() >> 33) % characters.count] }
                most = max(most, pool.count - starts.last!)
            }
            starts.append(pool.count)
            longestBytes = most
            usualBytes = pool.count / count
            pool += [UInt8](repeating: 0, count: Self.padding)
        }
        self.pool = pool
        self.starts = starts
    }

    /// Writes values one behind the other and their ends. Returns the octets written.
    func fill(
        _ arena: UnsafeMutablePointer<UInt8>, _ ends: UnsafeMutablePointer<Int>, _ nulls: UnsafeMutablePointer<UInt8>?,
        _ count: Int, _ start: UInt64, gamma: UInt64
    ) -> Int {
        let span = UInt64(longest - shortest + 1)
        let phrases = UInt64(max(starts.count - 1, 0))
        let atOnce = longestBytes <= Self.mostAtOnce ? (longestBytes + 15) & ~15 : 0
        return pool.withUnsafeBufferPointer { pool in
            starts.withUnsafeBufferPointer { starts in
                let source = pool.baseAddress!
                var word = start
                var written = 0
                for row in 0..<count {
                    if let nulls, nulls[row &>> 3] & (1 &<< UInt8(truncatingIfNeeded: row & 7)) != 0 {
                        ends[row] = written
                        word &+= gamma
                        continue
                    }
                    let mixed = ColumnFill.mix(word)
                    word &+= gamma
                    let from: Int
                    let length: Int
                    if phrases > 0 {
                        let phrase = Int(truncatingIfNeeded: ((mixed &>> 32) &* phrases) &>> 32)
                        from = starts[phrase]
                        length = starts[phrase &+ 1] &- from
                    } else {
                        length = shortest &+ Int(truncatingIfNeeded: ((mixed & 0xFFFF_FFFF) &* span) &>> 32)
                        // So that a value of up to the pool's size ends within it.
                        let room = UInt64(max(Self.size &- length, 1))
                        from = Int(truncatingIfNeeded: ((mixed &>> 32) &* room) &>> 32)
                    }
                    if atOnce > 0 {
                        Self.copySixteens(source + from, atOnce, to: arena + written)
                    } else {
                        Self.copy(source, from, length, isPhrase: phrases > 0, to: arena + written)
                    }
                    written &+= length
                    ends[row] = written
                }
                return written
            }
        }
    }

    /// Sixteen octets at a time, up to fifteen more than asked: pool and arena have the room.
    @inline(__always)
    private static func copy(
        _ pool: UnsafePointer<UInt8>, _ from: Int, _ length: Int, isPhrase: Bool, to out: UnsafeMutablePointer<UInt8>
    ) {
        if length > 256 {
            // Only plain text may be longer than its pool, which is then repeated.
            var done = 0
            while done < length {
                let step = isPhrase || length <= size ? length : min(length - done, size)
                out.advanced(by: done).update(from: pool + from, count: step)
                done += step
            }
            return
        }
        copySixteens(pool + from, length, to: out)
    }

    @inline(__always)
    private static func copySixteens(_ source: UnsafePointer<UInt8>, _ length: Int, to out: UnsafeMutablePointer<UInt8>) {
        var offset = 0
        while offset < length {
            let word = UnsafeRawPointer(source + offset).loadUnaligned(as: SIMD16<UInt8>.self)
            UnsafeMutableRawPointer(out + offset).storeBytes(of: word, as: SIMD16<UInt8>.self)
            offset &+= 16
        }
    }
}
