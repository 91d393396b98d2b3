import ApusTesting
import Foundation
import Testing

/// Whole schemas, from every system into every other, again and again: values, keys, indexes, checks, counters and comments
/// are the same, or the plan says that they are not.
@Suite(.requires(.mariadb, .postgres)) struct PublicSchemaTests {
    let user: User
    init() throws { user = try User() }

    private static let with = ["--with", "indexes,foreign-keys"]

    /// - parameter lost: properties of the source that the target lacks, and the words by which the plan names each; nil for another
    ///   spelling of the same.
    private func compare(_ source: Store, _ target: Store, lost: [String: String?], extra: [String] = [], _ plan: String) throws {
        let wanted = try SchemaPicture(source), got = try SchemaPicture(target)
        #expect(wanted.properties.subtracting(got.properties) == Set(lost.keys))
        // Only indexes that the target's foreign keys and counters need, and its own spellings.
        let more = got.properties.subtracting(wanted.properties).filter { !($0.contains(" INDEX (") && target.kind == .mariadb) }
        #expect(more == Set(extra))
        for (property, words) in lost { if let words { #expect(plan.contains(words), "\(property)\n\(plan)") } }
        #expect(Set(got.rows.keys) == Set(wanted.rows.keys))
        for (table, rows) in wanted.rows { #expect(got.rows[table] == rows, "\(table)") }
    }

    /// Into an empty schema and over it.
    /// - parameter more: options of further runs.
    private func move(
        _ source: Store, _ kind: Kind, lost: [String: String?], extra: [String] = [], names: [String] = [], more: [[String]] = []
    ) throws {
        let target = try Store(kind)
        let plan = try user.run(["copy", source.url(), target.url(), "--dry-run"] + Self.with)
        expect(plan, 0)
        for name in names { #expect(plan.stdout.contains(name), "\(name)\n\(plan.stdout)") }
        let isLossy = plan.stdout.contains("  warning ")
        #expect(isLossy == !names.isEmpty)
        expect(try user.run(["copy", source.url(), target.url(), "--dry-run", "--strict"] + Self.with), isLossy ? 78 : 0)
        for arguments in [[], []] + more {
            let run = try user.run(["copy", source.url(), target.url()] + arguments + Self.with)
            expect(run, 0)
            #expect(!run.stderr.contains("tried again"), "\(run.stderr)")
            try compare(source, target, lost: lost, extra: extra, plan.stdout)
        }
        try expectNothingLeft(target)
    }

    @Test(arguments: Kind.engines)
    func `a rental schema of MariaDB arrives whole, twice`(_ kind: Kind) throws {
        let source = try PublicSchema.store(.rental, .mariadb)
        let triggers = [
            "the trigger film_del (AFTER DELETE)", "the trigger film_ins (AFTER INSERT)", "the trigger rental_date (BEFORE INSERT)",
        ]
        if kind == .mariadb { return try move(source, kind, lost: [:], names: triggers) }
        var lost: [String: String?] = [
            "address INDEX SPATIAL (location)": "the index idx_location is not carried over",
            "film_text INDEX FULLTEXT (title, description)": "the index idx_title_description is not carried over",
        ]
        if kind == .sqlite {
            lost[#"customer COMMENT who rents; it's "all" of them"#] = "comments are not carried over"
            lost["film.rental_duration COMMENT days"] = "comments are not carried over"
        }
        let names = [
            "location: the type geometry becomes", "rating: it becomes", "special_features: it becomes",
            "last_update: an UPDATE no longer sets it", "the collation utf8mb4_bin of password",
        ]
        try move(source, kind, lost: lost, names: names + triggers, more: [["--create", "recreate"]])
    }

    @Test(arguments: Kind.engines)
    func `a partitioned schema of PostgreSQL arrives whole, twice`(_ kind: Kind) throws {
        let source = try PublicSchema.store(.partitioned, .postgres)
        var names = [
            "the trigger last_updated", "the trigger film_fulltext_trigger", "partitioning (BY RANGE (payment_date), partitions: 2)",
            "each index of a single partition (idx_fk_payment_p2022_01_customer_id)",
            "each foreign key of a single partition (payment_p2022_01_customer_id_fkey, payment_p2022_01_rental_id_fkey,",
        ]
        if kind == .postgres { return try move(source, kind, lost: [:], names: names) }
        var lost: [String: String?] = [
            "film INDEX GIST (fulltext)": "the index film_fulltext_idx is not carried over",
            "packages INDEX GIN (aptdata)": "the index idx_aptdata is not carried over",
        ]
        names += [
            "fulltext: ", "rental_period: ", "release_year: the type year becomes", "it counts by the sequence actor_actor_id_seq",
        ]
        if kind == .sqlite {
            lost[#"customer COMMENT who rents; it's "all" of them"#] = "comments are not carried over"
            lost["customer.activebool COMMENT still rents"] = "comments are not carried over"
            lost["payment COUNTER 32099"] = "payment_id: it does not count by itself"
        }
        try move(source, kind, lost: lost, names: names)
    }

    @Test(arguments: Kind.engines)
    func `a staff schema of MariaDB arrives whole, twice`(_ kind: Kind) throws {
        let source = try PublicSchema.store(.staff, .mariadb)
        let lost: [String: String?] = kind == .sqlite ? ["employees COMMENT people": "comments are not carried over"] : [:]
        // By key, and with all tables made anew, which refer to each other.
        try move(
            source, kind, lost: lost, names: kind == .mariadb ? [] : ["gender: it becomes", "partitioning (BY RANGE"],
            more: [["--mode", "upsert"], ["--create", "recreate"]])
    }

    @Test(arguments: [
        (Kind.sqlite, Kind.mariadb), (.sqlite, .postgres), (.sqlite, .sqlite), (.mariadb, .postgres), (.postgres, .mariadb),
        (.mariadb, .sqlite),
    ])
    func `a music schema arrives whole from every system in every other, twice`(_ from: Kind, _ to: Kind) throws {
        let source = try PublicSchema.store(.music, from)
        let counted = [
            "Album": 81, "Artist": 51, "Customer": 60, "Employee": 4, "Genre": 4, "Invoice": 201, "InvoiceLine": 601, "MediaType": 3,
            "Playlist": 4, "Track": 501,
        ]
        // INTEGER PRIMARY KEY counts.
        let extra = from == .sqlite && to != .sqlite ? counted.map { "\($0) COUNTER \($1)" } : []
        try move(source, to, lost: [:], extra: extra)
    }

    @Test(arguments: [Kind.postgres, .sqlite])
    func `a ready-made schema with foreign keys is filled, emptied and filled again`(_ kind: Kind) throws {
        let source = try PublicSchema.store(.music, .mariadb), target = try PublicSchema.store(.music, kind)
        for mode in ["upsert", "truncate", "replace"] {
            expect(try user.run(["copy", source.url(), target.url(), "--create", "require", "--mode", mode] + Self.with), 0)
            try compare(source, target, lost: [:], "")
        }
    }

    @Test(arguments: Kind.servers)
    func `a run that fails says which tables lack their foreign keys, and resume makes them`(_ kind: Kind) throws {
        let source = try PublicSchema.store(.music, .sqlite), target = try Store(kind)
        try source.run(#"INSERT INTO "Genre" VALUES (9, 'a name of more than 120 characters' || hex(zeroblob(60)))"#)
        let failed = try user.run(["copy", source.url(), target.url()] + Self.with)
        expect(failed, 1, "foreign keys of", "are not made yet")
        try source.run(#"UPDATE "Genre" SET "Name" = 'short' WHERE "GenreId" = 9"#)
        expect(try user.apus("resume", user.latestRun()), 0)
        let made = try SchemaPicture(target).properties.filter { $0.contains(" FOREIGN KEY ") }
        #expect(try made == SchemaPicture(source).properties.filter { $0.contains(" FOREIGN KEY ") })
    }
}
