import ApusCore
import FoundationEssentials
import Glibc

/// The hidden folder beside a target in which the slices of one load wait until it is finished.
///
/// A slice counts when its mark stands there; the mark is renamed into place after the slice's files are on the disk.
struct SliceFolder {
    /// What a committed slice left.
    struct Committed: Codable {
        var mark: SliceMark
        var parts: [Part]
    }

    struct Part: Codable, Hashable {
        /// Name in this folder.
        var name: String
        var bytes: Int
        /// Octets at its start that every file has, e.g. the header.
        var prefix: Int
        var rows: Int
    }

    let path: String
    /// What is left of the folder once the load is finished: its marks, until the run is over.
    let tomb: String
    private static let ending = ".done"

    init(_ load: Load, in folder: String) {
        let run = String(load.runID.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") ? $0 : "_" })
        path = (folder == "/" ? "" : folder) + "/.apus-\(run)-\(load.table)"
        tomb = path + SliceFolder.ending
    }

    /// A folder of that name that another user made is nobody's mark.
    var isPrepared: Bool { OwnFile.isOwnFolder(path) && fileStatus(file("prepared")) != nil }
    var isFinished: Bool { OwnFile.isOwnFolder(tomb) }

    func file(_ name: String) -> String { path + "/" + name }
    static func partName(_ slice: Int, _ part: Int) -> String { "slice-\(slice)-part-\(part)" }
    static func markName(_ slice: Int) -> String { "slice-\(slice).mark" }

    func make() throws {
        guard OwnFile.makeFolder(path) else { throw FileError.last("making \(path)") }
    }

    /// The committed slices, in slice order.
    func committed() throws -> [Committed] {
        let folder = isFinished ? tomb : path
        guard OwnFile.isOwnFolder(folder) else { return [] }
        return try folderEntries(folder).filter { $0.hasPrefix("slice-") && $0.hasSuffix(".mark") }
            .map { try SliceFolder.read(Committed.self, folder + "/" + $0) }
            .sorted { $0.mark.slice < $1.mark.slice }
    }

    /// The mark of a committed slice.
    func mark(_ slice: Int) throws -> SliceMark? {
        let path = file(SliceFolder.markName(slice))
        guard fileStatus(path) != nil else { return nil }
        let mark = try SliceFolder.read(Committed.self, path).mark
        // The commit may have failed after the rename: the mark counts when it lasts.
        try SliceFolder.syncFolder(self.path)
        return mark
    }

    func commit(_ slice: Committed) throws {
        try SliceFolder.write(slice, file(SliceFolder.markName(slice.mark.slice)))
    }

    /// Removes what a try of a slice left, its mark first.
    func remove(slice: Int) {
        unlink(file(SliceFolder.markName(slice)))
        for name in (try? folderEntries(path)) ?? [] where name.hasPrefix("slice-\(slice)-") { unlink(file(name)) }
    }

    /// Turns the folder into the tomb, which holds the marks alone.
    func bury() throws {
        if rename(path, tomb) != 0 { throw FileError.last("finishing \(path)") }
        for name in try folderEntries(tomb) where !name.hasSuffix(".mark") { unlink(tomb + "/" + name) }
    }

    func discard() throws {
        // The mark of preparation goes first: half a folder is no prepared one.
        unlink(file("prepared"))
        try SliceFolder.removeFolder(path)
        try SliceFolder.removeFolder(tomb)
    }

    static func removeFolder(_ path: String) throws {
        guard OwnFile.isOwnFolder(path) else { return }
        for name in try folderEntries(path) { unlink(path + "/" + name) }
        if rmdir(path) != 0, errno != ENOENT { throw FileError.last("removing \(path)") }
    }

    /// Removes the tombs that other runs left, which nobody will ask for again.
    static func sweep(_ folder: String, except own: String) {
        for name in (try? folderEntries(folder)) ?? [] where name.hasPrefix(".apus-") && name.hasSuffix(ending) {
            let path = folder + "/" + name
            // A run that still goes on may ask for its own within the day.
            guard path != own, let status = fileStatus(path), status.st_mtim.tv_sec < time(nil) - 86_400 else {
                continue
            }
            try? removeFolder(path)
        }
    }

    // MARK: Small files

    /// Writes a value as JSON: whole or not at all, and on the disk when this returns.
    static func write<Value: Encodable>(_ value: Value, _ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = [UInt8](try encoder.encode(value))
        let aside = path + ".tmp"
        let doing = "writing \(path)"
        let descriptor = try Descriptor(opening: aside, O_WRONLY | O_CREAT | O_TRUNC, doing)
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor.number, $0.baseAddress! + position, bytes.count - position)
            }
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw FileError.last(doing)
            }
            position += count
        }
        guard fsync(descriptor.number) == 0, rename(aside, path) == 0 else { throw FileError.last(doing) }
        try syncFolder(FileLocation.folder(of: path))
    }

    static func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        let input = FileInput(
            try Descriptor(opening: path, O_RDONLY, "reading \(path)"), label: path, interrupt: Interrupt())
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = try block.withUnsafeMutableBufferPointer {
                try input.read(into: $0.baseAddress!, count: $0.count)
            }
            if count == 0 { break }
            bytes += block[..<count]
        }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw ApusError(
                .failed, "\(path) does not hold what Apus wrote there",
                hint: "Remove that hidden folder and load the table again.",
                underlying: "\(error)")
        }
    }

    /// Makes renames in a folder last.
    static func syncFolder(_ path: String) throws {
        let descriptor = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY, "opening \(path)")
        if fsync(descriptor.number) != 0, errno != EINVAL { throw FileError.last("writing \(path)") }
    }
}
