import ApusCore
import Synchronization

/// Shapes of tables that will soon be planned, read many at a time: runs of one process that share an end ask its
/// catalogue once for a hundred tables instead of each for its own.
///
/// A shape is given out once and kept for half a minute only; whoever finds none here asks the catalogue himself.
public final class ShapeCache: Sendable {
    private struct Key: Hashable {
        var endpoint: Endpoint
        var table: TableName
    }

    private struct State {
        /// Not asked for yet, in the order in which they will be planned.
        var expected: [Endpoint: [TableName]] = [:]
        var known: [Key: (shape: TableShape, at: Double)] = [:]
    }

    /// Seconds.
    static let lifetime = 30.0
    /// Tables that are asked for at once.
    static let batch = 100

    private let state = Mutex(State())

    public init() {}

    /// Tables that will be asked for, in order.
    public func expect(_ tables: [TableName], at endpoint: Endpoint) {
        state.withLock { $0.expected[endpoint, default: []] += tables }
    }

    /// The shape of a table if it was expected and is there. nil says nothing.
    func take(_ table: TableName, at endpoint: Endpoint, _ session: any Session) throws -> TableShape? {
        let key = Key(endpoint: endpoint, table: table)
        let (known, wanted) = state.withLock { state -> (TableShape?, [TableName]) in
            if let known = state.known.removeValue(forKey: key) {
                return (Clock.monotonic() - known.at < Self.lifetime ? known.shape : nil, [])
            }
            return (nil, Self.next(with: table, &state.expected[endpoint, default: []]))
        }
        if known != nil || wanted.count < 2 { return known }
        let names = Dictionary(grouping: wanted, by: \.name)
        let found: [TableShape]
        do { found = try session.describeAll(schema: table.schema) { names[$0.name.name] != nil } } catch let error as ApusError
            where !error.endsAll
        {
            // The schema is not there, or a file that the first write will make; or one of the tables is at fault, which is no
            // other's matter: each asks for its own.
            found = []
        }
        // Of two tables of one name on a search path, the catalogue knows better which is meant.
        let single = Dictionary(grouping: found, by: \.name.name).values.filter { $0.count == 1 }.map { $0[0] }
        let now = Clock.monotonic()
        return state.withLock { state in
            for var shape in single {
                shape.name = TableName(schema: table.schema, shape.name.name)
                state.known[Key(endpoint: endpoint, table: shape.name)] = (shape, now)
            }
            return state.known.removeValue(forKey: key)?.shape
        }
    }

    /// The table and those behind it in the same schema, which are not expected any more then; nothing where the table
    /// itself is not expected.
    private static func next(with table: TableName, _ expected: inout [TableName]) -> [TableName] {
        guard let first = expected.firstIndex(of: table) else { return [] }
        var taken: [TableName] = [], left = Array(expected[..<first])
        for name in expected[first...] {
            if name.schema == table.schema, taken.count < batch { taken.append(name) } else { left.append(name) }
        }
        expected = left
        return taken
    }
}
