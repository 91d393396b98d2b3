import ApusCore
import ApusFlow
import Glibc

/// The octets of a job: a file's, or what an http(s) address answers.
enum JobText {
    /// - throws: `config.invalid` for a file that cannot be read or is no job by its size; `connection.unreachable`.
    static func read(_ name: String, _ interrupt: Interrupt) throws -> [UInt8] {
        if name.lowercased().hasPrefix("http://") || name.lowercased().hasPrefix("https://") {
            return try JobAddress(name).fetch(limit: DataXJobReader.sizeLimit)
        }
        let descriptor = open(name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ApusError(
                .configurationInvalid, "the job file \(name) cannot be read: \(String(cString: strerror(errno)))",
                hint: "Name the file by its path, or an address that begins with http:// or https://.")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= DataXJobReader.sizeLimit {
            let count = Glibc.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw ApusError(
                    .configurationInvalid, "the job file \(name) cannot be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            bytes += block[..<count]
        }
        throw ApusError(.configurationInvalid, "\(name) has more than \(DataXJobReader.sizeLimit >> 20) MiB: that is no job")
    }
}
