import ApusCore
import MySQLClient
import Tabular

/// `read=scan`: what can be read off the BEs is, the rest over the SQL port, and why is said.
extension StarRocksSession {
    /// Why a read cannot be scanned, as far as that is known without asking a server; nil = it may.
    func scanRefusal(_ read: Read) -> String? {
        guard case .table = read.relation, !read.isVerbatim else { return "a query is not a table" }
        if scanTable(read) == nil { return "the database is not known" }
        if let item = read.items.first(where: { $0.expression != nil }) { return "`\(item.name)` is an expression" }
        for column in read.schema.columns {
            switch column.type {
            case .other, .array: return "`\(column.name)` is of type \(column.type), whose text is the SQL port's own"
            default: continue
            }
        }
        return nil
    }

    private func scanTable(_ read: Read) -> TableName? {
        guard case .table(let name) = read.relation, let schema = name.schema ?? database else { return nil }
        return TableName(schema: schema, name.name)
    }

    /// A plan knows a table by its own name only.
    private func scanSQL(_ read: Read, _ part: StarRocksPart, _ table: TableName) -> String {
        var plain = read
        plain.relation = .table(table)
        if let alias = read.alias, !read.filters.contains(where: { $0.contains(alias) }) { plain.alias = nil }
        return plain.selectSQL(part, dialect)
    }

    /// A reader on the BEs; or nil, and why the slice has to be read over the SQL port.
    /// - throws: what stops any read: the interrupt, and servers that refuse the user.
    func scanReader(
        _ read: Read, _ part: StarRocksPart, seconds: Int, doing: String, onEnd: @escaping () throws -> Void
    ) throws -> (reader: ScanReader?, refusal: String) {
        if let refusal = scanRefusal(read) { return (nil, refusal) }
        guard let table = scanTable(read) else { return (nil, "the database is not known") }
        do {
            let plan = try scanPlan(scanSQL(read, part, table), of: table)
            return (try ScanReader(self, read, plan, table: table, seconds: seconds, doing: doing, onEnd: onEnd), "")
        } catch let refusal as ScanPlan.Refusal {
            return (nil, "the FE plans no scan: \(refusal.words.prefix { $0 != "[" }.prefix(200))")
        } catch let fault as LoadFault {
            if interrupt.isFired { throw ApusError(.cancelled, "stopped while it tried to \(doing)") }
            return (nil, "the FE's HTTP port \(fault.place) gives no plan: \(fault.words)")
        } catch let fault as ScanFault {
            if interrupt.isFired { throw ApusError(.cancelled, "stopped while it tried to \(doing)") }
            return (nil, Self.words(fault))
        }
    }

    private static func words(_ fault: ScanFault) -> String {
        switch fault {
        case .broken(let words): "no BE's thrift port answers: \(words)"
        case .status(let code, let words): "the BE opens no scanner: status \(code), \(words.prefix(200))"
        case .malformed(let words), .unsupported(let words): "the BE sent \(words)"
        }
    }
}

extension StarRocksOptions {
    enum Reading: String, Sendable { case sql, scan }

    /// Where a BE is reached from here that calls itself `host:port`.
    func reached(_ place: String) -> ConnectionURL.Host {
        let colon = place.lastIndex(of: ":")
        let host = String(colon.map { place[..<$0] } ?? place[...])
        let port = colon.flatMap { Int(place[place.index(after: $0)...]) }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        guard let other = addresses[place] ?? addresses[bare] else { return ConnectionURL.Host(bare, port: port) }
        return ConnectionURL.Host(other.name, port: other.port ?? port)
    }
}
