import ApusCore
import Tabular

/// How the rows of a load are written.
///
/// The plain form is the rule: a separator, a delimiter, `\N`, nothing quoted and nothing escaped, since that is the only
/// one that every version reads alike on both interfaces. What it cannot carry goes as hexadecimal digits in a column of
/// the file, and what those cannot carry as JSON. A slice keeps the form that it was begun with.
struct LoadForm: Sendable {
    /// What a table or slice needs.
    struct Choice: Hashable, Sendable {
        /// JSON lines instead of CSV.
        var isJSON = false
        /// Positions of the text columns that go as hexadecimal digits.
        var hexed: Set<Int> = []

        var kind: Kind { isJSON ? .json : hexed.isEmpty ? .plain : .hex }
        var title: String { isJSON ? "JSON" : hexed.isEmpty ? "plain CSV" : "CSV with hexadecimal columns" }
    }

    /// `cast` is the plain form with MAP and STRUCT cast from JSON.
    enum Kind: String, Sendable, CaseIterable { case plain, hex, json, cast }

    let choice: Choice
    let isDoris: Bool
    let separator: UInt8 = 1
    let delimiter: UInt8
    let method: LoadCompressor.Method
    /// The headers that say so.
    let headers: [(name: String, value: String)]

    /// What the file's column of an expression can hold: VARCHAR(1048576), of two digits a byte.
    static let longestHex = 524_288
    /// Bytes of JSON in one request: servers hold it in memory, and take 100 MB.
    static let jsonBytes = 48 << 20

    var isJSON: Bool { choice.isJSON }

    init(_ profile: StarRocksProfile, _ compression: StarRocksOptions.Compression, _ choice: Choice = Choice()) {
        self.choice = choice
        isDoris = profile.isDoris
        if choice.isJSON {
            // Compressed JSON is read from 3.2.7 on only.
            (delimiter, method) = (UInt8(ascii: "\n"), .none)
            headers =
                [("format", "json")]
                + (profile.isDoris ? [("read_json_by_line", "true"), ("strip_outer_array", "false")] : [("ignore_json_size", "true")])
            return
        }
        delimiter = 2
        method =
            switch compression {
            case .none: .none
            case .zstd: profile.isDoris ? .lz4 : .zstd
            case .auto, .lz4: .lz4
            }
        var headers = [("column_separator", "\\x01"), (profile.isDoris ? "line_delimiter" : "row_delimiter", "\\x02")]
        // A pair of quotes around a field is taken off, so that texts which have one themselves can be told from NULL.
        if profile.isDoris { headers.append(("trim_double_quotes", "true")) }
        switch method {
        case .none: headers.append(("format", "csv"))
        case .lz4 where profile.isDoris: headers += [("format", "csv"), ("compress_type", "lz4")]
        // The older way to say it.
        case .lz4 where !profile.since(3, 2): headers.append(("format", "lz4"))
        case .zstd where !profile.since(3, 2): headers.append(("format", "zstd"))
        case .lz4: headers += [("format", "csv"), ("compression", "LZ4_FRAME")]
        case .zstd: headers += [("format", "csv"), ("compression", "ZSTD")]
        }
        self.headers = headers
    }
}
