import ApusCore
import Glibc

/// What the path of a URL means: standard input or output, one file, the files of a pattern, or a folder of tables.
enum FileLocation: Hashable {
    /// The path that stands for standard input and output.
    static let standard = "-"

    case stream
    case file(String)
    case pattern(String)
    case folder(String)

    init(_ endpoint: Endpoint) {
        var path = endpoint.path
        // `csv://in/a.csv` is meant as a path; URLs give its first part as the host.
        if let host = endpoint.host { path = path.isEmpty ? host + "/" : host + "/" + path }
        if path.isEmpty { path = "./" }
        if path == "~" || path.hasPrefix("~/"), let home = getenv("HOME") {
            path = String(cString: home) + path.dropFirst()
        }
        if path == FileLocation.standard {
            self = .stream
        } else if path.hasSuffix("/") || isFolder(path) {
            self = .folder(path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
        } else if path.contains(where: { "*?[".contains($0) }), fileStatus(path) == nil {
            self = .pattern(path)
        } else {
            self = .file(path)
        }
    }

    /// The folder of a path: `.` for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
    }

    /// `a.b.csv.gz` → `a.b` and `.csv.gz`; an unknown ending belongs to the stem.
    static func split(_ name: String, endings: [String]) -> (stem: String, ending: String) {
        var stem = name[...]
        for suffix in [".gz", ".zst"] where stem.hasSuffix(suffix) && stem.count > suffix.count {
            stem = stem.dropLast(suffix.count)
            break
        }
        for ending in endings where stem.lowercased().hasSuffix("." + ending) && stem.count > ending.count + 1 {
            stem = stem.dropLast(ending.count + 1)
            break
        }
        return (String(stem), String(name.dropFirst(stem.count)))
    }

    /// `orders` of `orders-00012`; nil when the stem has no part number: five digits, or up to nine that begin with 0. The
    /// days of `log-20241130` are none.
    static func table(ofPart stem: String) -> (table: String, part: Int)? {
        guard let dash = stem.lastIndex(of: "-"), dash > stem.startIndex else { return nil }
        let digits = stem[stem.index(after: dash)...]
        guard digits.count == 5 || digits.count <= 9 && digits.count > 5 && digits.hasPrefix("0"),
            digits.allSatisfy({ ("0"..."9").contains($0) }), let part = Int(digits)
        else { return nil }
        return (String(stem[..<dash]), part)
    }

    /// `orders-00012`.
    static func part(_ stem: String, _ number: Int) -> String {
        let digits = String(number)
        return stem + "-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}

/// The files of one table, in reading order.
struct TableFiles: Hashable {
    var name: String
    var paths: [String]

    var bytes: Int {
        paths.reduce(0) { $0 + (fileStatus($1).map { Int($0.st_size) } ?? 0) }
    }
}

extension FileLocation {
    /// The tables that stand here: of a folder one a stem, the parts `orders-00001.csv` … being one table.
    /// - parameter given: the name of the table, where there is but one.
    /// - throws: `object.not_found`.
    func tables(endings: [String], named given: String? = nil) throws -> [TableFiles] {
        var tables = try found(endings: endings)
        if let given, tables.count == 1 { tables[0].name = given }
        return tables
    }

    private func found(endings: [String]) throws -> [TableFiles] {
        switch self {
        case .stream: return [TableFiles(name: "stdin", paths: [FileLocation.standard])]
        case .file(let path):
            guard fileStatus(path) != nil else { throw FileError.of(ENOENT, "reading \(path)") }
            return [
                TableFiles(name: FileLocation.split(FileLocation.name(of: path), endings: endings).stem, paths: [path])
            ]
        case .pattern(let pattern):
            let paths = try FileLocation.expand(pattern)
            let stem = FileLocation.split(FileLocation.name(of: pattern), endings: endings).stem
            let name = String(stem.filter { !"*?[]".contains($0) })
            let trimmed = name.trimmingCharacters("-_. ")
            return [TableFiles(name: trimmed.isEmpty ? "files" : trimmed, paths: paths)]
        case .folder(let folder):
            var tables: [TableFiles] = []
            var places: [[UInt8]: Int] = [:]
            for entry in try folderEntries(folder) where !entry.hasPrefix(".") {
                let (stem, ending) = FileLocation.split(entry, endings: endings)
                let kind = ending.split(separator: ".").first.map { $0.lowercased() } ?? ""
                let path = folder == "/" ? "/" + entry : folder + "/" + entry
                guard endings.contains(kind), !isFolder(path) else { continue }
                let name = FileNames.decode(FileLocation.table(ofPart: stem)?.table ?? stem)
                if let place = places[Array(name.utf8)] {
                    tables[place].paths.append(path)
                } else {
                    places[Array(name.utf8)] = tables.count
                    tables.append(TableFiles(name: name, paths: [path]))
                }
            }
            return tables
        }
    }

    /// The files of one table.
    /// - throws: `object.not_found` with the nearest name.
    func files(of table: String, endings: [String], named given: String? = nil) throws -> TableFiles {
        let tables = try tables(endings: endings, named: given)
        if case .folder(let folder) = self {
            guard let found = tables.first(where: { FileNames.isSame($0.name, table) }) else {
                throw ApusError(
                    .notFound, "\(folder) has no file for the table `\(table)`",
                    hint: Nearest.hint(for: table, among: tables.map(\.name)))
            }
            let single = found.paths.filter { path in
                FileLocation.table(ofPart: FileLocation.split(FileLocation.name(of: path), endings: endings).stem)
                    == nil
            }
            if let first = single.first, found.paths.count > 1 {
                throw ApusError(
                    .configurationInvalid,
                    "the table `\(table)` is in several files of \(folder): \(found.paths.map(FileLocation.name).joined(separator: ", "))",
                    hint: "Name the file to read, e.g. \(first), or a pattern.")
            }
            return found
        }
        let only = tables[0]
        if only.name != table, self != .stream {
            throw ApusError(
                .notFound, "\(only.paths[0]) is the table `\(only.name)`; there is no `\(table)`",
                hint: "Name it `\(only.name)`.")
        }
        return TableFiles(name: table, paths: only.paths)
    }

    /// Files that match a pattern, in octet order.
    private static func expand(_ pattern: String) throws -> [String] {
        let paths: [String]
        do { paths = try FileTree.files(pattern) } catch { throw FileError.of(error.number, "listing \(error.path)") }
        if paths.isEmpty {
            throw ApusError(
                .notFound, "no file matches \(pattern)",
                hint: "Quote the URL, so that the shell leaves the pattern alone.")
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

extension String {
    /// Without any of these characters at both ends.
    fileprivate func trimmingCharacters(_ characters: String) -> String {
        var text = self[...]
        while let first = text.first, characters.contains(first) { text = text.dropFirst() }
        while let last = text.last, characters.contains(last) { text = text.dropLast() }
        return String(text)
    }
}
