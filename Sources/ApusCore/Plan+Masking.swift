extension Plan {
    /// The plan as ledgers, files and people get it: no password in a statement of the user's.
    public var masked: Plan {
        var plan = self
        plan.before = before.map(Masking.mask(kept:))
        plan.after = after.map(Masking.mask(kept:))
        for index in plan.tables.indices {
            plan.tables[index].before = plan.tables[index].before.map(Masking.mask(kept:))
            plan.tables[index].after = plan.tables[index].after.map(Masking.mask(kept:))
            guard var wish = tables[index].pending?.wish else { continue }
            wish.before = wish.before.map(Masking.mask(kept:))
            wish.after = wish.after.map(Masking.mask(kept:))
            plan.tables[index].pending?.wish = wish
        }
        return plan
    }

    private var statements: [String] {
        before + after + tables.flatMap { $0.before + $0.after + ($0.pending.map { $0.wish.before + $0.wish.after } ?? []) }
    }

    /// Notes the passwords of the user's statements, so that nothing shows them.
    public func noteSecrets() { for statement in statements { Masking.note(statement: statement) } }

    /// A plan whose statements lost their passwords cannot be run.
    /// - throws: `config.invalid`.
    public func checkStatements() throws {
        guard let statement = statements.first(where: Masking.isStripped) else { return }
        throw ApusError(
            .configurationInvalid, "a password in a statement was not kept: ••• stands in its place",
            hint: "Run the flow itself, or run such a statement by itself with \(Advice.name("sql")).",
            context: Masking.mask(statement: statement))
    }
}
