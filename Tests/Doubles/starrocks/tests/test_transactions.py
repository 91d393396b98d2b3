"""The transaction interface by curl, as the manual documents it, and Doris' two phases."""

import json

from .support import PASSWORD, Case


class Transactions(Case):
    profile = "4.0"

    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE t (k int NOT NULL, v varchar(20)) PRIMARY KEY(k) DISTRIBUTED BY HASH(k);"
                 "CREATE TABLE o (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")

    def test_begin_load_prepare_commit(self):
        told = self.transaction("begin", "a", node="fe2")
        self.assertEqual((told["Status"], told["Message"], told["Label"]), ("OK", "", "a"))
        number = told["TxnId"]
        self.assertEqual(self.state("a"), "PREPARE")
        for text in ("1,a\n2,b\n", "3,c\n2,bb\n"):
            told = self.transaction("load", "a", data=text, column_separator=",")
            self.assertEqual((told["Status"], told["TxnId"]), ("OK", number), told)
        self.assertEqual(self.sql("SELECT * FROM t"), [])
        told = self.transaction("prepare", "a")
        self.assertEqual((told["Status"], told["NumberLoadedRows"], told["LoadBytes"]), ("OK", 4, 17 - 0), told)
        self.assertEqual((self.state("a"), self.sql("SELECT * FROM t")), ("PREPARED", []))
        self.assertEqual(self.transaction("commit", "a")["Status"], "OK")
        self.assertEqual((self.state("a"), self.sql("SELECT * FROM t ORDER BY k")), ("VISIBLE", [["1", "a"], ["2", "bb"], ["3", "c"]]))
        told = self.transaction("commit", "a")
        self.assertEqual((told["Status"], told["Message"]), ("OK", f"Transaction {number} has already committed, label is a"))
        self.assertIn("Can not abort VISIBLE transaction", self.transaction("rollback", "a")["Message"])
        told = self.transaction("begin", "a")
        self.assertEqual((told["Status"], told["ExistingJobStatus"]), ("LABEL_ALREADY_EXISTS", "FINISHED"))

    def test_a_count_only_backend_counts_in_transactions_too(self):
        self.control("POST", "/config", {"count_only": 1})
        self.addCleanup(self.control, "POST", "/config", {"count_only": 0})
        self.transaction("begin", "a")
        self.transaction("load", "a", data="1,a\n2,b\n", column_separator=",")
        self.assertEqual(self.transaction("prepare", "a")["NumberLoadedRows"], 2)
        self.assertEqual(self.transaction("commit", "a")["Status"], "OK")
        self.assertEqual((self.state("a"), self.sql("SELECT * FROM t")), ("VISIBLE", []))

    def test_rollback_leaves_nothing(self):
        self.transaction("begin", "a")
        self.transaction("load", "a", data="1,a\n", column_separator=",")
        self.assertEqual(self.transaction("rollback", "a")["Status"], "OK")
        self.assertEqual((self.state("a"), self.sql("SELECT * FROM t")), ("ABORTED", []))
        self.assertIn("Can not commit ABORTED transaction", self.transaction("commit", "a")["Message"])
        self.assertEqual(self.transaction("rollback", "a")["Status"], "OK")
        self.assertIn("No transaction found by label nothing", self.transaction("commit", "nothing")["Message"])

    def test_what_is_refused(self):
        self.transaction("begin", "a")
        self.assertIn("hasn't send any data yet", self.transaction("prepare", "a")["Message"])
        self.transaction("load", "a", data="1,a\n", column_separator=",")
        told = self.transaction("load", "a", data="1|a\n", column_separator="|")
        self.assertIn("load request not equal last.", told["Message"])
        self.assertEqual(self.state("a"), "ABORTED")
        self.transaction("begin", "b")
        told = self.transaction("load", "b", data="1,a\n2,b", column_separator=",")
        self.assertIn("row delimiter", told["Message"])
        self.assertIn("row delimiter", self.control("GET", "/violations")[-1]["what"])
        self.transaction("begin", "c")
        told = self.transaction("load", "c", data="1\n", column_separator=",")
        self.assertEqual((told["Status"], told["Message"]), ("INTERNAL_ERROR", "too many filtered rows"))
        self.assertIn("/api/_load_error_log?file=", told["ErrorURL"])
        self.assertEqual(self.sql("SELECT * FROM t"), [])

    def test_timeouts_by_the_virtual_clock(self):
        self.transaction("begin", "a", timeout="100")
        self.transaction("begin", "b", timeout="1000", idle_transaction_timeout="30")
        self.transaction("load", "b", data="1,a\n", column_separator=",")
        self.control("POST", "/clock", {"advance": 101})
        self.assertEqual((self.state("a"), self.state("b")), ("ABORTED", "ABORTED"))
        self.assertIn("aborted by idle timeout 30 seconds", self.transaction("load", "b", data="1,a\n", column_separator=",")["Message"])
        self.transaction("begin", "c")
        self.transaction("load", "c", data="1,a\n", column_separator=",")
        self.transaction("prepare", "c")
        self.control("POST", "/clock", {"advance": 3000})
        self.assertEqual(self.state("c"), "PREPARED")
        self.control("POST", "/clock", {"advance": 86_400})
        self.assertEqual(self.state("c"), "ABORTED")

    def test_a_restarted_backend_forgets(self):
        self.transaction("begin", "a")
        self.fault("be_restart")
        told = self.transaction("load", "a", data="1,a\n", column_separator=",")
        self.assertEqual((told["Status"], told["Message"]), ("TXN_NOT_EXISTS", "Transaction with label a not exists"))
        self.assertEqual(self.state("a"), "PREPARE")
        self.fault("txn_in_processing", op="begin")
        self.assertEqual(self.transaction("begin", "b")["Status"], "TXN_IN_PROCESSING")
        self.assertEqual(self.state("b"), "UNKNOWN")

    def test_several_tables_in_one_transaction(self):
        self.assertEqual(self.transaction("begin", "m", table="", transaction_type="multi")["Status"], "OK")
        self.assertEqual(self.transaction("load", "m", data="1,a\n", column_separator=",", transaction_type="multi")["Status"], "OK")
        self.assertEqual(self.transaction("load", "m", table="o", data="7\n", transaction_type="multi")["Status"], "OK")
        self.assertIn("does not support prepare", self.transaction("prepare", "m", transaction_type="multi")["Message"])
        self.assertEqual(self.sql("SELECT * FROM o"), [])
        self.assertEqual(self.transaction("commit", "m", transaction_type="multi")["Status"], "OK")
        self.assertEqual((self.sql("SELECT * FROM t"), self.sql("SELECT * FROM o")), ([["1", "a"]], [["7"]]))


