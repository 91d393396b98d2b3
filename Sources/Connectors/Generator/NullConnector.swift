import ApusCore
import Tabular

/// A sink that counts rows and keeps nothing: what a source alone can do.
public struct NullConnector: Connector {
    public init() {}

    public var name: String { "null" }
    public var title: String { "Null" }
    public var schemes: [String] { ["null"] }
    public var settings: [Setting] { [] }
    public var example: String { "null:" }

    public var abilities: Abilities {
        var abilities = Abilities()
        abilities.reads = false
        abilities.sql = false
        abilities.declaresTables = false
        return abilities
    }

    public func open(_ endpoint: Endpoint, interrupt: Interrupt) throws -> any Session { NullSession(interrupt) }
}

/// Takes every table in every mode; nothing is there afterwards.
public final class NullSession: Sink {
    public let interrupt: Interrupt

    init(_ interrupt: Interrupt) { self.interrupt = interrupt }

    public var banner: String { "Null" }
    public func tables(schema: String?) throws -> [TableSummary] { [] }
    public func describe(_ table: TableName) throws -> TableShape {
        throw ApusError(.notFound, "null: keeps no tables, so there is none named `\(table)`")
    }
    public func close() {}

    public func lock(_ load: Load) throws {}
    public func unlock(_ load: Load) {}
    public func prepare(_ load: Load) throws {}
    public func marks(_ load: Load) throws -> [SliceMark] { [] }
    public func accepts(_ load: Load) throws -> Schema {
        Schema(load.carried.map { Column($0.name, $0.type) })
    }
    public func writer(_ load: Load) throws -> any Writer { NullWriter() }
    public func finish(_ load: Load) throws {}
    public func forget(_ load: Load) throws {}
    public func discard(_ load: Load) throws {}
}

/// Counts the rows of each slice.
final class NullWriter: Writer {
    private var rows = 0

    @discardableResult func begin(_ slice: Slice, careful: Bool) throws -> SliceMark? {
        rows = 0
        return nil
    }
    func write(_ batch: Batch) throws -> [RejectedRow] {
        rows += batch.rowCount
        return []
    }
    func flush() throws -> Int { rows }
    func commit(_ mark: SliceMark) throws {}
    func abort() { rows = 0 }
    func close() {}
}
