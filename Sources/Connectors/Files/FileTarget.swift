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

        /// Files that the table has now and that Apus wrote, in part order: others of the folder are left alone.
        func existing(endings: [String]) throws -> [String] {
            guard isFolder(folder) else { return [] }
            return try folderEntries(folder).filter { name in
                guard !name.hasPrefix("."), !isFolder(join(name)) else { return false }
                if FileNames.isSame(name, stem + ending) { return true }
                let (other, otherEnding) = FileLocation.split(name, endings: endings)
                let isPart = FileLocation.table(ofPart: other).map { FileNames.isSame($0.table, stem) } ?? false
                guard isPart || FileNames.isSame(other, stem) else { return false }
                // Of one kind, compressed or not: notes in `log.txt` are not the table `log` that was written before.
                if ownsStem { return FileSet.kind(otherEnding) == FileSet.kind(ending) }
                return hasParts && isPart && otherEnding == ending
            }.map(join)
        }

        private static func kind(_ ending: String) -> Substring? { ending.split(separator: ".").first }

        /// Parts are written as 00001, 00002 … without gaps. What has another number may be anybody's: neither to be
        /// removed nor to stay, since it would be read as a part of the new rows.
        /// - throws: `object.exists`.
        func checkParts(_ existing: [String], endings: [String]) throws {
            let parts = existing.compactMap { path in number(path, endings: endings).map { (path, $0) } }
            guard let other = parts.first(where: { $0.1 > parts.count }) else { return }
            throw ApusError(
                .exists, "\(other.0) has the name of a part of the table that is to be replaced, but parts before it are missing",
                hint: "Move it to another folder, or remove it.")
        }

        /// A file system that folds case has one file for tables that the source tells apart.
        /// - throws: `config.invalid`.
        func checkTwin(of name: String) throws {
            let twin = FileNames.twin(of: name, among: (try? folderEntries(folder)) ?? []) { a, b in
                guard let a = fileStatus(join(a)), let b = fileStatus(join(b)) else { return false }
                return a.st_ino == b.st_ino && a.st_dev == b.st_dev
            }
            guard let twin else { return }
            throw ApusError(
                .configurationInvalid, "the file system of \(folder) does not tell \(name) from \(twin), which is there",
                hint: "Give one of the tables another name with `to`, or load it into another folder.")
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
            let stem = FileNames.encode(load.target.name)
            guard stem.utf8.count <= FileNames.longest else {
                throw ApusError(
                    .configurationInvalid, "the name of the table \(load.target.name) is too long for a file",
                    hint: "Give the target another name with `to`; a file's name has at most \(FileNames.longest) bytes.")
            }
            let compression = options.compression ?? .none
            return .files(
                FileTarget.FileSet(
                    folder: folder, stem: stem,
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
}
