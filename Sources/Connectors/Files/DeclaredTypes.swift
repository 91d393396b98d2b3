import ApusCore
import Tabular

/// How fields are read when the target's column is declared: that decides, and what was guessed from a sample does not.
extension FilesSession {
    func reading(_ column: String, of table: TableName, as target: ColumnType) throws -> Reading? {
        // What the user said about a column, or about all of them, holds.
        guard options.infer, !options.types.contains(where: { $0.name == column }),
            let guess = try describe(table).column(column)?.type
        else { return nil }
        switch target {
        case .text, .other, .array, .bits: return Reading(.text)
        case .json: return Reading(format.hasJSON ? .json : .text)
        case .bytes:
            guard options.binary != .text, isText(column, of: table) else { return Reading(.bytes) }
            return Reading(
                .bytes,
                loss: "values that are not bytes written as \(options.binary.example) are rejected, and the sample has some; "
                    + "binary=text takes the characters themselves")
        // 0 and 1, which words are in a column of numbers; a word among numbers is none.
        case .integer, .float, .decimal: return Reading(guess == .boolean ? .boolean : target)
        case .boolean, .uuid, .time, .duration: return Reading(target)
        case .date, .timestamp, .instant: return Reading(moment(column, guess, target))
        }
    }

    /// Points in time and wall clocks are turned into each other by a cast, which knows the run's zone, not by the reader.
    private func moment(_ column: String, _ guess: ColumnType, _ target: ColumnType) -> ColumnType {
        if options.datePattern(Column(column, target)) != nil { return target }
        switch (target, guess) {
        case (.date, .instant), (.timestamp, .instant): return guess
        case (.date, .timestamp), (.instant, .timestamp), (.instant, .date): return .timestamp(precision: 6)
        case (.instant, .text): return .text
        default: return target
        }
    }

    /// A CSV file holds texts: what comes from another one arrives as it stands there.
    var declaredType: ColumnType? { !format.hasJSON && options.datePatterns.isEmpty ? .text : nil }
}
