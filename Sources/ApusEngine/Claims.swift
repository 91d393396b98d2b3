import ApusCore
import Glibc
import Synchronization

/// One worker's claims on the work of a run that several workers share, with signs of life while it lives.
final class Claims: Sendable {
    private let ledger: any SharedLedger
    private let runID: String
    private let lease: Double
    private let interrupt: Interrupt
    private let say: @Sendable (String) -> Void
    /// `host-pid-number`: no two workers have the same.
    let worker: String
    private let held = Mutex<Set<String>>([])
    private let loss = Mutex<ApusError?>(nil)
    private let ticker = Mutex<Ticker?>(nil)

    init(_ ledger: any SharedLedger, runID: String, lease: Double, interrupt: Interrupt, say: @escaping @Sendable (String) -> Void) {
        self.ledger = ledger
        self.runID = runID
        self.lease = lease
        self.interrupt = interrupt
        self.say = say
        worker = "\(RunRecord.hostName.prefix(40))-\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 16))"
        ticker.withLock { $0 = Ticker(every: lease / 3) { [weak self] in self?.renew() } }
    }

    deinit { close() }

    /// A claim that another worker took over, because this one had been silent for too long.
    var lost: ApusError? { loss.withLock { $0 } }

    /// Claims a piece of work; waits while another worker has it.
    /// - returns: false when it is done already.
    /// - throws: `run.cancelled`.
    func take(_ work: String) throws -> Bool {
        let beganAt = Clock.monotonic()
        var saidAt = -Double.infinity
        var pause = 0.02
        while true {
            switch try ledger.claim(work, run: runID, worker: worker, lease: lease) {
            case .taken:
                held.withLock { _ = $0.insert(work) }
                return true
            case .done: return false
            case .held(let other, let silent):
                // Most waits are over in an instant.
                let now = Clock.monotonic()
                if now - beganAt > 0.2, now - saidAt > 30 {
                    saidAt = now
                    say("\(work) is with worker \(other), whose last sign of life is \(Int(silent)) s old; waiting")
                }
                try Pause.wait(pause, interrupt)
                pause = min(pause * 1.5, 0.5)
            }
        }
    }

    /// Does a piece of work that must be done once in the whole run.
    func once(_ work: String, _ body: () throws -> Void) throws {
        guard try take(work) else { return }
        do { try body() } catch {
            release(work)
            throw error
        }
        try settle(work)
    }

    func settle(_ work: String) throws {
        held.withLock { _ = $0.remove(work) }
        try ledger.settle(work, run: runID, worker: worker)
    }

    func release(_ work: String) {
        held.withLock { _ = $0.remove(work) }
        try? ledger.release(work, run: runID, worker: worker)
    }

    private func renew() {
        let mine = held.withLock { $0 }
        guard !mine.isEmpty, let still = try? ledger.renewClaims(run: runID, worker: worker) else { return }
        let gone = held.withLock { $0 }.intersection(mine).subtracting(still)
        guard let work = gone.sorted().first else { return }
        loss.withLock {
            $0 = ApusError(
                .locked, "\(work) was taken over by another worker, because this one gave no sign of life for \(Int(lease)) s",
                hint: "The other worker does the work; nothing is loaded twice. A longer --lease bears longer pauses.")
        }
        interrupt.fire()
    }

    /// Ends the signs of life and gives up what is still held.
    func close() {
        ticker.withLock { ticker in
            defer { ticker = nil }
            return ticker
        }?.stop()
        for work in held.withLock({ $0 }) { release(work) }
    }
}
