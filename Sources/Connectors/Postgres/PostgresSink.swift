import ApusCore
import CPostgres
import Glibc
import Tabular

extension PostgresSession {
    /// The schema in which a load's target is, or will be made: the same for the whole load.
    /// - throws: `object.not_found`.
    func schema(of load: Load) throws -> String {
        if let schema = load.target.schema { return schema }
        let place = "\(load.runID) \(load.target.name)"
        if let known = knownSchemas[place] { return known }
        let found = try findSchema(of: load)
        if knownSchemas.count > 200 { knownSchemas = [:] }
        knownSchemas[place] = found
        return found
    }

    private func findSchema(of load: Load) throws -> String {
        if let relation = try relation(load.target), let schema = relation.name.schema { return schema }
        guard let current = try run("SELECT current_schema()", doing: "looking for the schema").value else {
            if endpoint.createsSchemas, let missing = try missingDefault() { return missing }
            throw ApusError(
                .notFound, "no schema of the search path exists, so there is no place for \(load.target)",
                hint: "Write schema.table, or give the connection `schema=…`.", context: endpoint.label)
        }
        return current
    }

    /// The load with its target's schema written out: staging and target must be in one schema, whichever of the
    /// search path it is.
    func placed(_ load: Load) throws -> Load {
        var load = load
        load.shape.name.schema = try schema(of: load)
        return load
    }

    /// The quoted name of the table of marks beside the target.
    func marksTable(_ load: Load) throws -> String {
        dialect.quote(TableName(schema: try schema(of: load), SliceMark.tableName))
    }

    /// The literal under which marks of this load stand: several tables of a plan may go to one target.
    func markKey(_ load: Load) throws -> String {
        dialect.literal("\(try schema(of: load)).\(load.target.name)#\(load.table)")
    }

    func writer(_ load: Load) throws -> any Writer { try PostgresWriter(self, placed(load)) }

    func comparable(_ table: TableName) throws -> TableName {
        if table.schema != nil { return table }
        let found = try relation(table)?.name.schema ?? run("SELECT current_schema()", doing: "looking for the schema").value
        return TableName(schema: found, table.name)
    }

    /// The server never puts another value in the place of a NULL, but an upsert could not find a row again whose key
    /// holds one.
    func accepts(_ load: Load) throws -> Schema {
        var schema = try layout(load).schema
        let matchesNulls = try load.mode == .upsert && self.matchesNulls(load)
        for index in schema.columns.indices {
            schema.columns[index].nullable = load.mode != .upsert || matchesNulls || !load.key.contains(schema.columns[index].name)
        }
        return schema
    }

    func wireFormats(_ load: Load) throws -> [WireFormat] { try layout(load).wire.map { [$0] } ?? [] }

    /// Asked of the catalogue once a load: the table does not change between `prepare` and `finish`.
    func layout(_ load: Load) throws -> PostgresLayout {
        let load = try placed(load)
        if let known = knownLayout, known.load == load { return known.layout }
        let layout = try PostgresLayout(self, load)
        knownLayout = (load, layout)
        return layout
    }

    // MARK: Lock

    /// Connections of one run share the lock; the gate keeps two runs from looking at the same instant.
    func lock(_ load: Load) throws {
        let key = try lockKey(load)
        if lockedKeys.contains(key) { return }
        let doing = "locking \(load.target)"
        let own = runName(load)
        let bits = UInt64(bitPattern: key)
        // Nobody holds the lock alone, so that the try succeeds.
        let gate = "SELECT pg_advisory_xact_lock(\(key ^ 1))"
        let sql = """
            SELECT o.name, CASE WHEN o.name IS NULL THEN pg_try_advisory_\(poolsTransactions ? "xact_" : "")lock_shared(\(key)) END FROM (
              SELECT min(coalesce(a.application_name, '')) AS name
              FROM pg_catalog.pg_locks l, LATERAL pg_catalog.pg_stat_get_activity(l.pid) a
              WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
                AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                AND l.classid = \(bits >> 32) AND l.objid = \(bits & 0xffff_ffff) AND coalesce(a.application_name, '') <> \(own)) o
            """
        // One implicit transaction, at whose end the gate opens.
        let row =
            poolsTransactions
            ? try lockPooled(key, load, gate: gate, sql, doing)
            : try run("SET application_name = \(own); \(gate);\n\(sql)", doing: doing).rows.first ?? []
        if row.last == "t" {
            lockedKeys.insert(key)
            return
        }
        let other = row.first.flatMap { $0 } ?? ""
        let owner = other.hasPrefix("apus run ") ? " (\(other.dropFirst(9)))" : ""
        throw ApusError(
            .locked, "another run\(owner) is loading \(load.target)", hint: "Wait for its end, or stop it.",
            context: endpoint.label)
    }

    /// The name under which connections of a run are known to the server, as a literal.
    func runName(_ load: Load) -> String { dialect.literal(String("apus run \(load.runID)".prefix(63))) }

    func evict(_ load: Load) throws {
        let doing = "ending other connections of run \(load.runID)"
        let own = (Self.ownBackends.union([0])).sorted().map(String.init).joined(separator: ", ")
        let others = """
            FROM pg_catalog.pg_stat_activity WHERE application_name = \(runName(load)) AND datname = current_database()
              AND usename = current_user AND pid NOT IN (\(own))
            """
        try run("SELECT pg_catalog.pg_terminate_backend(pid) \(others)", doing: doing)
        let end = ContinuousClock.now + .seconds(10)
        while try run("SELECT 1 \(others)", doing: doing).rowCount > 0, ContinuousClock.now < end {
            try interrupt.check()
            usleep(20_000)
        }
    }

    func unlock(_ load: Load) {
        guard let key = try? lockKey(load), lockedKeys.remove(key) != nil else { return }
        lockHolders.removeValue(forKey: key)?.close()
        if poolsTransactions { return }
        _ = try? run("SELECT pg_advisory_unlock_shared(\(key))", doing: "unlocking \(load.target)")
    }

    /// Locks are per database, so schema and table are enough (FNV-1a, 64 bits).
    func lockKey(_ load: Load, _ table: String? = nil) throws -> Int64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in "apus\u{0}\(try schema(of: load))\u{0}\(table ?? load.target.name)".utf8 {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return Int64(bitPattern: hash)
    }
}
