import ApusCore

/// The SQL that the user wrote, looked at by the servers before anything is touched.
extension TablePlanner {
    /// Conditions, expressions and queries of the source, and the window of the target. False when one of them is refused.
    mutating func checkStatements(_ places: [SourcePlace], _ reads: [Read], _ load: Load) throws -> Bool {
        var isSound = true
        for (place, read) in zip(places, reads) where read.holdsSQL {
            guard let session = place.session as? any SQLSession, let dialect = planner.sources[place.source].connector.dialect else {
                continue
            }
            do { try session.check(query: read.selectSQL(.all, dialect)) } catch let error as ApusError where error.isOfStatement {
                isSound = false
                let named = places.count > 1 ? " of \(place.label)" : ""
                note(.error, error.planCode, "the source refuses the SQL\(named): \(error.words)")
            }
        }
        if let window = load.window, load.windowIsExact != true, load.exists, load.create != .recreate,
            let session = sink as? any SQLSession,
            let dialect = targetDialect
        {
            do { try session.check(query: "SELECT 1 FROM \(dialect.quote(load.target)) WHERE (\(window)\n)") } catch let error as ApusError
                where error.isOfStatement
            {
                isSound = false
                note(.error, error.planCode, "the target refuses the condition `window`: \(error.words)")
            }
        }
        note(try planner.faults(of: wish.before, "before", sink) + planner.faults(of: wish.after, "after", sink))
        return isSound
    }

    mutating func note(_ findings: [Finding]) { self.findings += findings }
}

extension Planner {
    /// Statements for the target whose grammar it does not understand. What they name may be made by those before them, and a SET
    /// may change the grammar itself.
    func faults(of statements: [String], _ when: String, _ sink: any Sink) throws -> [Finding] {
        guard !statements.isEmpty, let session = sink as? any SQLSession else { return [] }
        var findings: [Finding] = []
        for statement in statements where !Masking.isStripped(statement) {
            if statement.words(1) == ["set"] { break }
            do { try session.check(syntax: statement) } catch let error as ApusError where error.isOfStatement {
                findings.append(Finding(.error, error.planCode, "the `\(when)` statement cannot be run: \(error.words)"))
            }
        }
        return findings
    }

    /// Notes the schemas that tables of the plan would go to and that are not there.
    func findMissingSchemas(_ tables: inout [PlannedTable], _ sink: any Sink) throws -> [String] {
        var known: [String?: String?] = [:]
        var made: [String] = []
        let statements = flow.before + tables.flatMap(\.before)
        let areMade = statements.contains { ["schema", "database"].contains($0.words(2).last) && $0.words(2).first == "create" }
        for index in tables.indices {
            let load = tables[index].load
            guard to.connector.abilities.declaresTables, !load.exists, load.create != .require, !areMade else { continue }
            let place = load.target.schema
            do {
                if known[place] == nil { known[place] = .some(try sink.missingSchema(for: load.target)) }
            } catch {
                try tables.take(ApusError(wrapping: error), at: index)
                continue
            }
            guard let missing = known[place] ?? nil else { continue }
            let word = to.connector.abilities.schemaWord
            if flow.createsSchemas {
                if !made.contains(missing) { made.append(missing) }
                tables[index].findings.append(Finding(.note, .notFound, "the target has no \(word) `\(missing)`; it will be made"))
            } else {
                tables[index].findings.append(
                    Finding(
                        .error, .notFound,
                        "the target has no \(word) `\(missing)`, or this user may not see it: make it, or have Apus make it with `--create-schema` (`create_schema: true` in a flow file)"
                    ))
            }
        }
        return made
    }
}

extension Read {
    /// Whether SQL of the user is part of it that was not looked at when its columns were.
    fileprivate var holdsSQL: Bool {
        if isVerbatim { return false }
        if case .query = relation { return true }
        return !filters.isEmpty || items.contains { $0.expression != nil }
    }
}

extension ApusError {
    /// The server's judgement of a statement, not a lost connection or the end of the run.
    fileprivate var isOfStatement: Bool { !isTransient && code != .cancelled && code != .internalFault }

    /// What is wrong with a statement is wrong with the flow.
    fileprivate var planCode: Code { code == .statement || code == .rowRejected ? .configurationInvalid : code }

    fileprivate var words: String { underlying ?? message }
}

extension String {
    /// Its first words, in small letters.
    fileprivate func words(_ count: Int) -> [String] {
        lowercased().split(maxSplits: count, whereSeparator: { !$0.isLetter }).prefix(count).map(String.init)
    }
}
