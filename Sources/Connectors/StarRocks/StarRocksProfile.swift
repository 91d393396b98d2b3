import ApusCore

/// Which server answers, and what that version can do.
struct StarRocksProfile: Hashable, Sendable {
    enum Flavour: String, Sendable { case starRocks, doris }

    var flavour: Flavour
    var major: Int
    var minor: Int
    /// As the server says it: `3.3.14-6c8a7ba`.
    var text: String

    init(_ flavour: Flavour, major: Int, minor: Int, text: String) {
        self.flavour = flavour
        self.major = major
        self.minor = minor
        self.text = text
    }

    var isDoris: Bool { flavour == .doris }
    /// The connector's name, which is the origin of shapes too.
    var origin: String { isDoris ? "doris" : "starrocks" }

    func since(_ major: Int, _ minor: Int = 0) -> Bool { (self.major, self.minor) >= (major, minor) }
    /// Of StarRocks, at least that version.
    func isStarRocks(_ major: Int, _ minor: Int = 0) -> Bool { !isDoris && since(major, minor) }

    var banner: String { (isDoris ? "Doris " : "StarRocks ") + text }

    /// `information_schema.partitions_meta`.
    var hasPartitionsMeta: Bool { isStarRocks(3) }
    var hasMapsAndStructs: Bool { isDoris || since(3, 1) }
    var hasVarbinary: Bool { isStarRocks(3) }
    var hasRandomBuckets: Bool { isDoris || since(3, 1) }
    /// `BUCKETS` may be left out (2.5.7).
    var hasAutomaticBuckets: Bool { isDoris || since(2, 5) }
    /// The variable `insert_timeout`, which takes the place of `query_timeout` for INSERT. (Doris takes the longer of its two.)
    var hasInsertTimeout: Bool { isStarRocks(3, 4) }
    var decimalDigits: Int { isStarRocks(4) ? 76 : 38 }
}

extension StarRocksProfile {
    /// - parameters:
    ///   - comment: the variable `version_comment`: `StarRocks version 3.3.14-6c8a7ba`, `Doris version doris-2.1.7-rc03-443e87e203`.
    ///   - current: what `current_version()` says, which Doris has not.
    ///   - handshake: `5.1.0` is StarRocks 2.5 or older, `5.7.99` is Doris.
    ///   - expected: what the connection's scheme says, where the server does not.
    init(comment: String, current: String, handshake: String, expected: Flavour) {
        let isDoris =
            comment.lowercased().contains("doris") || current.lowercased().contains("doris")
            || (comment.isEmpty && (expected == .doris || handshake.hasPrefix("5.7.99")))
        for text in [current, comment] {
            // The first number of the form 3.3.
            guard let start = text.ranges(of: /[0-9]+\.[0-9]+/).first else { continue }
            let whole = text[start.lowerBound...].prefix { !$0.isWhitespace }
            let parts = whole.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
            self.init(isDoris ? .doris : .starRocks, major: parts[0], minor: parts.count > 1 ? parts[1] : 0, text: String(whole))
            return
        }
        if isDoris {
            self.init(.doris, major: 2, minor: 0, text: handshake)
        } else if handshake.hasPrefix("5.1") {
            self.init(.starRocks, major: 2, minor: 5, text: "2.5 or older")
        } else {
            self.init(.starRocks, major: 3, minor: 1, text: handshake)
        }
    }
}
