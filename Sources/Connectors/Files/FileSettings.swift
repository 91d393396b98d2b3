import ApusCore
import Tabular

/// Options of both kinds of files, and what they mean.
struct FileOptions {
    /// nil = by the name.
    var compression: Compression?
    /// nil = the compressor's own.
    var level: Int?
    /// glibc's name; nil = UTF-8.
    var encoding: String?
    var bom: Bool
    var columns: [String]?
    var types: [(name: String, type: ColumnType)]
    var infer: Bool
    var sampleRows: Int
    var partSize: Int?
    var binary: BinaryText
    var maxRow: Int
    /// The table's name instead of the file's.
    var table: String?
    /// How dates are written, by column; that of "" holds for all others.
    var datePatterns: [String: DatePattern] = [:]

    static func settings(binary: String) -> [Setting] {
        [
            Setting("table", .text, "the table's name, instead of the file's; where the path means one table"),
            Setting("columns", .text, "column names, separated by commas, instead of those in the files"),
            Setting("types", .text, "column types, e.g. id:int64,price:decimal(10,2); the others are inferred"),
            Setting(
                "date_format", .text,
                "of dates and timestamps, e.g. yyyy.MM.dd, or by column: c1=yyyyMMdd;c2=dd/MM/yyyy HH:mm; default ISO 8601"),
            Setting("infer", .boolean, default: "true", "infer types from a sample; false = text"),
            Setting("sample_rows", .integer, default: "1000", "rows of each file that inference looks at"),
            Setting(
                "encoding", .text, default: "utf-8", aliases: ["charset"], "of the text, e.g. gbk, latin1, utf-16le"),
            Setting("bom", .boolean, default: "false", "write a byte order mark, as Excel wants it"),
            Setting(
                "compression", .choice(["auto", "none", "gzip", "zstd"]), default: "auto",
                "auto = by .gz or .zst at the end of the name"),
            Setting("level", .integer, "of compression; gzip 1 to 9, zstd 1 to 19"),
            Setting("part_size", .bytes, "write numbered parts of about this size, e.g. 256MiB"),
            Setting(
                "binary", .choice(["hex", "base64", "text"]), default: binary,
                "how bytes stand in the file: \\x00ff, Base64, or as the characters that they are in UTF-8"),
            Setting("max_row", .bytes, default: "1GiB", "a longer row is an error: a quote was not closed"),
        ]
    }

    init(_ settings: Settings) throws {
        switch settings.text("compression") {
        case "none": compression = Compression.none
        case "gzip": compression = .gzip
        case "zstd": compression = .zstd
        default: compression = nil
        }
        level = settings.integer("level")
        encoding = Encoding.system(settings.text("encoding") ?? "utf-8")
        bom = settings.boolean("bom")
        columns = settings.text("columns").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        types = try settings.text("types").map(TypeNames.columns) ?? []
        infer = settings.boolean("infer")
        sampleRows = max(1, settings.integer("sample_rows") ?? 1000)
        partSize = settings.bytes("part_size")
        binary = BinaryText(rawValue: settings.text("binary") ?? "hex") ?? .hex
        table = settings.text("table")
        if let text = settings.text("date_format") { datePatterns = try FileOptions.datePatterns(text) }
        maxRow = max(1024, settings.bytes("max_row") ?? 1 << 30)
        var seen: Set<String> = []
        if let fault = columns?.first(where: { $0.isEmpty || !seen.insert($0).inserted }) {
            throw ApusError(
                .configurationInvalid, "option `columns`: the name `\(fault)` is empty or there twice",
                hint: "Give every column a name of its own.")
        }
        if let level, !(1...22).contains(level) {
            throw ApusError(.configurationInvalid, "option `level`: \(level) is not between 1 and 22")
        }
    }

    private static func datePatterns(_ text: String) throws -> [String: DatePattern] {
        var patterns: [String: DatePattern] = [:]
        for part in text.split(separator: ";") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard let pattern = sides.last.flatMap({ DatePattern(String($0)) }) else {
                throw ApusError(
                    .configurationInvalid, "option `date_format`: `\(part)` is no date format",
                    hint: "Write e.g. yyyy.MM.dd or yyyy-MM-dd HH:mm:ss; other letters stand in 'quotes'.")
            }
            patterns[sides.count == 2 ? String(sides[0]) : ""] = pattern
        }
        return patterns
    }

    /// The pattern of a column, where it has one and its type is written by one.
    func datePattern(_ column: Column) -> DatePattern? {
        switch column.type {
        case .date, .timestamp, .instant: datePatterns[column.name] ?? datePatterns[""]
        default: nil
        }
    }

    func opener(_ interrupt: Interrupt) -> InputOpener {
        InputOpener(compression: compression, encoding: encoding, interrupt: interrupt)
    }
}

/// How bytes stand in a file.
enum BinaryText: String {
    case hex, base64
    /// As the characters that they are in UTF-8.
    case text

    var example: String { self == .hex ? "\\x00ff" : "Base64" }

    /// Whether a text is bytes in this form.
    func holds(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch self {
        case .text: return true
        case .hex:
            guard BinaryText.hasMark(bytes), bytes.count & 1 == 0 else { return false }
            return bytes.dropFirst(2).allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
        case .base64:
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bytes.count + 4) { room in
                Base64.decode(bytes, to: room.baseAddress!) != nil
            }
        }
    }

    /// `\x` or `0x`.
    @inline(__always) static func hasMark(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        bytes.count >= 2 && bytes[1] | 0x20 == UInt8(ascii: "x")
            && (bytes[0] == UInt8(ascii: "\\") || bytes[0] == UInt8(ascii: "0"))
    }
}
