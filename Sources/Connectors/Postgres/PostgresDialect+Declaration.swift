import ApusCore
import Tabular

extension PostgresDialect {
    /// See the type table in the connector's README.
    public func declaration(of column: ColumnShape, origin: String) -> Declaration {
        if origin == "postgres", !column.native.isEmpty {
            // A serial's own name in other words.
            return Declaration(column.native, column.type)
        }
        switch column.type {
        case .boolean: return Declaration("boolean", .boolean)
        case .integer(let bits, let unsigned): return integer(bits, unsigned)
        case .float(let bits): return bits == 32 ? Declaration("real", column.type) : Declaration("double precision", column.type)
        case .decimal(let precision?, let scale):
            guard precision <= 1000 else {
                return Declaration("numeric", .decimal(precision: nil, scale: nil))
            }
            return Declaration("numeric(\(precision),\(scale ?? 0))", column.type)
        case .decimal: return Declaration("numeric", column.type)
        case .text(let length): return text(length, column)
        case .bytes: return Declaration("bytea", .bytes)
        case .date: return Declaration("date", .date)
        case .time(let precision): return Declaration(timed("time", precision), .time(precision: min(precision, 6)))
        case .duration(let precision): return Declaration(timed("interval", precision), column.type)
        case .timestamp(let precision):
            return Declaration(timed("timestamp", precision), column.type)
        case .instant(let precision):
            return Declaration(timed("timestamp", precision) + " with time zone", column.type)
        case .json: return Declaration("json", .json)
        case .uuid: return Declaration("uuid", .uuid)
        case .bits(let length):
            guard let length else { return Declaration("bit varying", column.type) }
            return Declaration("bit(\(length))", column.type)
        case .array(let element): return array(element, origin)
        case .other(let name): return Declaration("text", .text, loss: "\(name) becomes text")
        }
    }

    private func integer(_ bits: Int, _ unsigned: Bool) -> Declaration {
        switch (bits, unsigned) {
        case (...8, _), (16, false): Declaration("smallint", .int16)
        case (16, true), (24, _), (32, false): Declaration("integer", .int32)
        case (32, true), (_, false): Declaration("bigint", .int64)
        default: Declaration("numeric(20)", .decimal(precision: 20, scale: 0))
        }
    }

    /// character varying holds at most 10,485,760 characters.
    private func text(_ length: Int?, _ column: ColumnShape) -> Declaration {
        let native = column.native.lowercased()
        // An enumeration's or a set's length says nothing of the values it may get later.
        guard let length, length > 0, length <= 10_485_760, !native.hasPrefix("enum"), !native.hasPrefix("set(") else {
            return Declaration("text", .text)
        }
        return Declaration("varchar(\(length))", .text(length: length))
    }

    private func timed(_ name: String, _ precision: Int) -> String { precision < 6 ? "\(name)(\(max(precision, 0)))" : name }

    private func array(_ element: ColumnType, _ origin: String) -> Declaration {
        let inner = declaration(of: ColumnShape("", element, native: ""), origin: origin)
        return Declaration(inner.native + "[]", .array(inner.type), loss: inner.loss)
    }
}
