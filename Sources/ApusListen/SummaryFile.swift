import ApusCore
import Glibc
import Synchronization

/// `--summary-file`: the run's summary in a file of mode 0600, there in full or not at all.
public final class SummaryFile: Listener {
    private let path: String
    private let fault = Mutex<ApusError?>(nil)

    /// Tries whether the file can be written, so that a wrong path is known before the run.
    /// - throws: `config.invalid`.
    public init(path: String) throws {
        self.path = path
        do {
            try Self.write("", to: path + Self.suffix, asideOf: nil)
            unlink(path + Self.suffix)
        } catch let error as ApusError {
            throw ApusError(
                .configurationInvalid, error.message, hint: "Give --summary-file a path that can be written.")
        }
    }

    /// Why the summary is not there, after the run.
    public var error: ApusError? { fault.withLock { $0 } }

    public func hear(_ event: Event) {
        guard case .runFinished(let result) = event.kind else { return }
        do {
            try Self.write(Summary.json(result, runID: event.runID), to: path)
        } catch {
            fault.withLock { $0 = error as? ApusError }
        }
    }

    private static var suffix: String { ".\(getpid()).part" }

    /// Writes beside the file and renames, so that nobody reads half of it.
    public static func write(_ text: String, to path: String) throws {
        try write(text, to: path + suffix, asideOf: path)
    }

    private static func write(_ text: String, to part: String, asideOf path: String?) throws {
        func fail() -> ApusError {
            let reason = String(cString: strerror(errno))
            unlink(part)
            return ApusError(.full, "the summary cannot be written to \(path ?? part): \(reason)")
        }
        let descriptor = OwnFile.make(part)
        guard descriptor >= 0 else { throw fail() }
        var text = Masking.mask(structured: text)
        let isWritten = text.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + sent, bytes.count - sent)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return fchmod(descriptor, 0o600) == 0 && fsync(descriptor) == 0
        }
        guard isWritten else {
            close(descriptor)
            throw fail()
        }
        guard close(descriptor) == 0 else { throw fail() }
        if let path, rename(part, path) != 0 { throw fail() }
    }
}
