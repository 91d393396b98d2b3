import ApusCore
import Synchronization

/// Where lines for people and machines go, usually stderr: whole lines, one writer at a time, above a block that is
/// redrawn in place at the end of the screen.
///
/// Text is written in one piece and in order. An output that is closed or full, or whose reader sleeps, is no reason to
/// stop or stall a run: see ``PatientOutput``.
public final class Console: Sendable {
    /// What a text is worth when it cannot be written at once.
    public enum Weight: Sendable, Hashable {
        /// Out of date in a moment.
        case progress
        case line
        /// Never dropped.
        case error
    }

    private struct State {
        /// The lines of the block as they stand on the screen.
        var block: [String] = []
        var columns = 80
    }

    private let state = Mutex(State())
    private let put: @Sendable (String, Weight) -> Void
    private let output: PatientOutput?

    public static let standardError = Console(descriptor: 2)

    /// `put` gets pieces of text in order, one call at a time.
    public init(_ put: @escaping @Sendable (String) -> Void) {
        self.put = { text, _ in put(text) }
        output = nil
    }

    public init(descriptor: Int32) {
        let output = PatientOutput(descriptor: descriptor)
        put = { output.put($0, $1) }
        self.output = output
    }

    /// Waits for what is not written yet, as long as somebody reads. Call it before the program ends, and before another
    /// output says what is to be read afterwards.
    public func flush() { output?.flush() }

    /// Every line is an object with a number: gaps show by themselves.
    func becomeMachineRead() { output?.becomeMachineRead() }

    /// Prints a line (or several) above the block.
    ///
    /// - parameter isMasked: it passed ``Masking`` piece by piece, as the strings of a line of JSON do.
    public func print(_ line: String, _ weight: Weight = .line, isMasked: Bool = false) {
        let line = isMasked ? line : Masking.mask(line)
        state.withLock { state in
            put(Self.clear(state) + line + "\n" + Self.draw(state.block), weight)
        }
    }

    /// Puts lines in the block's place; none removes it. No line may be wider than `columns`.
    public func show(_ lines: [String], columns: Int) {
        let lines = lines.map(Masking.values)
        state.withLock { state in
            guard lines != state.block || columns != state.columns else { return }
            // The next picture will do, unless this one takes the block away.
            if !lines.isEmpty, output?.isBusy == true { return }
            // The screen may have been made narrower since, and have wrapped what stands there.
            state.columns = columns
            let text = Self.clear(state) + Self.draw(lines)
            state.block = lines
            // Never dropped: what comes next counts on it.
            put(text, .error)
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

extension Console.Weight {
    init(_ level: Event.Level) { self = level >= .warning ? .error : .line }
}
