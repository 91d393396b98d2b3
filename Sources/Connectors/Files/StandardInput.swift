import ApusCore
import Glibc
import Synchronization

/// Standard input, which several connections of a process look at: what a sample took is kept and given again.
final class StandardInput: ByteInput {
    private struct Shared {
        var kept: [UInt8] = []
        var isTaken = false
    }
    private static let shared = Mutex(Shared())

    private let input: FileInput
    private let isSample: Bool
    private var replayed = 0
    var position: Int { input.position }

    /// - throws: `unsupported` when it was read already.
    init(sample: Bool, interrupt: Interrupt) throws {
        let isTaken = StandardInput.shared.withLock { shared in
            defer { if !sample { shared.isTaken = true } }
            return shared.isTaken
        }
        if isTaken {
            throw ApusError(
                .unsupported, "standard input was read already and cannot be read again",
                hint: "Save it to a file and load that.")
        }
        isSample = sample
        input = FileInput(Descriptor(STDIN_FILENO, owned: false), label: "standard input", interrupt: interrupt)
    }

    func read(into out: UnsafeMutablePointer<UInt8>, count: Int) throws -> Int {
        let kept = StandardInput.shared.withLock { shared -> Int in
            let part = min(count, shared.kept.count - replayed)
            if part > 0 {
                shared.kept.withUnsafeBufferPointer { out.update(from: $0.baseAddress! + replayed, count: part) }
                replayed += part
                if !isSample, replayed == shared.kept.count {
                    shared.kept = []
                    replayed = 0
                }
            }
            return part
        }
        if kept > 0 { return kept }
        let got = try input.read(into: out, count: count)
        if isSample, got > 0 {
            StandardInput.shared.withLock { $0.kept += UnsafeBufferPointer(start: out, count: got) }
            replayed += got
        }
        return got
    }
}
