import ApusTesting
import Foundation
import Testing

/// Servers and the program itself, killed at the worst instant.
@Suite(.requires(.mariadb, .postgres)) struct KillTests {
    let user: User
    init() throws { user = try User() }

    @Test(arguments: Kind.servers)
    func `a server killed in mid-read and again in mid-load loses no row and doubles none`(_ kind: Kind) throws {
        let mariadb = kind == .mariadb ? try MariaDBServer() : nil, postgres = kind == .postgres ? try PostgresServer() : nil
        func crash() { mariadb?.kill(); postgres?.kill() }
        func restart() throws { try mariadb?.start(); try postgres?.start() }
        let server = try Store(kind, mariadb: mariadb, postgres: postgres), file = try Store(.sqlite)
        try server.fill(30_000)
        try server.run("CREATE TABLE old AS SELECT * FROM orders WHERE id < 4")
        for isSource in [true, false] {
            let other = try Store(.sqlite)
            if !isSource { try other.fill(30_000) }
            let arguments = isSource ? [server.url(), other.url()] : [other.url(), server.url()]
            let running = try user.start(
                "copy", arguments[0], arguments[1], "--table", "orders", "--to", isSource ? "orders" : "old", "--rows-per-second", "10000",
                "--slices", "10",
                "--attempts", "2")
            try wait("the load to begin") { running.errorsSoFar.contains(": started") }
            usleep(700_000)
            crash()
            let result = running.wait(timeout: .seconds(30))
            #expect([1, 75].contains(result.status), "\(result.stderr)")
            expect(result, result.status, "connection", "apus resume", "hint: ")
            try restart()
            if !isSource { #expect(try server.rows("old") == Store.filled(3)) }
            expect(try user.apus("resume"), 0)
            #expect(try (isSource ? other : server).rows(isSource ? "orders" : "old") == Store.filled(30_000))
            try expectNothingLeft(isSource ? other : server)
        }
        withExtendedLifetime(file) {}
    }

    /// From the first byte to the last, with a bias to the end, where the swap is.
    @Test(arguments: Kind.allCases)
    func `kill -9 at a random instant leaves the old table or the new one, and resume gives the new one`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill(400)
        var random = SeededGenerator(seed: UInt64(kind.rawValue.count))
        // How long an undisturbed run takes here.
        let begin = Date()
        expect(try user.apus("copy", source.url(), target.url(), "--table", "orders", "--slices", "3"), 0)
        let whole = -begin.timeIntervalSinceNow
        var killed = 0
        for _ in 0..<8 {
            if kind == .csv {
                try target.fill(3)
            } else {
                try target.run("DELETE FROM orders WHERE id > 3")
            }
            let running = try user.start("copy", source.url(), target.url(), "--table", "orders", "--slices", "3")
            usleep(UInt32(whole * Double.random(in: 0.3...1.02, using: &random) * 1e6))
            running.signal(SIGKILL)
            let result = running.wait()
            let rows = try target.rows()
            let isOldOrNew = rows == Store.filled(3) || rows == Store.filled(400)
            #expect(isOldOrNew, "\(rows.count) rows")
            if result.status == 137 {
                killed += 1
                let resumed = try user.apus("resume")
                // Killed before the run was known, or after it was done: then there is nothing to go on with.
                expect(resumed, resumed.status == 78 ? 78 : 0)
                if resumed.status == 78, rows.count == 3 {
                    expect(try user.apus("copy", source.url(), target.url(), "--table", "orders"), 0)
                }
            }
            #expect(try target.rows() == Store.filled(400))
            try expectNothingLeft(target)
        }
        #expect(killed > 0)
    }
}
