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

    static func settings(binary: String) -> [Setting] {
        [
            Setting("columns", .text, "column names, separated by commas, instead of those in the files"),
            Setting("types", .text, "column types, e.g. id:int64,price:decimal(10,2); the others are inferred"),
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
            Setting("binary", .choice(["hex", "base64"]), default: binary, "how octets are written as text"),
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
        binary = settings.text("binary") == "base64" ? .base64 : .hex
        maxRow = max(1024, settings.bytes("max_row") ?? 1 << 30)
        if let columns,
            let fault = columns.first(where: { name in name.isEmpty || columns.filter { $0 == name }.count > 1 })
        {
            throw ApusError(
                .configurationInvalid, "option `columns`: the name `\(fault)` is empty or there twice",
                hint: "Give every column a name of its own.")
        }
        if let level, !(1...22).contains(level) {
            throw ApusError(.configurationInvalid, "option `level`: \(level) is not between 1 and 22")
        }
    }

    func opener(_ interrupt: Interrupt) -> InputOpener {
        InputOpener(compression: compression, encoding: encoding, interrupt: interrupt)
    }
}

/// How octets are written as text.
enum BinaryText { case hex, base64 }
