import ApusTesting
import Foundation
import Testing

/// Two runs at once on one target table.
@Suite(.requires(.mariadb, .postgres)) struct LockTests {
    @Test(arguments: Kind.allCases)
    func `the second run on a table is refused and names the first`(_ kind: Kind) throws {
        let user = try User(), source = try Store(.sqlite), target = try Store(kind)
        try source.fill(20_000)
        let first = try user.start(
            "copy", source.url(), target.url(), "--table", "orders", "--rows-per-second", "2000", "--slices", "10", "-v")
        try wait("the first run to load") { first.errorsSoFar.contains("orders: started") }
        let id = try user.latestRun()
        let other = try User()
        let second = try other.apus("copy", source.url(), target.url(), "--table", "orders")
        expect(second, 1, "orders", id, "target.locked", "hint: ")
        expect(try user.apus("resume", id), 1, id, "is still running")
        expect(try user.apus("resume", id, "--discard"), 1, id, "is still running")
        first.signal(SIGTERM)
        expect(first.wait(), 143, "apus resume \(id)")
        expect(try other.apus("copy", source.url(), target.url(), "--table", "orders"), 0)
        #expect(try target.rows() == Store.filled(20_000))
        expect(try user.apus("resume", id, "--discard"), 0)
        try expectNothingLeft(target)
        #expect(try target.rows() == Store.filled(20_000))
    }
}
