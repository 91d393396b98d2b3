import ApusTesting
import Foundation
import Testing

@Suite(.requires(.postgres)) struct FaultProxyTests {
    /// `psql` through the proxy, with a query whose answer has a known size.
    private func ask(_ proxy: FaultProxy, _ sql: String, timeout: Duration = .seconds(20)) throws -> CommandResult {
        try runCommand(
            "psql", ["-XAt", "-h", "127.0.0.1", "-p", "\(proxy.port)", "-U", "postgres", "-c", sql, "postgres"],
            environment: ["PGPASSWORD": "pw", "PGCONNECT_TIMEOUT": "30"], timeout: timeout)
    }

    @Test func `bytes pass through and are counted`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        let result = try ask(proxy, "SELECT repeat('x', 1000000)")
        #expect(result.status == 0)
        #expect(result.output.count == 1_000_001)
        #expect(proxy.bytesToClient > 1_000_000)
        #expect(proxy.bytesToServer > 50)
        #expect(proxy.connectionCount >= 1)
    }

    @Test func `a cut strikes after the given bytes, and the next connection works`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        proxy.cut(after: 500_000, .toClient)
        let broken = try ask(proxy, "SELECT repeat('x', 1000000)")
        #expect(broken.status == 2)
        #expect(proxy.cutCount == 1)
        #expect(proxy.bytesToClient == 500_000)
        #expect(try ask(proxy, "SELECT 7").stdout == "7\n")
    }

    @Test func `a black hole swallows without closing, until it is lifted`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        proxy.behaviour = .blackHole
        let running = try RunningCommand(
            "psql", ["-XAt", "-h", "127.0.0.1", "-p", "\(proxy.port)", "-U", "postgres", "-c", "SELECT 7", "postgres"],
            environment: ["PGPASSWORD": "pw"])
        usleep(300_000)
        #expect(running.outputSoFar == "")
        #expect(kill(running.pid, 0) == 0)
        proxy.behaviour = .passThrough
        #expect(running.wait(timeout: .seconds(60)).stdout == "7\n")
    }

    @Test func `refused connections fail at once, and come back`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        #expect(try ask(proxy, "SELECT 7").stdout == "7\n")
        proxy.behaviour = .refuse
        let refused = try ask(proxy, "SELECT 7")
        #expect(refused.stderr.contains("refused"))
        proxy.behaviour = .passThrough
        #expect(try ask(proxy, "SELECT 7").stdout == "7\n")
    }

    @Test func `an ended proxy cuts what is in its black hole`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        proxy.behaviour = .blackHole
        let running = try RunningCommand(
            "psql", ["-XAt", "-h", "127.0.0.1", "-p", "\(proxy.port)", "-U", "postgres", "-c", "SELECT 7", "postgres"],
            environment: ["PGPASSWORD": "pw"])
        usleep(300_000)
        proxy.end()
        let result = running.wait(timeout: .seconds(60))
        #expect(!result.timedOut)
        #expect(result.status == 2)
    }

    @Test func `a delay is felt`() throws {
        let proxy = try FaultProxy(to: PostgresServer.shared().port)
        proxy.behaviour = .delay(.milliseconds(100))
        let start = ContinuousClock.now
        #expect(try ask(proxy, "SELECT 7").stdout == "7\n")
        #expect(ContinuousClock.now - start > .milliseconds(400))
    }
}
