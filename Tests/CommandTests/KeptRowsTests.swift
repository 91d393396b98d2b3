import ApusTesting
import Foundation
import Testing

/// Rejected rows while the program is killed, over and over.
@Suite struct KeptRowsTests {
    let user: User
    init() throws { user = try User() }

    @Test func `after kill -9 and resume each row is in the target or kept as rejected, once`() throws {
        let rows = 12_000
        for part in 0..<4 {
            let lines = stride(from: part, to: rows, by: 4).map { "\($0),\($0 / 4 % 4 == 0 ? "bad" : String($0))\n" }
            try user.home.write("id,n\n" + lines.joined(), to: "in-\(part).csv")
        }
        var random = SeededGenerator(seed: 0xBAD)
        var killed = 0, whole = 1.0
        for round in 0..<6 {
            let target = try Store(.sqlite, "CREATE TABLE taken (id INTEGER, n INTEGER)")
            let begin = Date()
            let running = try user.start(
                "copy", "csv:" + user.home.file("in-*.csv"), target.url(), "--to", "taken", "--mode", "append", "--bad-rows", "12000",
                "--channels", "2")
            if round > 0 {
                usleep(UInt32(whole * Double.random(in: 0.2...0.9, using: &random) * 1e6))
                running.signal(SIGKILL)
            }
            let result = running.wait()
            if round == 0 { whole = -begin.timeIntervalSinceNow }
            if result.status == 137 {
                killed += 1
                let resumed = try user.apus("resume")
                // Killed before the run was on record: then nothing is there.
                if resumed.status == 78, try target.ask("SELECT count(*) FROM taken") == [["0"]] { continue }
                expect(resumed, resumed.status == 78 ? 78 : 0)
            }
            let there = try target.ask("SELECT id FROM taken").map { $0[0] }
            let kept = try user.apus("show", "--rejected").stdout.matches(of: /"id": ?"?(\d+)/).map { String($0.1) }
            #expect(there.count == 9000 && kept.count == 3000, "round \(round): \(there.count) and \(kept.count)")
            #expect(Set(there).union(kept).count == rows)
        }
        #expect(killed > 0)
    }
}
