import ApusTesting
import Foundation
import Testing

/// Rejected rows beyond what memory would hold.
@Suite struct ManyRejectedTests {
    /// A run whose ledger keeps so many rejected rows, each of so many bytes.
    private func full(_ count: Int, _ length: Int) throws -> (Typist, run: String) {
        let typist = try Typist()
        try typist.bad()
        let copied = try typist.copyBad("--bad-rows", "9")
        #expect(copied.status == 0, "\(copied.stderr)")
        let text = String(repeating: "x", count: length)
        // One of a thousand is refused again.
        try typist.sqlite(
            "led ger.db",
            """
            CREATE TEMP TABLE old AS SELECT * FROM apus_rejected LIMIT 1;
            DELETE FROM apus_rejected;
            INSERT INTO apus_rejected WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < \(count - 1))
            SELECT run_id, table_no, slice_no, i, i, column_name, reason || ' \(text)',
              '{"id":"' || (i + 10) || '","v":"' || (CASE WHEN i % 1000 = 500 THEN 1000 ELSE 1 END) || '"}' FROM n, old;
            """)
        return (typist, try typist.user.latestRun(typist.ledger))
    }

    /// Runs it in the shell and gives the peak of its memory in KiB.
    private func peak(_ typist: Typist, _ line: String) throws -> (status: Int32, kilobytes: Int, output: String) {
        let script = """
            \(line) &
            pid=$!; peak=0
            while [ -d /proc/$pid ] && ! grep -q '^State:.Z' /proc/$pid/status; do
              now=$(awk '/^VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null); peak=${now:-$peak}; sleep 0.02
            done
            wait $pid; echo "status $? peak $peak"
            """
        let result = try runCommand(
            "/bin/bash", ["-c", script], environment: typist.user.environment, cleanEnvironment: true, timeout: .seconds(100))
        let found = try #require(result.stdout.firstMatch(of: /status ([0-9]+) peak ([0-9]+)/), "\(result.stdout)\(result.stderr)")
        return (Int32(found.1)!, Int(found.2)!, result.stdout + result.stderr)
    }

    @Test func `show reads them one after another`() throws {
        // 16 MB, whose lines are as many again. However many there are, it takes 56 MB in a debug build.
        let count = 4000, most = 72 * 1024, (typist, run) = try full(count, 4000)
        let program = try apusBinary(), ledger = PrintedCommands.word(typist.ledger), out = PrintedCommands.word(typist.odd("out"))
        let lines = try peak(typist, "\(program) show \(run) --rejected --ledger \(ledger) > \(out)")
        #expect(lines.status == 0 && lines.kilobytes > 1000 && lines.kilobytes < most, "\(lines) \(most)")
        #expect(try String(contentsOfFile: typist.odd("out"), encoding: .utf8).utf8.count { $0 == 10 } == count)
        let report = try peak(typist, "\(program) show \(run) --output json --ledger \(ledger) > \(out)")
        #expect(report.status == 0 && report.kilobytes < most, "\(report) \(most)")
        let data = try Data(contentsOf: URL(fileURLWithPath: typist.odd("out")))
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect((object["rejected_rows"] as? [Any])?.count == count)
    }

    @Test func `retry-rejected loads what is taken now, and keeps the rest`() throws {
        // 120 MB.
        let count = 60_000, (typist, run) = try full(count, 2000)
        let before = try typist.loaded("t.db", "bad")
        let retried = try peak(typist, "\(try apusBinary()) retry-rejected \(run) --ledger \(PrintedCommands.word(typist.ledger))")
        #expect(retried.status == 1 && retried.kilobytes > 1000 && retried.kilobytes < 96 * 1024, "\(retried)")
        #expect(try typist.loaded("t.db", "bad") == before + count - count / 1000)
        #expect(
            try typist.sqlite("led ger.db", "SELECT count(*), min(row_no) FROM apus_rejected WHERE run_id = '\(run)'")
                == "\(count / 1000)|500")
    }
}
