"""The SQL port, by the mariadb command-line client."""

import time

from .support import Case


class SQL(Case):
    def table(self):
        self.sql('''CREATE TABLE t (dt date NOT NULL, k int, v varchar(20)) DUPLICATE KEY(dt, k) PARTITION BY RANGE(dt)
            (START ("2024-01-01") END ("2024-04-01") EVERY (INTERVAL 1 MONTH)) DISTRIBUTED BY HASH(k) BUCKETS 2
            PROPERTIES ("replication_num" = "1")''')
        self.sql("INSERT INTO t VALUES ('2024-01-05', 1, 'a'), ('2024-02-05', 2, 'b'), ('2024-02-06', NULL, NULL)")

    def versions(self, table="t"):
        return {row[1]: int(row[2]) for row in self.sql(f"SHOW PARTITIONS FROM {table}")}

    def test_what_drivers_ask_first(self):
        self.assertEqual(self.sql("SELECT 1 AS one, @@version_comment, @@session.query_timeout, version()"),
                         [["1", "StarRocks version 3.3.14-6c8a7ba", "300", "8.0.33"]])
        self.assertEqual(self.sql("SET NAMES utf8mb4; SET query_timeout = 20; SELECT @@query_timeout, DATABASE()"), [["20", self.db]])
        self.assertEqual(self.sql("SHOW VARIABLES LIKE 'query_timeout'"), [["query_timeout", "300"]])
        self.assertIn("Unknown system variable 'nothing'", self.sql_error("SET nothing = 1"))
        self.assertIn("can't be set", self.sql_error("SET query_timeout = 259201"))
        self.play("2.5")
        self.assertEqual(self.sql("SELECT current_version()"), [["2.5.18-e5a2fb1"]])

    def test_a_wrong_password_or_database(self):
        self.assertIn("Access denied for user 'root' (using password: YES)", self.mariadb("SELECT 1", password="no").stderr)
        self.assertIn("Unknown database 'nothing'", self.mariadb("SELECT 1", database="nothing").stderr)
        self.assertIn("Unknown table", self.sql_error("SELECT * FROM nothing"))

    def test_catalogue(self):
        self.table()
        self.sql("CREATE VIEW w AS SELECT k FROM t; CREATE MATERIALIZED VIEW m REFRESH ASYNC AS SELECT k, COUNT(*) AS n FROM t GROUP BY k")
        self.assertEqual(self.sql(f"SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS FROM information_schema.tables WHERE TABLE_SCHEMA = '{self.db}' "
                                  "ORDER BY 1"), [["m", "VIEW", "0"], ["t", "BASE TABLE", "3"], ["w", "VIEW", "0"]])
        self.assertEqual(self.sql(f"SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY FROM information_schema.columns "
                                  f"WHERE TABLE_SCHEMA = '{self.db}' AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION"),
                         [["dt", "date", "NO", "DUP"], ["k", "int(11)", "YES", "DUP"], ["v", "varchar(20)", "YES", ""]])
        self.assertEqual(self.sql(f"SELECT TABLE_MODEL, PARTITION_KEY, DISTRIBUTE_KEY, DISTRIBUTE_BUCKET FROM information_schema.tables_config "
                                  f"WHERE TABLE_SCHEMA = '{self.db}'"), [["DUP_KEYS", "`dt`", "`k`", "2"]])
        self.assertEqual(self.sql(f"SELECT PARTITION_NAME, VISIBLE_VERSION, ROW_COUNT FROM information_schema.partitions_meta "
                                  f"WHERE DB_NAME = '{self.db}' ORDER BY 1"),
                         [["p202401", "2", "1"], ["p202402", "2", "2"], ["p202403", "1", "0"]])
        self.assertEqual(len(self.sql(f"SELECT 1 FROM information_schema.be_tablets b JOIN information_schema.partitions_meta p "
                                      f"ON b.PARTITION_ID = p.PARTITION_ID WHERE p.DB_NAME = '{self.db}'")), 6)
        self.assertIn("SELECT k FROM t", self.sql("SHOW CREATE TABLE w")[0][1])
        self.assertEqual([row[1] for row in self.sql("SHOW FRONTENDS")][0].split("_")[0], self.double.told["fe1"]["host"])
        self.play("2.5")
        self.assertIn("Unknown table", self.sql_error("SELECT * FROM information_schema.partitions_meta"))
        self.assertIn("Unknown table", self.sql_error("SELECT * FROM information_schema.loads"))

    def test_loads_are_listed(self):
        self.table()
        self.load("t", "2024-01-01\t7\tx\n", label="seen")
        self.assertEqual(self.sql("SELECT STATE, TYPE, SINK_ROWS FROM information_schema.loads WHERE LABEL = 'seen' "
                                  f"AND DB_NAME = '{self.db}'"), [["FINISHED", "STREAM_LOAD", "1"]])
        self.assertEqual(self.sql("SHOW LOAD WHERE LABEL = 'seen'")[0][2], "FINISHED")

    def test_show_create_table_can_be_run_again(self):
        self.table()
        text = self.sql("SHOW CREATE TABLE t")
        text = "\n".join("\t".join(row) for row in text).partition("\t")[2]
        self.assertIn('PARTITION p202401 VALUES [("2024-01-01"), ("2024-02-01"))', text)
        self.sql(text.replace("`t`", "`again`", 1))
        again = "\n".join("\t".join(row) for row in self.sql("SHOW CREATE TABLE again")).partition("\t")[2]
        self.assertEqual(again.replace("`again`", "`t`", 1), text)
        self.sql("CREATE TABLE d (k int, n decimal(12,2)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.play("2.5")
        self.assertIn("decimal64(12, 2)", str(self.sql("SHOW CREATE TABLE d")))

    def test_a_version_changes_only_where_rows_came(self):
        self.table()
        before = self.versions()
        self.load("t", "2024-03-01\t9\tz\n")
        after = self.versions()
        self.assertEqual({name: after[name] - before[name] for name in after}, {"p202401": 0, "p202402": 0, "p202403": 1})
        self.sql("DELETE FROM t PARTITION (p202402) WHERE k = 2")
        self.assertEqual(self.versions()["p202402"], before["p202402"] + 1)
        self.assertEqual(self.sql("SELECT k FROM t PARTITION (p202402)"), [["NULL"]])

    def test_swap(self):
        self.table()
        self.sql("CREATE TABLE s LIKE t")
        self.load("s", "2024-03-03\t33\tnew\n")
        self.sql("ALTER TABLE t SWAP WITH s")
        self.assertEqual((self.sql("SELECT k FROM t"), len(self.sql("SELECT k FROM s"))), ([["33"]], 3))
        self.assertIn("Unknown table", self.sql_error("ALTER TABLE t SWAP WITH nothing"))

    def test_temporary_partitions_replace_others(self):
        self.table()
        self.sql('ALTER TABLE t ADD TEMPORARY PARTITION x VALUES [("2024-02-01"), ("2024-03-01"))')
        self.assertEqual(self.load("t", "2024-02-11\t11\tn\n", temporary_partitions="x")["Status"], "Success")
        self.assertEqual(self.load("t", "2024-03-11\t11\tn\n", temporary_partitions="x")["Message"], "too many filtered rows")
        self.assertEqual(self.sql("SELECT k FROM t TEMPORARY PARTITION (x)"), [["11"]])
        self.assertEqual(len(self.sql("SELECT k FROM t")), 3)
        self.sql("ALTER TABLE t REPLACE PARTITION (p202402) WITH TEMPORARY PARTITION (x)")
        self.assertEqual(self.sql("SELECT k FROM t ORDER BY k"), [["1"], ["11"]])
        self.assertEqual(sorted(self.versions()), ["p202401", "p202402", "p202403"])
        self.assertEqual(self.sql("SHOW TEMPORARY PARTITIONS FROM t"), [])
        self.sql('ALTER TABLE t ADD TEMPORARY PARTITION y VALUES [("2024-01-01"), ("2024-01-02"))')
        self.assertIn("not stricly matched", self.sql_error("ALTER TABLE t REPLACE PARTITION (p202401) WITH TEMPORARY PARTITION (y)"))
        self.assertIn("intersected", self.sql_error('ALTER TABLE t ADD PARTITION z VALUES [("2024-01-10"), ("2024-01-20"))'))

    def test_expression_partitions_grow(self):
        self.sql("CREATE TABLE e (ts datetime NOT NULL, k int) DUPLICATE KEY(ts) PARTITION BY date_trunc('month', ts) DISTRIBUTED BY HASH(k)")
        self.load("e", "2024-05-06 01:02:03\t1\n2025-01-01 00:00:00\t2\n")
        self.sql("INSERT INTO e VALUES ('2024-05-31 23:59:59', 3)")
        self.assertEqual(sorted(self.versions("e").items()), [("p202405", 3), ("p202501", 2)])
        self.assertEqual(self.sql("SELECT k FROM e PARTITION (p202405) ORDER BY k"), [["1"], ["3"]])

    def test_a_slow_scan_meets_query_timeout(self):
        self.table()
        self.load("t", "".join(f"2024-03-{n % 28 + 1:02d}\t{n}\tx\n" for n in range(5000)))
        self.fault("slow_scan", table="t", rows_per_second=10, times=-1)
        # libmariadb takes server errors of its own range (5024) for a broken packet; test_drivers sees the text.
        self.assertIn("ERROR 2027 (HY000) at line 1: Received malformed packet", self.sql_error("SELECT * FROM t"))
        self.assertEqual(len(self.sql("SELECT * FROM t WHERE k < 2000")), 2002)
        self.assertEqual(self.sql("SELECT * FROM t LIMIT 0"), [])
        self.assertEqual(len(self.sql("SELECT /*+ SET_VAR(query_timeout=3600) */ * FROM t")), 5003)
        self.play("3.1")
        self.assertIn("Query reached its timeout of 100 seconds, please increase the 'query_timeout' session variable, pending time:0",
                      self.sql_error("SET query_timeout = 100; SELECT * FROM t WHERE k < 2000"))
        self.assertEqual(self.sql("SELECT COUNT(*), MAX(k) FROM t"), [["5003", "4999"]])
        self.play("2.5")
        self.assertIn("Query exceeded time limit of 300 seconds", self.sql_error("SELECT * FROM t"))

    def test_a_query_that_really_takes_too_long(self):
        self.play("3.1")
        started = time.monotonic()
        self.assertIn("timeout of 1 seconds", self.sql_error("SET query_timeout = 1; SELECT BENCHMARK(2000000000, MD5('x')) FROM information_schema.schemata"))
        self.assertLess(time.monotonic() - started, 60)

    def test_connections_that_break(self):
        self.table()
        self.load("t", "".join(f"2024-03-01\t{n}\txxxxxxxxxxxx\n" for n in range(20_000)))
        self.fault("kill_mid_result", table="t", bytes=10_000)
        self.assertIn("Lost connection", self.sql_error("SELECT * FROM t"))
        self.fault("sql_refused")
        self.assertNotEqual(self.mariadb("SELECT 1").returncode, 0)
        self.fault("sql_error", message="told to", code=1064)
        self.assertIn("told to", self.sql_error("SELECT 1"))

    def test_a_source_that_is_written_while_it_is_read(self):
        self.table()
        before = self.versions()
        self.fault("write_during_read", table="t", sql="INSERT INTO t VALUES ('2024-01-09', 99, 'late')")
        self.assertEqual(len(self.sql("SELECT * FROM t")), 3)
        self.assertEqual(self.versions()["p202401"], before["p202401"] + 1)
        self.assertEqual(len(self.sql("SELECT * FROM t")), 4)

    def test_rows_by_sql(self):
        self.sql("CREATE TABLE pk (k int NOT NULL, v varchar(3) DEFAULT 'd', n int) PRIMARY KEY(k) DISTRIBUTED BY HASH(k)")
        self.sql("INSERT INTO pk (k) VALUES (1), (2); INSERT INTO pk VALUES (2, 'x', 5); UPDATE pk SET n = 7 WHERE k = 1")
        self.assertEqual(self.sql("SELECT * FROM pk ORDER BY k"), [["1", "d", "7"], ["2", "x", "5"]])
        self.assertIn("over 3", self.sql_error("INSERT INTO pk VALUES (9, '我我', 1)"))
        self.assertIn("NULL value in non-nullable column 'k'", self.sql_error("INSERT INTO pk VALUES (NULL, 'a', 1)"))
        self.sql("INSERT OVERWRITE pk SELECT 5, 'o', 1")
        self.assertEqual(self.sql("SELECT * FROM pk"), [["5", "o", "1"]])
        self.sql("ALTER TABLE pk ADD COLUMN c bigint DEFAULT '3' AFTER k; TRUNCATE TABLE pk; INSERT INTO pk (k) VALUES (1)")
        self.assertEqual(self.sql("SELECT * FROM pk"), [["1", "3", "d", "NULL"]])
        self.assertEqual(self.sql("SHOW ALTER TABLE COLUMN WHERE TableName = 'pk' ORDER BY JobId DESC LIMIT 1")[0][9], "FINISHED")
