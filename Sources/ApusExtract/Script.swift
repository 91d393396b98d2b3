import ApusControl
import ApusCore
import ApusEngine
import ApusFlow
import Glibc

/// A script of SQL: statements parted by semicolons, or by what `DELIMITER` says, with `{{ name }}` filled in.
public struct Script: Sendable {
    public struct Statement: Sendable, Hashable {
        public var sql: String
        /// The line that it begins on.
        public var line: Int

        /// Its beginning, on one line.
        public var title: String {
            let words = sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return words.count > 60 ? words.prefix(59) + "…" : words
        }
    }

    /// What became of one statement.
    public struct Outcome: Sendable {
        public var statement: Statement
        /// Rows that it changed.
        public var rows: Int
        public var seconds: Double
        public var error: ApusError?
    }

    public let name: String
    public let statements: [Statement]

    /// - throws: `config.invalid` for an open quote or parenthesis, or an unknown `{{ name }}`.
    public init(_ text: String, name: String, parameters: Parameters) throws {
        self.name = name
        do {
            statements = try ScriptCut.statements(text).map { Statement(sql: try parameters.expand($0.text), line: $0.line) }
        } catch let error as ApusError { throw error.about(name) }
    }

    /// - throws: `config.invalid` when the file cannot be read.
    public static func read(_ path: String, parameters: Parameters) throws -> Script {
        try Script(Self.text(path), name: path == "-" ? "standard input" : path, parameters: parameters)
    }

    static func text(_ path: String) throws -> String {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ApusError(.configurationInvalid, "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
        defer { if path != "-" { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[0..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ApusError(.configurationInvalid, "\(path) is not UTF-8", hint: "Save the file as UTF-8; it may be GBK.")
        }
        // Editors of Windows put a mark of order in front.
        return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    }

    /// Runs every statement, each by itself. After an error the rest is left out, unless `goesOn`.
    /// - parameter tell: called after each statement.
    public func run(on session: any SQLSession, goesOn: Bool, tell: (Outcome) -> Void = { _ in }) -> [Outcome] {
        var outcomes: [Outcome] = []
        for statement in statements {
            let start = Clock.monotonic()
            var outcome = Outcome(statement: statement, rows: 0, seconds: 0)
            do { outcome.rows = try session.execute(statement.sql) } catch {
                var error = ApusError(wrapping: error)
                error.message = "\(name):\(statement.line): \(error.message)"
                if error.hint == nil { error.hint = "The statements before it are done; mend this one and run the rest." }
                outcome.error = error
            }
            outcome.seconds = Clock.monotonic() - start
            outcomes.append(outcome)
            tell(outcome)
            if let error = outcome.error, !goesOn || error.code == .cancelled { break }
        }
        return outcomes
    }
}