class Doris(Case):
    profile = "doris"

    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE t (k int NOT NULL, v varchar(20)) UNIQUE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2")

    def test_two_phases(self):
        told = self.load("t", "1,a|2,b", column_separator=",", line_delimiter="|", two_phase_commit="true", label="d")
        self.assertEqual((told["Status"], told["TwoPhaseCommit"], told["Comment"]), ("Success", "true", ""), told)
        self.assertEqual(self.sql("SELECT * FROM t"), [])
        done = self.curl("-X", "PUT", "-u", f"root:{PASSWORD}", "-H", f"txn_id:{told['TxnId']}", "-H", "txn_operation:commit",
                         f"http://{self.double.place('fe2')}/api/{self.db}/_stream_load_2pc")
        self.assertEqual(json.loads(done.stdout), {"status": "Success", "msg": f"transaction [{told['TxnId']}] commit successfully."})
        self.assertEqual(self.sql("SELECT * FROM t ORDER BY k"), [["1", "a"], ["2", "b"]])

    def test_its_own_words(self):
        told = self.load("t", "1\ta\n", label="x")
        self.assertIn("StreamLoadPutTimeMs", told)
        told = self.load("t", "1\ta\n", label="x")
        self.assertRegex(told["Message"], r"\[LABEL_ALREADY_EXISTS\]TStatus: errCode = 2, detailMessage = Label \[x\] has already been used, "
                                          r"relate to txn \[\d+\]")
        self.assertIn("@", next(r for r in self.requests("fe1") if r["status"] == 307 and "127" in r["location"])["location"])
        self.load("t", "1\tx\n", merge_type="DELETE")
        self.load("t", "2\tb\n3\tdel\n", merge_type="MERGE", delete="v = 'del'")
        self.assertEqual(self.sql("SELECT * FROM t"), [["2", "b"]])
        done = self.curl("-u", f"root:{PASSWORD}", f"http://{self.double.place('fe1')}/api/{self.db}/get_load_state?label=x")
        self.assertEqual(json.loads(done.stdout)["data"], "VISIBLE")

    def test_tables_are_swapped_its_way(self):
        self.sql("CREATE TABLE s LIKE t")
        self.load("s", "7\tnew\n")
        self.sql("ALTER TABLE t REPLACE WITH TABLE s PROPERTIES ('swap' = 'true')")
        self.assertEqual((self.sql("SELECT k FROM t"), self.sql("SELECT k FROM s")), ([["7"]], []))
        self.sql("ALTER TABLE t REPLACE WITH TABLE s PROPERTIES ('swap' = 'false')")
        self.assertEqual((self.sql("SELECT k FROM t"), self.sql("SHOW TABLES")), ([], [["t"]]))
