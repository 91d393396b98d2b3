import ApusCore
import ApusTesting
import Foundation
import Synchronization
import Testing

/// A run that is stopped anywhere and resumed gives what an undisturbed run gives.
@Suite struct ExactlyOnceTests {
    static let rounds = 5

    /// Fires after the given number of events and a pause.
    private final class Fuse: Listener {
        private let left: Mutex<Int>
        private let pause: UInt32
        let interrupt = Interrupt()
        init(_ events: Int, pause: UInt32) {
            left = Mutex(events)
            self.pause = pause
        }
        func hear(_ event: Event) {
            let isTime = left.withLock { left in
                left -= 1
                return left == 0
            }
            guard isTime else { return }
            Thread.detachNewThread { [interrupt, pause] in
                usleep(pause)
                interrupt.fire()
            }
        }
    }

    @Test(arguments: System.allCases, LoadMode.allCases)
    func `stopped anywhere and resumed, every row is there once`(_ system: System, _ mode: LoadMode) throws {
        guard system.connector.abilities.modes.contains(mode) else { return }
        let source = try ModeTests.orders(.sqlite, count: 3000)
        var random = SeededGenerator(seed: 0x5EED + UInt64(mode.rawValue.count) * 31)
        var stops = 0
        // A double in Python, whose loads take their time.
        for round in 0..<(system == .starrocks ? 2 : Self.rounds) {
            let target = try Place(system)
            if system.connector.abilities.declaresTables {
                try target.run(
                    "CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, name varchar(40) NOT NULL, note varchar(200)); INSERT INTO orders VALUES (0, 'old', NULL), (-5, 'older', '');"
                )
                if mode == .upsert { try target.run("INSERT INTO orders VALUES (17, 'stale', 'x');") }
            }
            var pipeline = try Pipeline(source, target)
            pipeline.flow.limits.channels = 2
            pipeline.take("orders") {
                $0.mode = mode; $0.slices = 6; $0.window = mode == .window ? "id <= 0" : nil
            }
            let plan = try pipeline.plan(), id = RunID.make()
            var result = RunResult(status: .stopped, tables: [], seconds: 0)
            for attempt in 0..<4 where result.status != .done {
                let fuse = Fuse(
                    Int.random(in: 1...(system == .starrocks ? 8 : 22), using: &random),
                    pause: UInt32.random(in: 0...(system == .starrocks ? 50_000 : 4000), using: &random))
                var cut = pipeline
                if attempt < 3 { cut.listeners = [fuse] }
                result = try cut.run(plan, id: id, resumed: attempt > 0, interrupt: fuse.interrupt)
                if result.status == .stopped { stops += 1 }
                for table in result.tables where result.status == .failed { #expect(table.error == nil, "round \(round)") }
            }
            #expect(result.status == .done, "round \(round)")
            let all = try source.rows("orders")
            let keepsOld = (mode == .append || mode == .upsert) && system.connector.abilities.declaresTables
            #expect(try target.rows("orders") == (keepsOld ? [["-5", "older", ""], ["0", "old", nil]] : []) + all, "round \(round)")
        }
        #expect(stops > 0)
    }
}
