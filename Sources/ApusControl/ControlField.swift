import ApusCore
import Tabular

/// One column of a control table: its name, its declaration, and where it stands in the value that a row is.
///
/// The one list of fields of a record drives declaration, reading, writing, and the files of import and export.
public struct ControlField<Record>: Sendable {
    public let name: String
    /// As the pydatax database has it; translated for other systems by their dialects.
    let column: ColumnShape
    public let get: @Sendable (Record) -> String?
    /// nil is NULL, or a column that the user's table does not have.
    /// - throws: `config.invalid` when the text is not what the column holds.
    public let set: @Sendable (inout Record, String?) throws -> Void

    private init(
        _ name: String, _ type: ColumnType, _ initial: ColumnShape.Default?, identity: Bool = false,
        _ get: @escaping @Sendable (Record) -> String?, _ set: @escaping @Sendable (inout Record, String?) throws -> Void
    ) {
        self.name = name
        var column = ColumnShape(name, type, native: "\(type)", nullable: !identity)
        column.identity = identity
        column.initial = initial
        self.column = column
        self.get = get
        self.set = set
    }

    /// The counter that is the table's primary key.
    static func id(_ path: WritableKeyPath<Record, Int?> & Sendable) -> ControlField {
        ControlField("id", .int32, nil, identity: true, { $0[keyPath: path].map(String.init) }) {
            $0[keyPath: path] = try whole($1, "id")
        }
    }

    static func text(
        _ name: String, _ length: Int?, _ path: WritableKeyPath<Record, String> & Sendable, initial: String? = nil
    ) -> ControlField {
        ControlField(name, .text(length: length), initial.map { .literal($0) }, { $0[keyPath: path] }) {
            $0[keyPath: path] = $1 ?? ""
        }
    }

    static func optional(
        _ name: String, _ type: ColumnType, _ path: WritableKeyPath<Record, String?> & Sendable, initial: ColumnShape.Default? = nil
    ) -> ControlField {
        ControlField(name, type, initial, { $0[keyPath: path] }) { $0[keyPath: path] = $1 }
    }

    static func number(
        _ name: String, _ path: WritableKeyPath<Record, Int> & Sendable, initial: Int = 0
    ) -> ControlField {
        ControlField(name, .int32, .literal(String(initial)), { String($0[keyPath: path]) }) {
            $0[keyPath: path] = try whole($1, name) ?? initial
        }
    }

    static func reference(_ name: String, _ path: WritableKeyPath<Record, Int?> & Sendable) -> ControlField {
        ControlField(name, .int32, nil, { $0[keyPath: path].map(String.init) }) { $0[keyPath: path] = try whole($1, name) }
    }

    /// A number with three digits behind the point.
    static func thousandths(_ name: String, _ path: WritableKeyPath<Record, Double> & Sendable) -> ControlField {
        ControlField(name, .decimal(precision: 6, scale: 3), .literal("0"), { Thousandths.text($0[keyPath: path]) }) {
            guard let text = $1, !text.isEmpty else { return $0[keyPath: path] = 0 }
            guard let number = Double(text), number.isFinite, abs(number) < 1e12 else { throw fault(text, name) }
            $0[keyPath: path] = number
        }
    }

    private static func whole(_ text: String?, _ name: String) throws -> Int? {
        guard let text, !text.isEmpty else { return nil }
        if let number = Int(text) { return number }
        // A column of another type, e.g. decimal, gives `1.000`.
        if let number = Double(text), number == number.rounded(), abs(number) < 1e15 { return Int(number) }
        throw fault(text, name)
    }

    private static func fault(_ text: String, _ name: String) -> ApusError {
        ApusError(.configurationInvalid, "`\(text)` in `\(name)` is no number")
    }
}

enum Thousandths {
    /// `1.5`, without zeros at the end.
    static func text(_ number: Double) -> String {
        let all = Int((number * 1000).rounded())
        let fraction = String(abs(all) % 1000)
        var digits = String(repeating: "0", count: 3 - fraction.count) + fraction
        while digits.last == "0" { digits.removeLast() }
        let whole = (all < 0 ? "-" : "") + String(abs(all) / 1000)
        return digits.isEmpty ? whole : whole + "." + digits
    }
}
