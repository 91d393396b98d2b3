"""Materialized views, rollups, indexes, external tables: what a catalogue holds beside tables, by the mariadb client."""

from .support import Case


class Catalogue(Case):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE t (k int, v bigint, s varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2")
        self.load("t", "1\t10\ta\n1\t20\tb\n2\t5\tc\n")

    def active(self):
        return {name: (active, reason) for name, active, reason in self.sql(
            f"SELECT TABLE_NAME, IS_ACTIVE, INACTIVE_REASON FROM information_schema.materialized_views WHERE TABLE_SCHEMA = '{self.db}'")}

    def test_what_makes_a_materialized_view_inactive(self):
        self.sql('''CREATE TABLE o LIKE t; CREATE TABLE other (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k);
            CREATE MATERIALIZED VIEW m REFRESH ASYNC AS SELECT k, COUNT(*) AS n FROM t GROUP BY k;
            CREATE MATERIALIZED VIEW mm REFRESH MANUAL AS SELECT k FROM m;
            CREATE VIEW w AS SELECT k FROM t; CREATE MATERIALIZED VIEW mw REFRESH ASYNC AS SELECT k FROM w;
            CREATE MATERIALIZED VIEW still REFRESH ASYNC AS SELECT k FROM other''')
        self.assertEqual({name: one[0] for name, one in self.active().items()}, dict.fromkeys(("m", "mm", "mw", "still"), "true"))
        self.sql("INSERT OVERWRITE t SELECT k, v, s FROM t")
        self.assertEqual(self.active()["m"][0], "true")
        self.sql("ALTER TABLE t SWAP WITH o")
        self.assertEqual(self.active(), {"m": ("false", "base-table swapped: t"), "mm": ("false", "base-mv inactive: m"),
                                         "mw": ("false", "base-table swapped: t"), "still": ("true", "NULL")})
        self.assertIn("is not active", self.sql_error("REFRESH MATERIALIZED VIEW m"))
        self.assertEqual([row[4] for row in self.sql("SHOW MATERIALIZED VIEWS LIKE 'm'")], ["false"])
        self.sql("ALTER MATERIALIZED VIEW m ACTIVE; ALTER MATERIALIZED VIEW mm ACTIVE; REFRESH MATERIALIZED VIEW m")
        self.assertEqual((self.active()["m"], self.active()["mm"][0]), (("true", "NULL"), "true"))
        self.sql("ALTER TABLE t RENAME gone")
        self.assertEqual(self.active()["m"], ("false", "base-table renamed: t"))
        self.assertIn("Can not active materialized view [m]", self.sql_error("ALTER MATERIALIZED VIEW m ACTIVE"))
        self.sql("ALTER TABLE gone RENAME t; ALTER MATERIALIZED VIEW m ACTIVE; DROP TABLE t")
        self.assertEqual(self.active()["m"], ("false", "base-table dropped: t"))
        self.sql("ALTER MATERIALIZED VIEW still INACTIVE")
        self.assertEqual(self.active()["still"][0], "false")

    def test_rollups(self):
        self.sql("CREATE MATERIALIZED VIEW sums AS SELECT k, SUM(v) FROM t GROUP BY k; ALTER TABLE t ADD ROLLUP r (s, k)")
        shown = self.sql("DESC t ALL")
        self.assertEqual([row[0] for row in shown if row[0]], ["t", "sums", "r"])
        self.assertEqual(next(row for row in shown if row[7:] == ["SUM"])[2:4], ["v", "bigint(20)"])
        self.assertEqual([row[5] for row in self.sql("SHOW ALTER TABLE ROLLUP WHERE TableName = 't'")], ["r", "sums"])
        self.assertEqual([row[8] for row in self.sql("SHOW ALTER MATERIALIZED VIEW")], ["FINISHED"] * 2)
        self.assertEqual(self.sql("SHOW ALTER TABLE COLUMN"), [])
        self.assertEqual([row[2:5] for row in self.sql("SHOW MATERIALIZED VIEWS")], [["sums", "ROLLUP", "true"]])
        tablets, own = self.sql("SHOW TABLET FROM t"), self.sql("SHOW TABLET FROM t WHERE IndexName = 't'")
        self.assertEqual((len(tablets), len(own)), (18, 6))
        foreign = next(row[0] for row in tablets if row not in own)
        self.assertIn("Invalid tablet id", self.sql_error(f"SELECT k FROM t TABLET ({foreign})"))
        self.sql("DROP MATERIALIZED VIEW sums; ALTER TABLE t DROP ROLLUP r")
        self.assertEqual(len(self.sql("SHOW TABLET FROM t")), 6)

    def test_indexes_in_the_manual_s_words(self):
        self.sql('''CREATE TABLE i (k1 CHAR(10), k2 CHAR(10), v1 INT SUM, INDEX ng (k2) USING NGRAMBF ("gram_num" = "4",
            "bloom_filter_fpp" = "0.05") COMMENT '', INDEX b (k1) USING BITMAP COMMENT 'bits') ENGINE = olap AGGREGATE KEY(k1, k2)
            DISTRIBUTED BY HASH(k1) PROPERTIES ("bloom_filter_columns" = "k1", "colocate_with" = "g")''')
        text = "\n".join("\t".join(row) for row in self.sql("SHOW CREATE TABLE i"))
        self.assertIn('INDEX ng (`k2`) USING NGRAMBF("gram_num" = "4", "bloom_filter_fpp" = "0.05") COMMENT \'\'', text)
        self.assertIn("INDEX b (`k1`) USING BITMAP COMMENT 'bits'", text)
        self.assertIn('"bloom_filter_columns" = "k1"', text)
        self.assertIn('"colocate_with" = "g"', text)
        self.sql(text.partition("\t")[2].replace("`i`", "`again`", 1))
        self.assertEqual([row[2] for row in self.sql("SHOW INDEX FROM again")], ["ng", "b"])
        self.sql("DROP INDEX b ON again; CREATE INDEX c ON again (k1) USING BITMAP; ALTER TABLE again DROP INDEX ng")
        self.assertEqual([row[2] for row in self.sql("SHOW INDEX FROM again")], ["c"])
        self.play("3.1")
        self.assertIn("Unsupported index type: GIN", self.sql_error(
            "CREATE TABLE g (k int, s varchar(9), INDEX x (s) USING GIN) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)"))

    def test_external_tables(self):
        self.sql('''CREATE EXTERNAL TABLE e (k int, s varchar(20)) ENGINE=mysql PROPERTIES ("host" = "h", "port" = "3306", "user" = "u",
            "password" = "p", "database" = "d", "table" = "e")''')
        self.assertEqual(self.sql(f"SELECT TABLE_TYPE, ENGINE FROM information_schema.tables WHERE TABLE_SCHEMA = '{self.db}' "
                                  "AND TABLE_NAME = 'e'"), [["BASE TABLE", "MySQL"]])
        self.assertIn("ENGINE=MYSQL", str(self.sql("SHOW CREATE TABLE e")))
        self.assertIn("not a OLAP table", self.sql_error("SHOW PARTITIONS FROM e"))
        self.assertIn("external table", self.sql_error("SELECT * FROM e"))
        self.play("doris")
        self.assertEqual(self.sql(f"SELECT TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = '{self.db}' "
                                  "AND TABLE_NAME = 'e'"), [["EXTERNAL TABLE"]])
        self.sql("DROP TABLE e")

    def test_decimals_over_38_digits_come_with_4_0(self):
        create = "CREATE TABLE d (k int, n decimal(50,5)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)"
        self.assertIn("precision should range from 1 to 38", self.sql_error(create))
        self.play("4.0")
        self.sql(create)

    def test_tables_of_every_kind_are_printed_so_that_they_can_be_made_again(self):
        self.sql('''CREATE TABLE r (k int, v int) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM PROPERTIES ("bucket_size" = "1073741824");
            CREATE TABLE l (c varchar(9) NOT NULL, k int) DUPLICATE KEY(c) PARTITION BY LIST(c) (PARTITION a VALUES IN ("x", "y"))
              DISTRIBUTED BY HASH(k) BUCKETS 3;
            CREATE TABLE x (dt date, k int) DUPLICATE KEY(dt) PARTITION BY date_trunc('month', dt) DISTRIBUTED BY HASH(k);
            CREATE TABLE dy (dt date, k int) DUPLICATE KEY(dt) PARTITION BY RANGE(dt) (PARTITION p20240101 VALUES [("2024-01-01"),
              ("2024-01-02"))) DISTRIBUTED BY HASH(k) BUCKETS 4 PROPERTIES ("dynamic_partition.enable" = "true",
              "dynamic_partition.time_unit" = "DAY", "dynamic_partition.end" = "3", "dynamic_partition.prefix" = "p");
            CREATE TABLE ag (k int, b bitmap BITMAP_UNION, h hll HLL_UNION, p percentile PERCENTILE_UNION) AGGREGATE KEY(k)
              DISTRIBUTED BY HASH(k)''')
        for name in ("r", "l", "x", "dy", "ag"):
            text = "\n".join("\t".join(row) for row in self.sql(f"SHOW CREATE TABLE {name}")).partition("\t")[2]
            self.sql(text.replace(f"`{name}`", "`again`", 1))
            again = "\n".join("\t".join(row) for row in self.sql("SHOW CREATE TABLE again")).partition("\t")[2]
            self.assertEqual(again.replace("`again`", f"`{name}`", 1), text)
            self.sql("DROP TABLE again")
        self.assertIn("DISTRIBUTED BY RANDOM", str(self.sql("SHOW CREATE TABLE r")))
