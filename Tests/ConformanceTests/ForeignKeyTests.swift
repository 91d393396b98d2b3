import ApusControl
import ApusCore
import ApusEngine
import ApusTesting
import Foundation
import Testing

/// A ready-made schema with foreign keys: two tables that refer to each other, one that refers to itself, keys of two
/// columns, and names that sort against the keys' order.
@Suite struct ForeignKeyTests {
    static let tables = ["store", "staff", "category", "film", "a_copy", "a_rental"]
    static let keys = ["fk_category", "fk_copy", "fk_film", "fk_manager", "fk_rental", "fk_store"]

    private static func source() throws -> Place {
        let place = try Place(.sqlite)
        try place.run(
            """
            CREATE TABLE store (store_id int NOT NULL PRIMARY KEY, manager_id int);
            CREATE TABLE staff (staff_id int NOT NULL PRIMARY KEY, store_id int NOT NULL);
            CREATE TABLE category (category_id int NOT NULL PRIMARY KEY, parent_id int, name varchar(20) NOT NULL);
            CREATE TABLE film (film_id int NOT NULL, lang varchar(2) NOT NULL, category_id int, PRIMARY KEY (film_id, lang));
            CREATE TABLE a_copy (copy_id int NOT NULL PRIMARY KEY, film_id int NOT NULL, lang varchar(2) NOT NULL, store_id int NOT NULL);
            CREATE TABLE a_rental (rental_id int NOT NULL PRIMARY KEY, copy_id int NOT NULL);
            INSERT INTO store VALUES (1, 2), (2, 1), (3, NULL);
            INSERT INTO staff VALUES (1, 2), (2, 1);
            INSERT INTO category WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
              SELECT i, CASE WHEN i < 300 THEN i + 1 END, 'category ' || i FROM n;
            INSERT INTO film WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) SELECT i, 'en', 1 + i % 300 FROM n;
            INSERT INTO a_copy WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
              SELECT i, 1 + i % 500, 'en', 1 + i % 3 FROM n;
            INSERT INTO a_rental WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) SELECT i, 1 + i % 2000 FROM n;
            """)
        return place
    }

    /// The same with foreign keys, empty.
    private static func target(_ system: System) throws -> Place {
        let place = try Place(system)
        func key(_ name: String, _ columns: String, _ other: String) -> String {
            ", CONSTRAINT \(name) FOREIGN KEY (\(columns)) REFERENCES \(other)"
        }
        let circle = system == .sqlite ? key("fk_manager", "manager_id", "staff (staff_id)") : ""
        try place.run(
            """
            CREATE TABLE store (store_id int NOT NULL PRIMARY KEY, manager_id int\(circle));
            CREATE TABLE staff (staff_id int NOT NULL PRIMARY KEY, store_id int NOT NULL\(key("fk_store", "store_id", "store (store_id)")));
            CREATE TABLE category (category_id int NOT NULL PRIMARY KEY, parent_id int, name varchar(20) NOT NULL\(key("fk_category", "parent_id", "category (category_id)")));
            CREATE TABLE film (film_id int NOT NULL, lang varchar(2) NOT NULL, category_id int, PRIMARY KEY (film_id, lang)\(key("fk_film", "category_id", "category (category_id)")));
            CREATE TABLE a_copy (copy_id int NOT NULL PRIMARY KEY, film_id int NOT NULL, lang varchar(2) NOT NULL, store_id int NOT NULL\(key("fk_copy", "film_id, lang", "film (film_id, lang)")));
            CREATE TABLE a_rental (rental_id int NOT NULL PRIMARY KEY, copy_id int NOT NULL\(key("fk_rental", "copy_id", "a_copy (copy_id)")));
            """)
        if system != .sqlite {
            try place.run("ALTER TABLE store ADD CONSTRAINT fk_manager FOREIGN KEY (manager_id) REFERENCES staff (staff_id)")
        }
        return place
    }

    private static func pipeline(_ source: Place, _ target: Place, _ mode: LoadMode) throws -> Pipeline {
        var pipeline = try Pipeline(source, nil, target, target.url(target.system == .sqlite ? "foreign_keys=true" : ""))
        pipeline.flow.limits.channels = 3
        pipeline.take("*") {
            $0.mode = mode; $0.slices = 3; $0.key = nil
        }
        return pipeline
    }

    /// All rows are there, all keys too, and they hold.
    private static func expectWhole(_ target: Place, _ source: Place, _ note: Comment) throws {
        for table in tables { #expect(try target.rows(table) == source.rows(table), note) }
        switch target.system {
        case .mysql:
            let found = try target.ask(
                "SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() ORDER BY 1")
            #expect(found.map { $0[0] } == keys, note)
            let lost = try target.ask(
                "SELECT constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND referenced_table_name LIKE 'apus%'"
            )
            #expect(lost.isEmpty, note)
        case .postgres:
            let found = try target.ask("SELECT conname FROM pg_constraint WHERE contype = 'f' AND convalidated ORDER BY 1")
            #expect(found.map { $0[0] } == keys, note)
        default:
            #expect(try target.ask("PRAGMA foreign_key_check").isEmpty, note)
        }
        guard target.system != .sqlite else { return }
        #expect(throws: (any Error).self, note) { try target.run("INSERT INTO a_rental VALUES (-1, -1)") }
        #expect(throws: (any Error).self, note) { try target.run("DELETE FROM store WHERE store_id = 1") }
    }

    @Test(arguments: System.engines, [LoadMode.append, .upsert, .truncate, .replace])
    func `a schema with foreign keys is filled, and filled again, whole and without a rejected row`(_ system: System, _ mode: LoadMode)
        throws
    {
        let source = try Self.source(), target = try Self.target(system)
        // What is appended twice would be there twice.
        for round in mode == .append ? 1...1 : 1...2 {
            let result = try Self.pipeline(source, target, mode).succeed()
            #expect(result.tally.rejected == 0 && result.tally.written == 6805)
            try Self.expectWhole(target, source, "round \(round)")
        }
    }

    @Test(arguments: System.servers)
    func `rows that refer to nothing fail the run that put the keys off`(_ system: System) throws {
        let source = try Self.source(), target = try Self.target(system)
        try source.run("UPDATE store SET manager_id = 77 WHERE store_id = 3")
        for mode in [LoadMode.replace, .upsert] {
            let result = try Self.pipeline(source, target, mode).run()
            #expect(result.status == .failed, "\(mode)")
            #expect(result.error?.code == .referenced, "\(mode) \(String(describing: result.error))")
        }
    }

    @Test(arguments: System.servers)
    func `a table whose parent fails is not loaded, and says why`(_ system: System) throws {
        let source = try Self.source(), target = try Self.target(system)
        try source.run("INSERT INTO film VALUES (900, 'en', 12345)")
        let result = try Self.pipeline(source, target, .append).run()
        let found = Dictionary(uniqueKeysWithValues: result.tables.map { ($0.name, $0) })
        #expect(found["film"]?.error?.code == .tooManyRejected)
        for name in ["a_copy", "a_rental"] {
            #expect(found[name]?.status == .failed && found[name]?.error?.code == .referenced)
            #expect(found[name]?.tally.read == 0)
        }
        #expect(found["category"]?.status == .done)
    }
}
