import ApusCore
import ApusFlow
import Glibc

/// The connections of an unfinished run whose passwords were written on the command line, so that `apus resume` can
/// open them again: a file of mode 0600 beside the default ledger, removed when the run is done.
///
/// Nothing else that Apus writes holds a password. A connection with `${ENV}`, `${file:…}` or a name needs no such
/// file and gets none.
struct RunSecrets {
    /// By position as in ``Flow/sources``.
    var from: [String]
    var to: String

    /// What a flow's connections are with their passwords; nil when none was written out.
    init?(_ flow: Flow) {
        guard (flow.sources + [flow.to]).contains(where: { $0.reference.contains("•••") }) else { return nil }
        from = flow.sources.map(Self.clear)
        to = Self.clear(flow.to)
    }

    init(from: [String], to: String) {
        self.from = from
        self.to = to
    }

    private static func clear(_ connection: Flow.Connection) -> String {
        guard connection.reference.contains(Masking.mark) else { return connection.reference }
        return connection.endpoint.url.clear(password: connection.endpoint.password)
    }

    private static func path(_ runID: String) -> String { StateFolder.path + "/runs/\(runID).connections" }

    /// - throws: `target.full`, `object.permission`.
    func keep(for runID: String) throws {
        try StateFolder.make("runs")
        let path = Self.path(runID)
        let descriptor = OwnFile.make(path)
        guard descriptor >= 0 else {
            throw ApusError(
                .permission,
                "the connections of this run could not be kept for \(Advice.name("resume")): \(path): \(String(cString: strerror(errno)))"
            )
        }
        defer { close(descriptor) }
        let text = Array((from + [to]).map { $0 + "\n" }.joined().utf8)
        guard write(descriptor, text, text.count) == text.count else {
            throw ApusError(.full, "the connections of this run could not be kept for \(Advice.name("resume")): \(path)")
        }
    }

    static func kept(for runID: String) -> RunSecrets? {
        guard let file = fopen(path(runID), "re") else { return nil }
        defer { fclose(file) }
        var lines: [String] = []
        while let line = readLine(file) { lines.append(line) }
        return lines.count >= 2 ? RunSecrets(from: lines.dropLast(), to: lines[lines.count - 1]) : nil
    }

    static func forget(_ runID: String) {
        unlink(path(runID))
        unlink(planPath(runID))
    }

    // MARK: Statements

    private static func planPath(_ runID: String) -> String { StateFolder.path + "/runs/\(runID).plan" }

    /// Keeps a plan in whose statements passwords stand; the ledger has it without them.
    static func keep(_ plan: Plan, for runID: String) throws {
        try StateFolder.make("runs")
        try PlanFile.write(plan, to: planPath(runID))
    }

    static func plan(of runID: String) throws -> Plan? {
        access(planPath(runID), F_OK) == 0 ? try PlanFile.read(planPath(runID)) : nil
    }

    private static func readLine(_ file: UnsafeMutablePointer<FILE>) -> String? {
        var bytes: [UInt8] = []
        while true {
            let character = getc(file)
            if character == EOF { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
            if character == 10 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(UInt8(truncatingIfNeeded: character))
        }
    }
}
