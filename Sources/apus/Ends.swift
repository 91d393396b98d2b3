import ApusCore
import ApusEngine
import ApusFlow

/// Both ends of a plan or a flow, ready to be opened.
struct Ends {
    /// By position as in ``Flow/sources``.
    let sources: [Connections]
    let to: Connections

    /// The ends of a flow that was just read.
    init(_ flow: Flow) throws {
        sources = try flow.sources.map { Connections(try Registry.connector(named: $0.endpoint.connector), $0.endpoint) }
        to = Connections(try Registry.connector(named: flow.to.endpoint.connector), flow.to.endpoint)
    }

    /// The ends of a plan that was made earlier: its references are resolved again, or what was kept for the run.
    /// - throws: `config.*`, when a reference means nothing any more.
    init(plan: Plan, runID: String?, to given: String? = nil, askPassword: Bool = false) throws {
        let kept = runID.flatMap(RunSecrets.kept)
        let resolver = Resolver.make(askPassword: askPassword)
        func open(_ text: String, _ connector: String, _ zone: String?) throws -> Connections {
            if connector == RejectedRowsName.connector {
                throw ApusError(
                    .unsupported, "this run loaded the rejected rows of another one and cannot be resumed",
                    hint:
                        "Run \(Advice.retryRejected(String(text.drop { $0 != ":" }.dropFirst()))) for the original run: what was taken is no longer listed there."
                )
            }
            let resolved = try resolver.resolve(text)
            guard resolved.connector.name == connector else {
                throw ApusError(
                    .configurationInvalid,
                    "the plan was made for \(connector), but `\(resolved.connection.reference)` is now \(resolved.connector.name)")
            }
            var endpoint = resolved.connection.endpoint
            endpoint.zone = zone
            return Connections(resolved.connector, endpoint)
        }
        sources = try plan.sources.enumerated().map { number, end in
            let clear = kept.flatMap { $0.from.indices.contains(number) ? $0.from[number] : nil }
            return try open(clear ?? end.reference, end.connector, end.zone)
        }
        let target = try open(given ?? kept?.to ?? plan.to.reference, plan.to.connector, plan.to.zone)
        var endpoint = target.endpoint
        endpoint.createsSchemas = plan.schemas != nil
        to = Connections(target.connector, endpoint)
    }
}

enum RejectedRowsName { static let connector = RejectedRows([]).name }
