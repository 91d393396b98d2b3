import ApusControl
import ApusCore
import ApusFlow

/// Rows of the control tables as a file for review: YAML with `jobs` and `tables`, or CSV of config rows.
///
/// Fields have the names of the tables' columns. What runs write (how often, when last) is neither exported nor changed
/// by an import.
public enum ControlFile {
    private static let written: Set<String> = ["etl_num", "last_etl_date", "create_time"]
    private static let rowNames = ControlRow.fields.map(\.name).filter { !written.contains($0) }
    private static let jobNames = ControlJob.fields.map(\.name).filter { !written.contains($0) }

    // MARK: Export

    /// Fields at their defaults are left out of YAML.
    public static func export(rows: [ControlRow], jobs: [ControlJob]) -> RecordFile {
        RecordFile([
            ("jobs", jobs.map { record($0, ControlJob.fields, jobNames, empty: ControlJob(), isSparse: true) }),
            ("tables", rows.map { record($0, ControlRow.fields, rowNames, empty: ControlRow("", to: ""), isSparse: true) }),
        ])
    }

    /// Config rows with all fields, for CSV.
    public static func table(_ rows: [ControlRow]) -> RecordFile {
        RecordFile([("tables", rows.map { record($0, ControlRow.fields, rowNames, empty: ControlRow("", to: ""), isSparse: false) })])
    }

    private static func record<Record>(
        _ value: Record, _ fields: [ControlField<Record>], _ names: [String], empty: Record, isSparse: Bool
    ) -> RecordFile.Record {
        let wanted = fields.filter { names.contains($0.name) && (!isSparse || $0.get(value) != $0.get(empty) || $0.name == "etl_type") }
        return RecordFile.Record(wanted.map { ($0.name, $0.get(value)) })
    }

    // MARK: Import

    public struct Counts: Sendable, Equatable {
        public var added = 0
        public var changed = 0
        public var same = 0
    }

    /// Puts a file's rows into a control database. A row means the one with its id, or else with its source table and job;
    /// fields that it does not name stay as they are.
    /// - throws: `config.*` with every mistake; nothing is written then.
    public static func load(_ path: String, into control: ControlDatabase, table: String) throws -> (rows: Counts, jobs: Counts) {
        let file = try RecordFile.read(path, known: [("tables", rowNames), ("jobs", jobNames)])
        try control.createConfig(table)
        let known = try control.rows(of: table), knownJobs = try control.jobs()
        var faults: [String] = []
        var jobs: [ControlJob] = [], rows: [ControlRow] = []
        var jobCounts = Counts(), rowCounts = Counts()
        for list in file.lists {
            for record in list.records {
                do {
                    if list.name == "jobs" {
                        let id = record.value("id").flatMap { Int($0) }
                        let old = knownJobs.first { $0.id != nil && $0.id == id }
                        let job = try fill(old ?? ControlJob(), ControlJob.fields, record)
                        count(old, job, &jobCounts)
                        if old != job { jobs.append(job) }
                    } else {
                        let row = try self.row(record, known)
                        count(row.old, row.new, &rowCounts)
                        if row.old != row.new { rows.append(row.new) }
                    }
                } catch let error as ApusError { faults.append("\(record.place): \(error.message)") }
            }
        }
        guard faults.isEmpty else {
            throw ApusError(
                .configurationInvalid, faults.count == 1 ? faults[0] : "\(faults.count) mistakes:\n  " + faults.joined(separator: "\n  "),
                hint: "Nothing was written.")
        }
        if !jobs.isEmpty { try control.put(jobs) }
        if !rows.isEmpty { try control.put(rows, into: table) }
        return (rowCounts, jobCounts)
    }

    private static func count<Value: Equatable>(_ old: Value?, _ new: Value, _ counts: inout Counts) {
        if old == nil { counts.added += 1 } else if old == new { counts.same += 1 } else { counts.changed += 1 }
    }

    private static func row(_ record: RecordFile.Record, _ known: [ControlRow]) throws -> (old: ControlRow?, new: ControlRow) {
        let made = try fill(ControlRow("", to: ""), ControlRow.fields, record)
        guard !made.sourceTable.isEmpty, !made.targetTable.isEmpty else {
            throw ApusError(.configurationInvalid, "src_table_name and des_table_name are needed")
        }
        let old =
            made.id.map { id in known.first { $0.id == id } }
            ?? known.first { $0.sourceTable == made.sourceTable && $0.jobID == made.jobID }
        return (old, try old.map { try fill($0, ControlRow.fields, record) } ?? made)
    }

    private static func fill<Record>(_ value: Record, _ fields: [ControlField<Record>], _ record: RecordFile.Record) throws -> Record {
        var filled = value
        for field in fields {
            guard let given = record.fields.first(where: { $0.name == field.name }) else { continue }
            try field.set(&filled, given.value)
        }
        return filled
    }
}

extension RecordFile.Record {
    func value(_ name: String) -> String? { fields.first { $0.name == name }.flatMap(\.value) }
}
