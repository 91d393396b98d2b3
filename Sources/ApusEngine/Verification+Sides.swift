import ApusCore
import Synchronization
import Tabular

extension ApusError {
    /// What would be wrong with every other table too.
    var endsAll: Bool {
        switch code {
        case .unreachable, .refused, .tls, .otherSystem, .cancelled: true
        default: false
        }
    }
}

/// A connection while it is read, for the thread that reads the other side.
final class OpenEnd: Sendable {
    private let state = Mutex<(interrupt: Interrupt?, isEnded: Bool)>((nil, false))

    /// Ends the read, also one that has not begun.
    func fire() {
        let interrupt = state.withLock { state in
            state.isEnded = true
            return state.interrupt
        }
        interrupt?.fire()
    }

    func hold(_ interrupt: Interrupt?) {
        let isEnded = state.withLock { state in
            state.interrupt = interrupt
            return state.isEnded
        }
        if isEnded { interrupt?.fire() }
    }
}

extension Connections {
    /// Reads on one connection, which then serves the next table where a pool keeps it.
    func reading<T>(_ interrupt: Interrupt, _ end: OpenEnd = OpenEnd(), _ body: (any Source) throws -> T) throws -> T {
        let own = interrupt.child()
        defer { interrupt.release(own) }
        let session = try source(own)
        end.hold(session.interrupt)
        var isSound = false
        defer {
            end.hold(nil)
            release(source: session, isSound: isSound)
        }
        let result = try body(session)
        isSound = true
        return result
    }
}

extension Verification {
    enum Side: String, Sendable { case source, target }

    /// An error of one side.
    struct Fault: Error {
        var side: Side
        var error: ApusError

        static func attempt<T>(_ side: Side, _ body: () throws -> T) throws -> T {
            do { return try body() } catch { throw Fault(side: side, error: ApusError(wrapping: error)) }
        }
    }

    /// What became of reading one side.
    final class Outcome: Sendable {
        struct Total {
            var digest = RowDigest()
            var refused = 0
        }

        private let state = Mutex<(total: Total, fault: Fault?)>((Total(), nil))

        /// An error ends the other side's read too.
        func attempt(_ side: Side, orEnd other: OpenEnd, _ body: (inout Total) throws -> Void) {
            var total = Total()
            do {
                try body(&total)
                let whole = total
                state.withLock { $0.total = whole }
            } catch {
                let fault = Fault(side: side, error: ApusError(wrapping: error))
                state.withLock { $0.fault = fault }
                other.fire()
            }
        }

        /// - throws: the error that ended the other side, rather than its end.
        static func both(_ one: Outcome, _ other: Outcome) throws -> (Total, Total) {
            let (a, b) = (one.state.withLock { $0 }, other.state.withLock { $0 })
            let faults = [a.fault, b.fault].compactMap { $0 }
            if let fault = faults.first(where: { $0.error.code != .cancelled }) ?? faults.first { throw fault }
            return (a.total, b.total)
        }
    }

    /// How the rows of a table go into its target, and how they are read from there.
    struct Mapping {
        /// Positions of the compared columns among those of the load.
        var places: [Int]
        /// What the sink takes, of all columns of the load.
        var accepts: Schema
        /// Of the compared columns.
        var likeness: [Likeness]
        /// The read of the target's compared columns.
        var held: Read
        var load: Load
        var transforms: [Transform]
        var zone: Zone
        private let open: () throws -> any Sink

        init(of table: PlannedTable, _ places: [Int], _ plan: Plan, _ to: Connections, _ interrupt: Interrupt) throws {
            open = { try to.sink(interrupt.child()) }
            let sink = try open()
            defer { to.release(sink: sink, isSound: true) }
            self.places = places
            zone = try plan.zone?.rules() ?? .utc
            transforms = table.transforms
            // The table is there: how it is declared decides, as it did for the staging table that it was.
            load = table.load
            if load.isStaged { load.mode = .append }
            load.create = .require
            let names = places.map { table.load.columns[$0] }
            guard to.connector.abilities.declaresTables else {
                let all = try sink.accepts(load)
                accepts = all
                likeness = places.map { _ in .exact }
                // A file does not say what its fields are; the plan does.
                held = Read(
                    relation: .table(load.target), items: names.map { Read.Item($0) }, schema: Schema(places.map { all[$0] }))
                return
            }
            guard let shape = try sink.find(load.target) else { throw ApusError(.notFound, "there is no \(load.target)") }
            let columns = try names.map { name in
                guard let column = shape.column(name) else {
                    throw ApusError(.configurationInvalid, "\(shape.name) has no column `\(name)` any more")
                }
                return Column(name, column.type, nullable: column.nullable)
            }
            accepts = try sink.accepts(load)
            let all = try sink.likeness(load)
            likeness = places.map { all[$0] }
            held = Read(relation: .table(load.target), items: names.map { Read.Item($0) }, schema: Schema(columns))
            if shape.children != nil, table.reads.first?.withoutChildren == true { held.withoutChildren = true }
            // What the source is cut by serves the target too, should its read time out; a NULL in a later column of a key
            // would fall between all ranges.
            for column in table.reads.first?.key ?? [] {
                guard let column = shape.column(column.name), held.key.isEmpty || !column.nullable else { break }
                held.key.append(Column(column.name, column.type, nullable: column.nullable))
            }
        }

        func sourceRows(_ read: Read, _ known: KnownRejections) throws -> ComparedRows {
            try ComparedRows(of: read, self, known, open)
        }

        func targetRows() throws -> ComparedRows { try ComparedRows(heldBy: self) }
    }
}
