"""Physical partitions, their versions, tablets, and what shared data shows, by the mariadb client."""

from .support import Case


class Partitions(Case):
    def named(self, sql, database=None):
        """Rows as dictionaries by the columns' names."""
        done = self.mariadb(sql, database)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        return [dict(zip(lines[0], row)) for row in lines[1:]] if lines else []

    def shown(self, table="t", words="PARTITIONS"):
        return self.named(f"SHOW {words} FROM {table}")

    def random(self, rows=10, properties=""):
        self.sql(f"CREATE TABLE t (k int, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 2 "
                 f"PROPERTIES ('replication_num' = '1'{properties})")
        self.load("t", "".join(f"{k}\tv{k}\n" for k in range(rows)))

    def physical(self, count, table="t"):
        return self.control("POST", "/physical", {"database": self.db, "table": table, "count": count})

    def test_a_row_for_each_physical_partition(self):
        self.random()
        ids = self.physical(3)["t"]
        shown = self.shown()
        self.assertEqual([row["PartitionName"] for row in shown], ["t", "t", "t"])
        self.assertEqual([int(row["PartitionId"]) for row in shown], ids)
        self.assertEqual(sum(int(row["RowCount"]) for row in shown), 10)
        self.assertEqual(len(set(ids)), 3)
        self.assertEqual(shown[0]["DistributionKey"], "ALL KEY")
        before = [row["VisibleVersion"] for row in shown]
        self.load("t", "100\tnew\n")
        after = [row["VisibleVersion"] for row in self.shown()]
        self.assertEqual((after[:2], int(after[2])), (before[:2], int(before[2]) + 1), "loads go to the newest part")
        self.assertEqual(self.sql("SELECT COUNT(*) FROM t PARTITION (t)"), [["11"]])
        self.assertEqual(len(self.sql(f"SELECT 1 FROM information_schema.partitions_meta WHERE DB_NAME = '{self.db}'")), 3)
        self.sql("CREATE TABLE h (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        with self.assertRaises(Exception):
            self.physical(2, "h")

    def test_they_grow_by_themselves(self):
        self.random(properties=", 'bucket_size' = '16'")
        self.load("t", "11\tx\n12\ty\n")
        self.assertGreater(len(self.shown()), 1)
        self.assertEqual(sum(int(row["RowCount"]) for row in self.shown()), 12)

    def test_every_row_is_in_one_tablet(self):
        self.random(20)
        self.physical(2)
        self.sql('''CREATE TABLE h (dt date, k int, v varchar(9)) DUPLICATE KEY(dt, k) PARTITION BY RANGE(dt)
            (PARTITION a VALUES LESS THAN ("2024-01-01"), PARTITION b VALUES LESS THAN ("2025-01-01"))
            DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ("replication_num" = "3")''')
        self.load("h", "".join(f"202{3 + k % 2}-05-01\t{k}\tv\n" for k in range(20)) + "2024-05-01\t\\N\t\\N\n")
        for table, rows, tablets, replicas in (("t", 20, 4, 1), ("h", 21, 6, 3)):
            shown = self.named(f"SHOW TABLET FROM {table}")
            ids = list(dict.fromkeys(row["TabletId"] for row in shown))
            self.assertEqual((len(shown), len(ids)), (tablets * replicas, tablets))
            found = [self.sql(f"SELECT k FROM {table} TABLET ({identity})") for identity in ids]
            self.assertEqual(sum(map(len, found)), rows)
            self.assertEqual([len(one) for one in found],
                             [int(next(row["RowCount"] for row in shown if row["TabletId"] == identity)) for identity in ids])
            self.assertEqual(self.sql(f"SELECT COUNT(*) FROM {table} TABLET ({','.join(ids)})"), [[str(rows)]])
        part = self.named("SHOW TABLET FROM h PARTITION (b)")
        ids = sorted({row["TabletId"] for row in part})
        self.assertEqual(len(ids), 3)
        self.assertEqual(self.sql(f"SELECT COUNT(*) FROM h PARTITION (b) TABLET ({', '.join(ids)}) x WHERE x.dt > '2024-01-01'"), [["11"]])
        self.assertIn(f"Invalid tablet id: '{ids[0]}'", self.sql_error(f"SELECT k FROM h PARTITION (a) TABLET ({ids[0]})"))
        self.assertIn("Invalid tablet id: '77'", self.sql_error("SELECT k FROM h TABLET (77)"))
        self.assertEqual(self.sql(f"SHOW TABLET {ids[0]}")[0][:3], [self.db, "h", "b"])
        table_id = self.sql(f"SELECT TABLE_ID FROM information_schema.tables_config WHERE TABLE_SCHEMA = '{self.db}' AND TABLE_NAME = 'h'")
        self.assertEqual(self.sql(f"SELECT COUNT(DISTINCT TABLET_ID), COUNT(*), SUM(NUM_ROW) FROM information_schema.be_tablets "
                                  f"WHERE TABLE_ID = {table_id[0][0]}"), [["6", "18", "63"]])

    def test_doris(self):
        self.play("doris")
        self.sql("CREATE TABLE d (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num' = '1')")
        self.load("d", "1\n2\n3\n")
        shown = self.named("SHOW TABLETS FROM d")
        self.assertIn("LocalDataSize", shown[0])
        self.assertEqual(sum(int(row["RowCount"]) for row in shown), 3)
        self.assertEqual(self.sql("SELECT * FROM d TABLET (77)"), [])
        self.assertNotIn("VisibleVersionHash", self.shown("d")[0])

    def test_new_partitions_under_old_names(self):
        self.sql('''CREATE TABLE t (dt date, k int) DUPLICATE KEY(dt) PARTITION BY RANGE(dt)
            (PARTITION a VALUES LESS THAN ("2024-01-01"), PARTITION b VALUES LESS THAN ("2025-01-01")) DISTRIBUTED BY HASH(k)''')
        self.load("t", "2023-01-01\t1\n2024-02-01\t2\n")

        def state():
            return {row["PartitionName"]: (row["PartitionId"], row["VisibleVersion"]) for row in self.shown()}

        first = state()
        self.sql("INSERT OVERWRITE t PARTITION (b) VALUES ('2024-03-01', 3), ('2024-03-02', 4)")
        second = state()
        self.assertEqual((second["a"], second["b"][1]), (first["a"], "2"))
        self.assertNotEqual(second["b"][0], first["b"][0])
        self.assertEqual(self.sql("SELECT k FROM t ORDER BY k"), [["1"], ["3"], ["4"]])
        self.sql("INSERT OVERWRITE t SELECT '2024-03-01', 9")
        self.assertEqual({name: version for name, (_, version) in state().items()}, {"a": "1", "b": "2"})
        self.assertEqual(self.sql("SELECT k FROM t"), [["9"]])
        before = state()
        self.sql("ALTER TABLE t ADD TEMPORARY PARTITION tb VALUES [('2024-01-01'), ('2025-01-01'))")
        self.sql("INSERT INTO t TEMPORARY PARTITION (tb) VALUES ('2024-04-01', 5)")
        temporary = self.shown(words="TEMPORARY PARTITIONS")
        self.assertEqual([(row["PartitionName"], row["VisibleVersion"], row["RowCount"]) for row in temporary], [("tb", "2", "1")])
        self.assertEqual(len(state()), 2)
        self.sql("ALTER TABLE t REPLACE PARTITION (b) WITH TEMPORARY PARTITION (tb)")
        after = state()
        self.assertEqual((after["b"], before["b"][1]), ((temporary[0]["PartitionId"], "2"), "2"))
        self.sql("TRUNCATE TABLE t PARTITION (b)")
        self.assertEqual(state()["b"][1], "1")
        self.assertNotEqual(state()["b"][0], after["b"][0])
        self.assertEqual(self.sql("SELECT * FROM t"), [])

    def test_lists_come_in_no_order_and_ranges_of_expressions_in_theirs(self):
        self.sql('''CREATE TABLE l (c varchar(9) NOT NULL, k int) DUPLICATE KEY(c) PARTITION BY (c) DISTRIBUTED BY HASH(k);
            CREATE TABLE e (dt date, k int) DUPLICATE KEY(dt) PARTITION BY date_trunc('month', dt) DISTRIBUTED BY HASH(k)''')
        self.load("l", "".join(f"c{k:02d}\t{k}\n" for k in range(20)))
        names = [row["PartitionName"] for row in self.shown("l")]
        self.assertNotEqual(names, sorted(names))
        self.assertEqual(len(names), 20)
        self.assertIn("List", self.shown("l")[0])
        self.assertEqual([row[1] for row in self.sql("SHOW PARTITIONS FROM l WHERE PartitionName LIKE 'pc0%' ORDER BY PartitionName LIMIT 2")],
                         ["pc00", "pc01"])
        self.assertIn("does not exist", self.sql_error("SHOW PARTITIONS FROM l WHERE Nothing = 'x'"))
        self.load("e", "2024-03-05\t1\n2024-01-05\t2\n")
        self.assertEqual([(row["PartitionName"], row["Range"]) for row in self.shown("e")], [
            ("p202401", "[types: [DATE]; keys: [2024-01-01]; ..types: [DATE]; keys: [2024-02-01]; )"),
            ("p202403", "[types: [DATE]; keys: [2024-03-01]; ..types: [DATE]; keys: [2024-04-01]; )")])

    def test_the_one_partition_of_a_table_without_any_has_its_name(self):
        self.random(1)
        self.sql("CREATE TABLE o LIKE t")
        first = self.shown()[0]["PartitionId"]
        self.sql("ALTER TABLE t SWAP WITH o")
        self.assertEqual([(row["PartitionName"], row["VisibleVersion"]) for row in self.shown()], [("t", "1")])
        self.assertEqual([(row["PartitionName"], row["PartitionId"]) for row in self.shown("o")], [("o", first)])
        self.sql("ALTER TABLE o RENAME p")
        self.assertEqual(self.shown("p")[0]["PartitionName"], "p")

    def test_weeks_and_quarters_of_expressions(self):
        self.sql('''CREATE TABLE w (dt date, k int) DUPLICATE KEY(dt) PARTITION BY date_trunc('week', dt) DISTRIBUTED BY HASH(k);
            CREATE TABLE q (dt datetime, k int) DUPLICATE KEY(dt) PARTITION BY date_trunc('quarter', dt) DISTRIBUTED BY HASH(k)''')
        self.load("w", "2024-03-06\t1\n")
        self.load("q", "2024-03-06 10:00:00\t1\n")
        self.assertIn("keys: [2024-03-04]; ..types: [DATE]; keys: [2024-03-11]", self.shown("w")[0]["Range"])
        self.assertIn("keys: [2024-01-01 00:00:00]; ..types: [DATETIME]; keys: [2024-04-01 00:00:00]", self.shown("q")[0]["Range"])

    def test_shared_data(self):
        for profile in ("3.3-shared", "3.5-shared"):
            self.play(profile)
            self.sql("CREATE TABLE IF NOT EXISTS t (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2")
            self.load("t", "1\n2\n")
            row = self.shown()[0]
            for gone in ("VisibleVersionTime", "ReplicationNum", "StorageMedium", "IsInMemory"):
                self.assertNotIn(gone, row)
            self.assertIn("CompactVersion", row)
            self.control("POST", "/compact", {"database": self.db, "table": "t"})
            after = self.shown()[0]
            self.assertEqual((int(after["VisibleVersion"]), after["PartitionId"], after["RowCount"]),
                             (int(row["VisibleVersion"]) + 1, row["PartitionId"], row["RowCount"]))
            self.control("POST", "/config", {"compact_on_show": 1})
            self.assertNotEqual(self.shown()[0]["VisibleVersion"], self.shown()[0]["VisibleVersion"])
            self.control("POST", "/config", {"compact_on_show": 0})
            self.assertEqual(list(self.named("SHOW TABLET FROM t")[0]), ["TabletId", "BackendId", "DataSize", "RowCount"])

    def test_a_table_that_seems_larger(self):
        self.random(10)
        self.control("POST", "/counts", {"database": self.db, "table": "t", "factor": 5_500_000})
        self.assertEqual(self.shown()[0]["RowCount"], "55000000")
        self.assertEqual(sum(int(row["RowCount"]) for row in self.named("SHOW TABLET FROM t")), 55_000_000)
        self.assertEqual(self.sql(f"SELECT TABLE_ROWS FROM information_schema.tables WHERE TABLE_SCHEMA = '{self.db}'"), [["55000000"]])
        self.assertEqual(self.sql("SELECT COUNT(*) FROM t"), [["55000000"]])
        self.assertEqual(len(self.sql("SELECT * FROM t")), 10)
        self.control("POST", "/config", {"stale_row_counts": 1})
        self.load("t", "1\tx\n")
        self.assertEqual(self.shown()[0]["RowCount"], "55000000")
        self.control("POST", "/config", {"stale_row_counts": 0})
        self.assertEqual(self.shown()[0]["RowCount"], "60500000")

    def test_rows_that_an_overwrite_loses(self):
        self.random(3)
        self.fault("overwrite_loses_rows", table="t", rows=2)
        self.sql("INSERT OVERWRITE t SELECT k, v FROM t")
        self.assertEqual(self.sql("SELECT COUNT(*) FROM t"), [["1"]])

    def test_insert_timeout(self):
        self.random(10)
        self.sql("CREATE TABLE o (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.fault("slow_scan", table="t", rows_per_second=0.1, times=-1)
        self.assertIn("Unknown system variable 'insert_timeout'", self.sql_error("SET insert_timeout = 7"))
        self.play("3.1")
        self.assertIn("timeout of 50 seconds", self.sql_error("SET query_timeout = 50; INSERT INTO o SELECT k FROM t"))
        self.play("3.5")
        self.sql("SET query_timeout = 50; INSERT INTO o SELECT k FROM t")
        self.assertIn("ERROR 2027", self.sql_error("INSERT /*+ SET_VAR(insert_timeout = 9) */ INTO o SELECT k FROM t"))
        # libmariadb takes 5024 for a broken packet.
        self.assertIn("ERROR 2027", self.sql_error("SET insert_timeout = 60; INSERT INTO o SELECT k FROM t"))
        self.assertEqual(self.sql("SELECT COUNT(*) FROM o"), [["10"]])

    def test_an_error_of_one_table(self):
        self.random(1)
        self.sql("CREATE TABLE o (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.fault("sql_error", table="t", statement="show partitions", times=-1, message="schema change is in progress")
        self.assertIn("schema change", self.sql_error("SHOW PARTITIONS FROM `t`"))
        self.assertEqual(len(self.shown("o")), 1)
        self.assertEqual(self.sql("SELECT k FROM t"), [["0"]])
