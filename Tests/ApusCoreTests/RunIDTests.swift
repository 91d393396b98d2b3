import Glibc
import Synchronization
import Testing

@testable import ApusCore

private struct Zeros: RandomNumberGenerator {
    func next() -> UInt64 { 0 }
}

private struct Ones: RandomNumberGenerator {
    func next() -> UInt64 { .max }
}

@Suite struct RunIDTests {
    @Test func `a run id is the RFC 9562 example of version 7`() {
        // RFC 9562 appendix A.6: 2022-02-22 14:22:22 EST; the random parts are ours.
        var zeros = Zeros()
        #expect(RunID.make(now: 1_645_557_742, random: &zeros) == "017f22e2-79b0-7000-8000-000000000000")
        var ones = Ones()
        #expect(RunID.make(now: 1_645_557_742, random: &ones) == "017f22e2-79b0-7000-bfff-ffffffffffff")
    }

    @Test func `ids sort by time, within a millisecond too`() {
        var random = Zeros()
        let ids = stride(from: 1_700_000_000.0, to: 1_700_000_000.01, by: 0.0001).map {
            RunID.make(now: $0, random: &random)
        }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
    }

    @Test func `ids made at once differ`() {
        #expect(Set((0..<10_000).map { _ in RunID.make() }).count == 10_000)
    }
}

@Suite struct InterruptedRunTests {
    func run(_ status: RunRecord.Status = .running, beat: Double = 1000, pid: Int = 7) -> RunRecord {
        RunRecord(
            id: "r", name: nil, from: "a", to: "b", plan: "{}", status: status, startedAt: 900, beatAt: beat, host: "h",
            pid: pid)
    }

    @Test func `a run whose process lives and beats is not interrupted`() {
        #expect(!run().isInterrupted(now: 1010, host: "h") { _ in 890 })
    }

    @Test func `a run whose process is gone is interrupted at once, on this host only`() {
        #expect(run().isInterrupted(now: 1010, host: "h") { _ in nil })
        #expect(!run().isInterrupted(now: 1010, host: "other") { _ in nil })
    }

    @Test func `a process id that was given to a later process does not count`() {
        #expect(run().isInterrupted(now: 1010, host: "h") { _ in 960 })
    }

    @Test func `a minute without a sign of life is an interruption anywhere`() {
        #expect(run().isInterrupted(now: 1061, host: "other") { _ in 890 })
        #expect(!run().isInterrupted(now: 1059, host: "other") { _ in 890 })
    }

    @Test func `a finished run is never interrupted`() {
        for status in [RunRecord.Status.done, .failed, .stopped] {
            #expect(!run(status).isInterrupted(now: 9999, host: "h") { _ in nil })
        }
    }

    @Test func `this process is found with its start, a dead one is not`() throws {
        let start = try #require(RunRecord.startOfProcess(Int(getpid())))
        #expect(abs(Clock.wall() - start) < 3600)
        #expect(RunRecord.startOfProcess(1 << 30) == nil)
        #expect(RunRecord.startOfProcess(0) == nil)
    }

    @Test func `a killed process that its parent has not waited for is no living one`() throws {
        var pid = pid_t()
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("60"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawnp(&pid, "sleep", nil, nil, &arguments, environ) == 0)
        #expect(RunRecord.startOfProcess(Int(pid)) != nil)
        kill(pid, SIGKILL)
        let end = Clock.monotonic() + 10
        while RunRecord.startOfProcess(Int(pid)) != nil, Clock.monotonic() < end { usleep(5000) }
        #expect(kill(pid, 0) == 0)
        #expect(RunRecord.startOfProcess(Int(pid)) == nil)
        waitpid(pid, nil, 0)
    }
}

@Suite struct TickerTests {
    @Test func `a ticker calls until it is stopped, and stops at once`() {
        let count = Mutex(0)
        let ticker = Ticker(every: 0.005) { count.withLock { $0 += 1 } }
        while count.withLock({ $0 }) < 3 { usleep(1000) }
        ticker.stop()
        let then = count.withLock { $0 }
        usleep(30_000)
        #expect(count.withLock { $0 } == then)
        let before = Clock.wall()
        Ticker(every: 60) {}.stop()
        #expect(Clock.wall() - before < 1)
    }

    @Test func `a ticker can be stopped from its own call`() {
        let box = Mutex<Ticker?>(nil)
        let ended = Mutex(false)
        box.withLock {
            $0 = Ticker(every: 0.005) {
                let ticker = box.withLock { $0 }
                ticker?.stop()
                ended.withLock { $0 = true }
            }
        }
        while !ended.withLock({ $0 }) { usleep(1000) }
    }
}
