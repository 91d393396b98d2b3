import ApusCore
import ApusTesting
import PostgresConnector
import Testing

@Suite(.requires(.postgres, .pgbouncer))
struct PoolerTests {
    private func open(_ pooler: PgBouncer, _ database: String) throws -> any SQLSession {
        try PostgresConnector().open(
            Endpoint(ConnectionURL(parsing: pooler.url(database: database)), PostgresConnector()), interrupt: Interrupt())
            as! any SQLSession
    }

    @Test(arguments: [PgBouncer.Mode.transaction, .statement])
    func `a pooler that pools transactions is refused at once`(_ mode: PgBouncer.Mode) throws {
        let server = try PostgresServer.shared()
        let pooler = try PgBouncer(mode, before: server)
        let error = #expect(throws: ApusError.self) { try open(pooler, server.makeDatabase()) }
        #expect(error?.code == .unsupported)
        #expect(error?.hint == "Connect to the server itself, or through a pool with pool_mode = session.")
    }

    @Test func `through a pooler of sessions every connection keeps what it sets`() throws {
        let server = try PostgresServer.shared()
        let pooler = try PgBouncer(.session, before: server), database = try server.makeDatabase()
        let sessions = try (0..<3).map { _ in try open(pooler, database) }
        for (number, session) in sessions.enumerated() { try session.execute("SET work_mem = '\(number + 5)MB'") }
        #expect(try sessions.map { try $0.query("SHOW work_mem") } == [[["5MB"]], [["6MB"]], [["7MB"]]])
        sessions.forEach { $0.close() }
    }
}
