"""Every fault by its name: what the client sees, and what became of the rows."""

import re
import time
from pathlib import Path

from .support import FOLDER, Case

# Seconds that a busy machine needs at most to ask once more before it happens.
LATER = 3


class Faults(Case):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE t (k int NOT NULL, v varchar(100)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")

    def count(self):
        return int(self.sql("SELECT COUNT(*) FROM t")[0][0])

    def until(self, wanted, label="x"):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.state(label) == wanted:
                return
            time.sleep(0.05)
        self.fail(f"the state did not become {wanted} but {self.state(label)}")

    def put(self, data="1\ta\n", label="x", **headers):
        return self.load("t", data, label=label, **headers)

    def test_redirects_that_lead_nowhere(self):
        for name, rules, code in (("location_dead", {}, 7), ("location_foreign", {}, 6)):
            self.fault(name, **rules)
            self.assertIsNone(self.put())
            self.assertEqual(self.last.returncode, code, name)
        self.fault("location_hang")
        done = self.curl("-u", "root:s3cret:pw", "-H", "Expect:100-continue", "-T", "-",
                         f"http://{self.double.place('fe1')}/api/{self.db}/t/_stream_load", data=b"1\ta\n", timeout=2)
        self.assertEqual(done.returncode, 28)
        self.fault("follower_to_dead_leader")
        self.assertIsNone(self.load("t", "1\ta\n", node="fe2"))
        self.assertEqual(self.last.returncode, 7)
        self.assertEqual((self.count(), self.state("x")), (0, "UNKNOWN"))

    def test_a_leader_that_changes(self):
        self.fault("leader_change")
        self.assertEqual(self.put()["Status"], "Success")
        self.assertEqual([r["node"] for r in self.requests()][:2], ["fe1", "fe2"])

    def test_a_late_redirect_shows_who_does_not_wait(self):
        self.fault("late_307", seconds=3)
        self.put()
        deadline = time.monotonic() + 60
        while not (seen := self.control("GET", "/violations")) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual([violation["what"] for violation in seen], ["a body was sent to an FE"])

    def test_401_and_500(self):
        for hop, node in (("fe", "fe"), ("be", "be")):
            for name, status in (("http_401", 401), ("http_500", 500)):
                self.fault(name, hop=hop)
                self.put(label=f"{name}-{hop}")
                seen = [r for r in self.requests() if r["status"] == status][-1]
                self.assertTrue(seen["node"].startswith(node))
        self.assertEqual(self.count(), 0)

    def test_early_answers_leave_the_body_unread(self):
        self.fault("early_fail", message="timeout by txn manager")
        told = self.put()
        self.assertEqual((told["Status"], told["Message"]), ("Fail", "timeout by txn manager"))
        self.assertEqual(self.requests()[-1]["body_bytes"], 0)
        self.fault("early_fail_in_body", bytes=1000)
        told = self.put("1\t" + "a" * 90 + "\n" + "2\tb\n" * 500_000)
        self.assertIsNotNone(told, self.last.stderr)
        self.assertIn("Memory of process exceed limit", told["Message"])
        self.assertLess(self.requests()[-1]["body_bytes"], 1_000_000)
        self.assertEqual((self.count(), self.state("x")), (0, "ABORTED"))

    def test_resets_before_the_commit(self):
        for name in ("reset_mid_body", "reset_before_commit"):
            self.fault(name, bytes=2)
            self.assertIsNone(self.put())
            self.assertIn(self.last.returncode, (52, 55, 56))
            self.assertEqual((self.count(), self.state("x")), (0, "ABORTED"), name)
        self.assertEqual(self.put()["Status"], "Success")

    def test_a_reset_after_the_commit(self):
        self.fault("reset_after_commit")
        self.assertIsNone(self.put())
        self.assertIn(self.last.returncode, (52, 56))
        self.assertEqual((self.count(), self.state("x")), (1, "VISIBLE"))
        self.assertEqual(self.put()["ExistingJobStatus"], "FINISHED")
        self.assertEqual(self.count(), 1)

    def test_an_outcome_that_comes_later(self):
        self.fault("commit_in_background", seconds=LATER)
        self.assertIsNone(self.put())
        self.assertEqual((self.put()["ExistingJobStatus"], self.count()), ("RUNNING", 0))
        self.until("VISIBLE")
        self.assertEqual(self.count(), 1)
        self.fault("abort_in_background", seconds=0.3)
        self.assertIsNone(self.put(label="y"))
        self.until("ABORTED", "y")
        self.assertEqual(self.count(), 1)

    def test_publish_timeout(self):
        self.fault("publish_timeout", seconds=LATER)
        told = self.put()
        self.assertEqual((told["Status"], told["Message"]),
                         ("Publish Timeout", "transaction commit successfully, BUT data will be visible later"))
        self.assertEqual((self.state("x"), self.count()), ("COMMITTED", 0))
        self.until("VISIBLE")
        self.assertEqual(self.count(), 1)

    def test_labels_in_all_their_forms(self):
        self.fault("label_running", seconds=0.3)
        told = self.put()
        self.assertEqual((told["Status"], told["ExistingJobStatus"]), ("Label Already Exists", "RUNNING"))
        self.until("VISIBLE")
        self.fault("label_finished")
        self.assertEqual(self.put(label="y")["ExistingJobStatus"], "FINISHED")
        self.fault("label_as_fail")
        told = self.put(label="y")
        self.assertEqual((told["Status"], told["Message"]), ("Fail", "Label [y] has already been used."))
        self.fault("commit_unknown")
        self.assertIn("Transaction status unknown", self.put(label="z")["Message"])
        self.assertEqual((self.state("z"), self.count()), ("VISIBLE", 3))
        self.fault("label_evicted")
        self.assertIsNone(self.put(label="w"))
        self.assertEqual((self.state("w"), self.count()), ("UNKNOWN", 4))
        self.fault("label_state_unknown")
        self.assertEqual((self.state("z"), self.state("z")), ("UNKNOWN", "VISIBLE"))

    def test_refusals_under_load(self):
        for name, message in (("too_many_versions", "too many versions"), ("running_txn_limit", "larger than limit"),
                              ("memory_limit", "Memory of process exceed limit"), ("shutting_down", "Service is shutting down"),
                              ("too_many_requests", "http cuncurrent limit")):
            self.fault(name)
            told = self.put()
            self.assertEqual(told["Status"], "Fail")
            self.assertIn(message, told["Message"])
        self.assertEqual(self.count(), 0)

    def test_versions_pile_up_and_drain(self):
        self.control("POST", "/config", {"tablet_max_versions": 5, "compactions_per_second": 0.001})
        self.addCleanup(self.control, "POST", "/config", {"tablet_max_versions": 1000, "compactions_per_second": 5.0})
        answers = [self.put(label=f"v{number}") for number in range(7)]
        self.assertEqual([told["Status"] for told in answers], ["Success"] * 5 + ["Fail"] * 2)
        self.assertIn("current/limit: 6/5", answers[-1]["Message"])
        self.control("POST", "/clock", {"advance": 3600})
        self.assertEqual(self.put(label="v9")["Status"], "Success")

    def test_error_urls_that_do_not_answer(self):
        self.fault("filtered_rows", rows=1)
        self.fault("error_url_dead")
        told = self.put("1\ta\n2\tb\n", max_filter_ratio="0.5")
        self.assertEqual((told["NumberFilteredRows"], self.curl(told["ErrorURL"]).returncode), (1, 7))
        told = self.put("1\t2\t3\n", label="y")
        self.fault("error_url_gone")
        self.assertIn(b"404", self.curl("-i", told["ErrorURL"]).stdout)

    def test_a_count_only_backend_stores_nothing(self):
        self.control("POST", "/config", {"count_only": 1})
        self.addCleanup(self.control, "POST", "/config", {"count_only": 0})
        told = self.put("1\ta\n2\tb\n3\tc")
        self.assertEqual((told["Status"], told["NumberLoadedRows"], told["LoadBytes"]), ("Success", 3, 11))
        self.assertEqual(self.count(), 0)

    def test_frontends_that_are_down(self):
        self.control("POST", "/nodes", {"name": "fe1", "up": False})
        try:
            self.assertIsNone(self.put())
            self.assertEqual(self.last.returncode, 7)
            self.assertNotEqual(self.mariadb("SELECT 1").returncode, 0)
        finally:
            self.control("POST", "/nodes", {"name": "fe1", "up": True})
        self.assertEqual(self.put()["Status"], "Success")
        self.control("POST", "/nodes", {"name": "be1", "up": False})
        self.addCleanup(self.control, "POST", "/nodes", {"name": "be1", "up": True})
        self.assertEqual([self.put(label=f"n{n}")["Status"] for n in range(3)], ["Success"] * 3)

    def test_no_fault_has_a_name_that_no_code_asks_for(self):
        code = "".join(path.read_text("utf-8") for path in Path(FOLDER, "double").glob("*.py") if path.name != "faults.py")
        code += Path(FOLDER, "scan_server.py").read_text("utf-8")
        names = self.control("GET", "/faults")["names"]
        self.assertEqual([name for name in names if not re.search(rf'"{name}"', code)], [])
        readme = Path(FOLDER, "README.md").read_text("utf-8")
        self.assertEqual([name for name in names if f"`{name}`" not in readme], [])
