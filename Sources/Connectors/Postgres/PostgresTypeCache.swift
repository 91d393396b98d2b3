import ApusCore
import Tabular

/// The server's types that this connection has met, by OID.
final class PostgresTypeCache {
    struct Entry {
        var name: String
        /// pg_type.typtype: b, c, d, e, p, r, m.
        var kind: String
        /// A domain's base type and modifier.
        var base: UInt32
        var baseModifier: Int32
        /// An array's elements; 0 = no array.
        var element: UInt32
    }

    var entries: [UInt32: Entry] = [:]
    /// Digits after the point of `money` here, by the database's lc_monetary.
    var moneyScale: Int?
}

extension PostgresSession {
    /// The types of some columns, domains taken as their base types.
    func types(of columns: [(oid: UInt32, modifier: Int32)]) throws -> [PostgresType] {
        try load(columns.map(\.oid))
        return try columns.map { try type(oid: $0.oid, modifier: $0.modifier) }
    }

    private func type(oid: UInt32, modifier: Int32) throws -> PostgresType {
        var oid = oid
        var modifier = modifier
        while let entry = types.entries[oid], entry.kind == "d" {
            oid = entry.base
            // A domain's columns have no modifier of their own.
            modifier = entry.baseModifier
        }
        if oid == PostgresOID.money { return try money() }
        let entry = types.entries[oid]
        let name = entry?.name ?? "unknown"
        if let scalar = PostgresType(scalar: oid, modifier: modifier, name: name) { return scalar }
        if let entry, entry.kind == "e" { return PostgresType(oid: oid, type: .text, codec: .text) }
        // citext is an extension's: its OID differs from database to database, its binary form is text.
        if name == "citext" { return PostgresType(oid: oid, type: .text, codec: .text) }
        if let entry, entry.element != 0 {
            let element = try type(oid: entry.element, modifier: modifier)
            return PostgresType(oid: oid, type: .array(element.type), cast: "::text")
        }
        var taken: ColumnType?
        // interval(p): p in the lower 16 bits, all of them set without one (src/include/utils/timestamp.h).
        if oid == PostgresOID.interval, modifier >= 0, modifier & 0xffff <= 6 { taken = .duration(precision: Int(modifier & 0xffff)) }
        return PostgresType(oid: oid, type: .other(name), cast: "::text", taken: taken)
    }

    private func money() throws -> PostgresType {
        if types.moneyScale == nil {
            let text = try run("SELECT 1::money::numeric::text", doing: "asking for the digits of money").value ?? ""
            types.moneyScale = text.split(separator: ".").dropFirst().first?.count ?? 0
        }
        return PostgresType(
            oid: PostgresOID.money, type: .decimal(precision: 19, scale: types.moneyScale ?? 2), cast: "::numeric")
    }

    /// Loads what is not known yet, also the types behind domains and arrays.
    private func load(_ oids: [UInt32]) throws {
        var missing = Set(oids).filter { types.entries[$0] == nil }
        while !missing.isEmpty {
            let rows = try run(
                """
                SELECT t.oid, format_type(t.oid, NULL), t.typtype, t.typbasetype, t.typtypmod,
                  CASE WHEN t.typlen = -1 AND t.typelem <> 0 THEN t.typelem ELSE 0 END,
                  CASE WHEN t.typname = 'citext' THEN 'citext' END
                FROM pg_catalog.pg_type t WHERE t.oid IN (\(missing.map(String.init).joined(separator: ",")))
                """, doing: "reading the catalogue of types"
            ).rows
            var next: Set<UInt32> = []
            for row in rows {
                guard let oid = row[0].flatMap({ UInt32($0) }) else { continue }
                let entry = PostgresTypeCache.Entry(
                    name: row[6] ?? row[1] ?? "", kind: row[2] ?? "b", base: row[3].flatMap { UInt32($0) } ?? 0,
                    baseModifier: row[4].flatMap { Int32($0) } ?? -1, element: row[5].flatMap { UInt32($0) } ?? 0)
                types.entries[oid] = entry
                for other in [entry.base, entry.element] where other != 0 && types.entries[other] == nil {
                    next.insert(other)
                }
            }
            // A type dropped meanwhile stays unknown.
            missing = next.subtracting(missing)
        }
    }
}
