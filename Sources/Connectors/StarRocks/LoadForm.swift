import ApusCore
import Tabular

/// How the rows of a load are written, which depends on the server's version.
struct LoadForm: Sendable {
    /// Values that hold a separator are put in quotes; before StarRocks 3.0 they cannot be.
    var hasQuotes: Bool
    var separator: [UInt8]
    var delimiter: [UInt8]
    var method: LoadCompressor.Method
    /// The headers that say so.
    var headers: [(name: String, value: String)]

    init(_ profile: StarRocksProfile, _ compression: StarRocksOptions.Compression) {
        hasQuotes = profile.isDoris || profile.since(3)
        // Without quotes: octets that text does not hold, three of each, which no value is allowed to hold in a row.
        separator = hasQuotes ? [1] : [1, 2, 3]
        delimiter = hasQuotes ? [2] : [4, 5, 6]
        method =
            switch compression {
            case .none: .none
            case .zstd: profile.isDoris ? .lz4 : .zstd
            case .auto, .lz4: .lz4
            }
        headers = [
            ("column_separator", Self.hex(separator)), (profile.isDoris ? "line_delimiter" : "row_delimiter", Self.hex(delimiter)),
        ]
        if hasQuotes { headers.append(("enclose", "\"")) }
        switch method {
        case .none: headers.append(("format", "csv"))
        case .lz4 where profile.isDoris: headers += [("format", "csv"), ("compress_type", "lz4")]
        // The older way to say it.
        case .lz4 where !profile.since(3, 2): headers.append(("format", "lz4"))
        case .zstd where !profile.since(3, 2): headers.append(("format", "zstd"))
        case .lz4: headers += [("format", "csv"), ("compression", "LZ4_FRAME")]
        case .zstd: headers += [("format", "csv"), ("compression", "ZSTD")]
        }
    }

    private static func hex(_ octets: [UInt8]) -> String {
        "\\x" + octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
