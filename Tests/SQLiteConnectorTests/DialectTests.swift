import ApusCore
import SQLiteConnector
import Tabular
import Testing

@Suite struct `The SQLite dialect` {
    private let dialect = SQLiteDialect()

    @Test func `names and texts are quoted`() {
        #expect(dialect.quote("a\"b") == "\"a\"\"b\"")
        #expect(dialect.quote(TableName(schema: "main", "order")) == "\"main\".\"order\"")
        #expect(dialect.literal("it's") == "'it''s'")
        #expect(dialect.literal("a\0b") == "CAST(x'610062' AS TEXT)")
    }

    @Test(arguments: [
        ("12", "12"), ("-1.5e+300", "-1.5e+300"), ("'it''s'", "'it''s'"), ("x'00ff'", "x'00ff'"), ("abc", "'abc'"),
        ("'a' OR 1=1 --'", "'''a'' OR 1=1 --'''"), ("2024-01-31", "'2024-01-31'"), ("'", "''''"), ("", "''"),
        ("nan", "'nan'"),
        ("1; DROP TABLE t", "'1; DROP TABLE t'"),
    ])
    func `a key value is a literal, and other text is quoted`(text: String, sql: String) {
        #expect(dialect.literal(text, type: .text) == sql)
    }

    @Test func `what is lost is said`() {
        func loss(_ type: ColumnType) -> String? {
            dialect.declaration(of: ColumnShape("c", type, native: "x"), origin: "mysql").loss
        }
        #expect(
            loss(.decimal(precision: 65, scale: 30)) == nil && loss(.uint64) == nil
                && loss(.duration(precision: 6)) == nil)
        #expect(loss(.other("inet"))?.contains("inet") == true)
        #expect(loss(.array(.int32))?.contains("int32") == true)
    }

    @Test func `a table with a whole-number key has it as its rowid, others a plain key`() {
        var shape = TableShape(
            name: TableName("t"), origin: "sqlite",
            columns: [
                ColumnShape("a", .int32, native: "INT4", nullable: false), ColumnShape("b", .text, native: "TEXT"),
            ])
        shape.primaryKey = ["a"]
        shape.columns[1].initial = .literal("it's")
        #expect(
            dialect.create(shape, as: TableName("t")) == [
                "CREATE TABLE \"t\" (\n  \"a\" INTEGER PRIMARY KEY NOT NULL,\n  \"b\" TEXT DEFAULT 'it''s'\n)"
            ])
        shape.primaryKey = ["b", "a"]
        #expect(dialect.create(shape, as: TableName("t"))[0].hasSuffix("PRIMARY KEY (\"b\", \"a\")\n)"))
    }
}
