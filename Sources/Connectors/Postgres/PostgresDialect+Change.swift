import ApusCore
import Tabular

extension PostgresDialect {
    /// PostgreSQL pads CHAR with blanks, and rounds or cuts intervals and the elements of arrays to what their declaration keeps.
    public func change(of source: ColumnShape, into target: ColumnShape) -> String? {
        let native = target.native
        if native.hasSuffix("]"), native.contains("(") {
            return "\(source.native) into \(native): elements are cut or rounded to what `\(native)` keeps, without an error"
        }
        if native.hasPrefix("interval"), native != "interval" {
            // interval(p), of which a time or duration has no more digits.
            let kept = native.hasPrefix("interval(") ? Int(native.dropFirst(9).dropLast()) : nil
            switch source.type {
            case .time(let precision), .duration(let precision): if let kept, precision <= kept { return nil }
            default: break
            }
            return "\(source.native) into \(native): intervals are rounded or cut to what `\(native)` keeps, without an error"
        }
        let isPadded = native == "character" || native.hasPrefix("character(")
        guard isPadded, !source.native.lowercased().hasPrefix("char") || source.native.lowercased().hasPrefix("character v") else {
            return nil
        }
        return "\(source.native) into \(native): values are padded with blanks, and blanks at their end are lost"
    }
}
