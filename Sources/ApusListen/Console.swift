import Glibc
import Synchronization

/// Where lines for people and machines go, usually stderr: whole lines, one writer at a time, above a block that is
/// redrawn in place at the end of the screen.
///
/// Text is written at once and in one piece. A closed or full output is no reason to stop a run: it is ignored.
public final class Console: Sendable {
    private struct State {
        /// The lines of the block as they stand on the screen.
        var block: [String] = []
        var columns = 80
    }

    private let state = Mutex(State())
    private let put: @Sendable (String) -> Void

    public static let standardError = Console(descriptor: 2)

    /// `put` gets pieces of text in order, one call at a time.
    public init(_ put: @escaping @Sendable (String) -> Void) { self.put = put }

    public convenience init(descriptor: Int32) {
        self.init { text in
            var text = text
            text.withUTF8 { bytes in
                var rest = UnsafeRawBufferPointer(bytes)
                while !rest.isEmpty {
                    let count = write(descriptor, rest.baseAddress, rest.count)
                    if count < 0 && (errno == EINTR || errno == EAGAIN) {
                        if errno == EAGAIN { usleep(1000) }
                        continue
                    }
                    guard count > 0 else { return }
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                }
            }
        }
    }

    /// Prints a line (or several) above the block.
    public func print(_ line: String) {
        state.withLock { state in
            put(Self.clear(state) + line + "\n" + Self.draw(state.block))
        }
    }

    /// Puts lines in the block's place; none removes it. No line may be wider than `columns`.
    public func show(_ lines: [String], columns: Int) {
        state.withLock { state in
            guard lines != state.block || columns != state.columns else { return }
            // The screen may have been made narrower since, and have wrapped what stands there.
            state.columns = columns
            let text = Self.clear(state) + Self.draw(lines)
            state.block = lines
            put(text)
        }
    }

    /// To the first line of the block, then erased to the end of the screen (ECMA-48: CPL, ED).
    private static func clear(_ state: State) -> String {
        guard !state.block.isEmpty else { return "" }
        let rows = state.block.reduce(0) { sum, line in
            sum + max(1, (DisplayWidth.of(unstyled(line)) + state.columns - 1) / max(state.columns, 1))
        }
        return "\u{1B}[\(rows)F\u{1B}[0J"
    }

    private static func draw(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    /// Without SGR sequences.
    static func unstyled(_ text: String) -> String {
        guard text.contains("\u{1B}") else { return text }
        var out = "", isCode = false
        for scalar in text.unicodeScalars {
            if scalar == "\u{1B}" {
                isCode = true
            } else if isCode {
                isCode = scalar != "m"
            } else {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
