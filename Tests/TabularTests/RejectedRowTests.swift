import Tabular
import Testing

@Suite struct RejectedRowTests {
    @Test(
        arguments: [
            ("value 'it is \"a\" secret' is not a valid date", "value … is not a valid date"),
            ("value 300 is out of range for int8", "value … is out of range for int8"),
            (
                "Incorrect integer value: 'top secret' for column `shop`.`t`.`n` at row 1",
                "Incorrect integer value: '…' for column `shop`.`t`.`n` at row 1"
            ),
            ("Duplicate entry 'o'hara' for key 'PRIMARY'", "Duplicate entry '…' for key 'PRIMARY'"),
            ("invalid input syntax for type integer: \"x y\"", "invalid input syntax for type integer: \"…\""),
            (
                "duplicate key value violates unique constraint \"t_pkey\" (Key (id)=(5) already exists.)",
                "duplicate key value violates unique constraint \"t_pkey\" (Key (id)=(…)"
            ),
            ("Failing row contains (1, secret).", "Failing row contains (…)."),
            ("NOT NULL constraint failed: t.v", "NOT NULL constraint failed: t.v"),
            ("orders.csv: line 6 has 2 fields, expected 3", "orders.csv: line 6 has 2 fields, expected 3"),
            ("text of 12 characters does not fit text(8)", "text of 12 characters does not fit text(8)"),
            ("PostgreSQL has no zero dates (`?zero_dates=null` on the source reads them as NULL)", nil),
        ] as [(String, String?)])
    func `a reason is told without the row's values`(_ reason: String, _ safe: String?) {
        let row = RejectedRow(row: 1, column: "v", reason: reason, values: "{}")
        #expect(row.safeReason == safe ?? reason)
    }
}
