import ApusControl
import ApusCore
import ApusEngine
import ApusFlow

/// A template with a row's names put in, and signs where condition and the branches' lists will stand: what is needed to know
/// its connections and queries before the rest is known.
struct TemplateDraft {
    let job: DataXJob
    let flow: Flow
    let file: String

    /// What stands for the condition.
    static let condition = "<apus_condition>"
    /// What stands for a branch's list.
    static func list(_ name: String) -> String { "<apus_list_of_\(name)>" }

    /// The reader's queries with the position of each one's connection in the flow.
    var queries: [(sql: String, source: Int)] {
        guard case .relational(let reader) = job.reader, reader.isQuery else { return [] }
        let members = flow.tables.flatMap(\.members)
        return Array(zip(reader.sources.flatMap(\.queries), members.map(\.source)))
    }

    /// Statements that empty the target.
    var emptying: [String] { flow.tables.flatMap { $0.emptying(flow.to) } }

    /// Whether something is read without regard to the row's condition.
    var ignoresCondition: Bool {
        guard case .relational(let reader) = job.reader else { return true }
        let texts = reader.isQuery ? reader.sources.flatMap(\.queries) : [reader.filter ?? ""]
        return texts.contains { !$0.contains(Self.condition) }
    }

    /// The row's table as a query has it: `fz.goods` where it says `from fz.${src_table_name}`.
    static func table(of row: ControlRow, in query: String?) -> (name: TableName, text: String) {
        let own = RowFlow.name(row.sourceTable)
        let found = query.flatMap { try? SQLScan($0) }?.table(named: own.name)
        return found ?? (own, row.sourceTable)
    }
}
