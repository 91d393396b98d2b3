import ApusCore
import CScan
import FoundationEssentials
import Glibc

/// Puts the files of a finished load in their places, so that a crash at any instant and a second call lead to the
/// same result.
///
/// 1. The manifest says what is to be done. 2. Every output is built inside the hidden folder; a piece that was added
/// is removed, so that what is left to add is known. 3. The marker `placing` is written. 4. Outputs are renamed into
/// place: one that is not in the hidden folder any more has been. 5. Old files of the table go. 6. The folder becomes
/// a tomb.
struct FileFinish: Codable {
    struct Output: Codable {
        var path: String
        /// An existing file that is copied first, and its octets.
        var base: String?
        var baseBytes: Int
        /// Octets that end the base's last line.
        var patch: [UInt8]
        var pieces: [Piece]
    }

    struct Piece: Codable {
        var name: String
        var skip: Int
        var bytes: Int
    }

    var outputs: [Output]
    var removals: [String]

    static let manifest = "finish.json"
    private static let placing = "placing"

    func run(in folder: SliceFolder, target: String) throws {
        if fileStatus(folder.file(FileFinish.placing)) == nil {
            for (index, output) in outputs.enumerated() { try build(output, folder.file("output-\(index)"), folder) }
            try SliceFolder.write([String](), folder.file(FileFinish.placing))
        }
        for (index, output) in outputs.enumerated() {
            let built = folder.file("output-\(index)")
            if fileStatus(built) != nil, rename(built, output.path) != 0 {
                throw FileError.last("writing \(output.path)")
            }
        }
        let placed = Set(outputs.map(\.path))
        for path in removals where !placed.contains(path) {
            if unlink(path) != 0, errno != ENOENT { throw FileError.last("removing \(path)") }
        }
        try SliceFolder.syncFolder(target)
        try folder.bury()
    }

    private func build(_ output: Output, _ path: String, _ folder: SliceFolder) throws {
        var position = output.baseBytes + output.patch.count
        var pieces = output.pieces[...]
        let doing = "writing \(output.path)"
        if fileStatus(path) == nil {
            let aside = path + ".tmp"
            if let base = output.base {
                let copy = try Descriptor(opening: aside, O_WRONLY | O_CREAT | O_TRUNC, doing)
                try FileFinish.copy(base, from: 0, count: output.baseBytes, to: copy, at: 0, doing)
                output.patch.withUnsafeBytes {
                    _ = pwrite(copy.number, $0.baseAddress, $0.count, off_t(output.baseBytes))
                }
                if let mode = fileStatus(base)?.st_mode { fchmod(copy.number, mode & 0o7777) }
                guard fsync(copy.number) == 0 else { throw FileError.last(doing) }
                if rename(aside, path) != 0 { throw FileError.last(doing) }
            } else if let first = pieces.first {
                if rename(folder.file(first.name), path) != 0 { throw FileError.last(doing) }
            } else {
                _ = try Descriptor(opening: path, O_WRONLY | O_CREAT, doing)
            }
        }
        if output.base == nil, let first = pieces.popFirst() { position += first.bytes }
        guard !pieces.isEmpty else { return }
        let file = try Descriptor(opening: path, O_WRONLY, doing)
        for piece in pieces {
            let length = piece.bytes - piece.skip
            defer { position += length }
            let source = folder.file(piece.name)
            guard fileStatus(source) != nil else { continue }
            // A copy that broke off is done again.
            guard ftruncate(file.number, off_t(position)) == 0 else { throw FileError.last(doing) }
            try FileFinish.copy(source, from: piece.skip, count: length, to: file, at: position, doing)
            guard fsync(file.number) == 0 else { throw FileError.last(doing) }
            unlink(source)
        }
    }

    /// Copies part of a file, in the kernel where it can.
    private static func copy(
        _ path: String, from start: Int, count: Int, to file: Descriptor, at place: Int, _ doing: String
    ) throws {
        let source = try Descriptor(opening: path, O_RDONLY, doing)
        var from = off_t(start), to = off_t(place)
        var left = count
        var inKernel = true
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { memory.deallocate() }
        while left > 0 {
            if inKernel {
                let copied = apus_copy_file_range(source.number, &from, file.number, &to, left)
                if copied > 0 {
                    left -= copied
                    continue
                }
                if copied < 0, ![EXDEV, ENOSYS, EINVAL, EOPNOTSUPP, EPERM].contains(errno) {
                    throw FileError.last(doing)
                }
                inKernel = false
            }
            let got = pread(source.number, memory, min(left, 1 << 20), from)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else {
                throw got < 0
                    ? FileError.last(doing) : ApusError(.failed, "\(path) is shorter than it was when it was written")
            }
            var written = 0
            while written < got {
                let count = pwrite(file.number, memory + written, got - written, to + off_t(written))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw FileError.last(doing) }
                written += count
            }
            from += off_t(got)
            to += off_t(got)
            left -= got
        }
    }
}
