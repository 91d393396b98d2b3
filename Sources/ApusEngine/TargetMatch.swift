import ApusCore
import Tabular

/// Compares the planned columns with a table that the target already has.
struct TargetMatch {
    let columns: ColumnPlan
    let existing: TableShape
    let strict: Bool
    let rounds: Bool

    init(_ columns: ColumnPlan, _ existing: TableShape, strict: Bool, rounds: Bool) {
        self.columns = columns
        self.existing = existing
        self.strict = strict
        self.rounds = rounds
    }

    /// The existing column for each planned one: by name, else by name in any case; nil for one that both sides
    /// compute. Misfits become findings.
    func match(_ findings: inout [Finding]) -> [String?] {
        var carried: [String?] = []
        for (index, name) in columns.targets.enumerated() {
            guard let column = existing.column(like: name) else {
                findings.append(
                    Finding(
                        .error, .notFound, column: name,
                        "the target \(existing.name) has no column `\(name)`. \(Nearest.name(to: name, among: existing.columns.map(\.name)).map { "Did you mean `\($0)`? " } ?? "")Leave it out (`exclude`), `rename` it, or let Apus make the table anew (`create: recreate`)"
                    ))
                carried.append(name)
                continue
            }
            if column.generated, columns.shapes[index].generated {
                carried.append(nil)
                continue
            }
            carried.append(column.name)
            if column.generated {
                findings.append(
                    Finding(
                        .error, .unsupported, column: name,
                        "the target computes `\(column.name)` itself; leave it out with `exclude`"))
                continue
            }
            check(columns.shapes[index], column, &findings)
        }
        let given = Set(carried)
        for column in existing.columns
        where !given.contains(column.name) && !column.nullable && column.initial == nil && !column.identity && !column.generated {
            findings.append(
                Finding(
                    .error, .configurationInvalid, column: column.name,
                    "the target's column `\(column.name)` is NOT NULL without a default, and the source gives it nothing; give it a constant (`columns`)"
                ))
        }
        return carried
    }

    private func check(_ source: ColumnShape, _ target: ColumnShape, _ findings: inout [Finding]) {
        // The same declaration in the same system holds the same values.
        if columns.source.origin == existing.origin, source.native == target.native { return }
        // An enumeration of the same labels.
        let isListed = target.labels.map { labels in source.labels?.allSatisfy(labels.contains) ?? false } ?? false
        switch isListed ? .exact : source.type.fit(into: target.type, rounds: rounds) {
        case .exact, .widening: break
        case .narrowing(let what):
            findings.append(
                Finding(
                    .warning, .lossyMapping, column: target.name,
                    "\(source.native) into \(target.native): \(what)"))
        case .impossible(let why):
            findings.append(
                Finding(.error, .unsupported, column: target.name, "\(source.native) into \(target.native): \(why)"))
        }
        if source.nullable, !target.nullable {
            findings.append(
                Finding(.warning, .lossyMapping, column: target.name, "NULL is rejected: the target's column is NOT NULL"))
        }
    }
}
