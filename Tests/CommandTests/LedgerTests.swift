import ApusTesting
import Foundation
import Testing

/// The ledger as a file and in both servers; several workers on one plan.
@Suite(.requires(.mariadb, .postgres)) struct LedgerTests {
    let user: User
    init() throws { user = try User() }

    static let places = ["file", "sqlite", "mariadb", "postgres"]

    private func ledger(_ place: String) throws -> (url: String, store: Store?) {
        switch place {
        case "file": return (user.home.file("own.db"), nil)
        case "sqlite": return ("sqlite:" + user.home.file("other.db"), nil)
        default:
            let store = try Store(place == "mariadb" ? .mariadb : .postgres)
            return (store.url(), store)
        }
    }

    @Test(arguments: places)
    func `runs, rejected rows, watermarks and resume work on every kind of ledger`(_ place: String) throws {
        let (url, store) = try ledger(place)
        defer { withExtendedLifetime(store) {} }
        let source = try Store(.sqlite), target = try Store(.sqlite)
        try source.fill(4000)
        try target.fill(2)
        expect(try user.apus("copy", source.url(), target.url(), "--mode", "append", "--bad-rows", "5", "--ledger", url), 0)
        let first = try user.latestRun(url)
        expect(try user.apus("history", "--ledger", url), 0, first.prefix(8).description, "done")
        expect(try user.apus("show", first, "--ledger", url), 0, "orders", "3,998", "2 rejected rows")
        #expect(try user.apus("show", "--rejected", "--ledger", url).stdout.split(separator: "\n").count == 2)
        try target.run("DELETE FROM orders WHERE id = 2")
        expect(try user.apus("retry-rejected", first, "--ledger", url), 1)
        #expect(try user.apus("show", first, "--rejected", "--ledger", url).stdout.split(separator: "\n").count == 1)
        #expect(try target.rows() == Store.filled(4000))

        let other = try Store(.sqlite)
        let running = try user.start(
            "copy", source.url(), other.url(), "--rows-per-second", "3000", "--slices", "8", with: ["APUS_LEDGER": url])
        try wait("the load to begin") { running.errorsSoFar.contains(": started") }
        usleep(500_000)
        running.signal(SIGKILL)
        _ = running.wait()
        expect(try user.apus("resume", "--ledger", url), 0)
        #expect(try other.rows() == Store.filled(4000))
        for _ in 1...2 {
            expect(try user.apus("copy", source.url(), other.url(), "--mode", "upsert", "--watermark", "id", "--ledger", url), 0)
        }
        #expect(try user.apus("history", "--ledger", url, "--output", "json").stdout.contains(first))
        // Nothing went to the default ledger.
        #expect(!FileManager.default.fileExists(atPath: user.home.file("state/apus/ledger.db")))
    }

    @Test func `a ledger that cannot be opened stops the run before anything moves`() throws {
        let source = try Store(.sqlite), target = try Store(.sqlite)
        try source.fill()
        expect(try user.apus("copy", source.url(), target.url(), "--ledger", "/proc/no/ledger.db"), 78, "/proc/no", "hint: ")
        expect(try user.apus("copy", source.url(), target.url(), "--ledger", "postgres://u@127.0.0.1:1/x"), 75, "127.0.0.1:1")
        expect(try user.apus("copy", source.url(), target.url(), "--ledger", "csv:x"), 78, "ledger")
        expect(
            try user.apus(
                "copy", source.url(), target.url(), "--ledger",
                try user.home.write("no database at all, but text that is long enough", to: "text.db")), 1, "text.db")
        #expect(try target.dump() == "")
    }

    @Test(arguments: Kind.engines)
    func `workers in parallel finish a plan exactly once`(_ kind: Kind) throws {
        let source = try Store(.sqlite), target = try Store(kind)
        try source.fill(4000)
        let ledger = user.home.file("shared.db")
        let path = try user.home.write("from: \(source.url())\nto: ${TARGET}\ndefaults: { slices: 4 }\n", to: "flow.yaml")
        let environment = ["TARGET": target.url()]
        let plan = user.home.file("plan.json")
        expect(try user.run(["plan", path, "-o", plan], with: environment), 0, "4 slices")
        let workers = try (0..<4).map { try user.start("run", "--plan", plan, "--slice", "\($0)", "--ledger", ledger, with: environment) }
        for worker in workers { expect(worker.wait(), 0) }
        #expect(try target.rows() == Store.filled(4000))
        try expectNothingLeft(target)
        // Once more changes nothing.
        expect(try user.run(["run", "--plan", plan, "--slice", "2", "--ledger", ledger], with: environment), 0)
        #expect(try target.rows() == Store.filled(4000))
        expect(try user.run(["run", "--plan", plan, "--slice", "9", "--ledger", ledger], with: environment), 78, "no slice 9", "0 to 3")
    }
}
