import ApusCore
import Glibc

/// Where the rows of one load end up.
enum FileTarget {
    /// Written straight: standard output, a pipe, a device.
    case stream(String)
    case files(FileSet)

    /// A file, or numbered parts, in a folder.
    struct FileSet {
        var folder: String
        var stem: String
        /// `.csv.gz`.
        var ending: String
        var hasParts: Bool
        var compression: Compression
        /// The folder holds a table a stem: other files of this stem are the same table.
        var ownsStem: Bool

        var path: String { join(stem + ending) }
        func part(_ number: Int) -> String { join(FileLocation.part(stem, number) + ending) }
        func join(_ name: String) -> String { folder == "/" ? "/" + name : folder + "/" + name }
        /// For messages.
        var label: String { hasParts ? join(stem + "-*" + ending) : path }

        /// Files that the table has now, in part order.
        func existing(endings: [String]) throws -> [String] {
            guard isFolder(folder) else { return [] }
            return try folderEntries(folder).filter { name in
                guard !name.hasPrefix("."), !isFolder(join(name)) else { return false }
                if name == stem + ending { return true }
                let (other, otherEnding) = FileLocation.split(name, endings: endings)
                let isPart = FileLocation.table(ofPart: other)?.table == stem
                guard isPart || other == stem else { return false }
                if ownsStem {
                    let kind = otherEnding.split(separator: ".").first.map { $0.lowercased() } ?? ""
                    return endings.contains(kind)
                }
                return hasParts && isPart && otherEnding == ending
            }.map(join)
        }

        /// The number of a part, or nil.
        func number(_ path: String, endings: [String]) -> Int? {
            FileLocation.table(ofPart: FileLocation.split(FileLocation.name(of: path), endings: endings).stem)?.part
        }
    }
}

extension FilesSession {
    /// - throws: `config.invalid` for a pattern.
    func target(_ load: Load) throws -> FileTarget {
        switch location {
        case .stream: return .stream(FileLocation.standard)
        case .pattern(let pattern):
            throw ApusError(
                .configurationInvalid, "\(pattern) is a pattern, which can be read but not written",
                hint: "Name a file, or a folder that ends with `/`.")
        case .folder(let folder):
            let isTSV = endpoint.label.hasPrefix("tsv:")
            let compression = options.compression ?? .none
            return .files(
                FileTarget.FileSet(
                    folder: folder, stem: FilesSession.fileName(load.target.name),
                    ending: "." + (isTSV ? "tsv" : format.endings[0]) + compression.suffix,
                    hasParts: options.partSize != nil, compression: compression, ownsStem: true))
        case .file(var path):
            if let status = fileStatus(path), status.st_mode & S_IFMT != S_IFREG { return .stream(path) }
            // A link stays a link: the file that it leads to is replaced.
            if let real = realpath(path, nil) {
                path = String(cString: real)
                free(real)
            }
            let (stem, ending) = FileLocation.split(FileLocation.name(of: path), endings: format.endings)
            return .files(
                FileTarget.FileSet(
                    folder: FileLocation.folder(of: path), stem: stem, ending: ending,
                    hasParts: options.partSize != nil,
                    compression: options.compression ?? Compression(ofName: path), ownsStem: false))
        }
    }

    /// A table's name as a file name: `/` and a leading dot are percent-encoded.
    static func fileName(_ table: String) -> String {
        var name = table.replacing("/", with: "%2F").replacing("\0", with: "%00")
        if name.hasPrefix(".") { name = "%2E" + name.dropFirst() }
        return name.isEmpty ? "table" : name
    }
}
