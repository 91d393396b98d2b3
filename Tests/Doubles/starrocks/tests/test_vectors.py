"""The readers against every vector: as functions in any cut, and over HTTP on the profile that has the reader."""

import collections
import itertools
import json
import lzma
import os
import random
import subprocess
import sys
import time
import unittest

from .support import FOLDER, PASSWORD, Case

sys.path.insert(0, FOLDER)
import read as reader  # noqa: E402

PROFILES = {"starrocks-plain": "3.3", "starrocks-enclose-a": "3.3", "starrocks-enclose-b": "4.1",
            "doris-plain": "doris-3", "doris-enclose-a": "doris", "doris-enclose-b": "doris-3"}


def vectors():
    with lzma.open(os.path.join(FOLDER, "vectors", "csv.jsonl.xz"), "rt") as file:
        return [json.loads(line) for line in file]


def profile_of(vector):
    """2.5 is the server that has the plain reader though `enclose` was sent."""
    ignored = vector["reader"] == "starrocks-plain" and vector["interface"] == "stream_load" and (
        {"enclose", "escape"} & set(vector["headers"]))
    return "2.5" if ignored else PROFILES[vector["reader"]]


def wanted(vector):
    """What has to come out. Rows before the failure of a load have no meaning."""
    if vector.get("fail"):
        return {"rows": [], "filtered": [], "fail": vector["fail"]}
    return {"rows": vector["rows"], "filtered": vector.get("filtered") or [], "fail": None}


def sample(all_of_them, each, seed):
    """Some of every group: the id without its last part, and the reader."""
    groups = collections.defaultdict(list)
    for vector in all_of_them:
        groups[vector["id"].split("/")[0], vector["reader"], json.dumps(vector["headers"], sort_keys=True)].append(vector)
    chance = random.Random(seed)
    return [vector for group in groups.values() for vector in chance.sample(group, min(each, len(group)))]


class Functions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.vectors = vectors()

    def test_every_vector(self):
        self.assertEqual(len(self.vectors), 5418)
        wrong = [vector["id"] for vector in self.vectors if reader.read(vector) != wanted(vector)]
        self.assertEqual(wrong, [])

    def test_every_cut_in_two(self):
        cuts = 0
        for vector in sample(self.vectors, 1, seed=10):
            body = bytes.fromhex(vector["body_hex"])
            if len(body) > 200:
                continue
            for place in range(len(body) + 1):
                told = reader.read(vector, [body[:place], body[place:]])
                self.assertEqual(told, wanted(vector), (vector["id"], place))
                cuts += 1
        self.assertGreater(cuts, 3000)

    def test_pieces_of_any_size(self):
        for vector, size in itertools.product(sample(self.vectors, 1, seed=11), (1, 2, 3, 7, 64)):
            body = bytes.fromhex(vector["body_hex"])
            if len(body) < 4000:
                pieces = [body[at : at + size] for at in range(0, len(body), size)]
                self.assertEqual(reader.read(vector, pieces), wanted(vector), (vector["id"], size))

    def test_the_profiles_name_the_readers(self):
        for vector in self.vectors:
            profile = profile_of(vector)
            asked = {key: value for key, value in vector.items() if key != "reader"}
            self.assertEqual(reader.read({**asked, "profile": profile}), wanted(vector), vector["id"])
            if vector["server"] == "starrocks" and vector["reader"] != "starrocks-plain":
                # 2.5 and every transaction ignore `enclose` and `escape`.
                plain = reader.read({**asked, "profile": "4.1", "interface": "transaction"})
                self.assertEqual(reader.read({**asked, "profile": "2.5"}), plain)

    def test_a_hundred_thousand_rows_take_seconds(self):
        body = b"".join(b'%d\x01\x03\x04a "text" of row %d\x01\x03\x04\\N\x02' % (n, n) for n in range(100_000))
        quoted = b"".join(b'%d,"a ""text"" of row %d",\\N\n' % (n, n) for n in range(100_000))
        asked = [{"profile": "3.3", "columns": 3, "headers": {"column_separator": "\\x010304", "row_delimiter": "\\x02"}, "body_hex": body.hex()},
                 {"profile": "3.3", "columns": 3, "headers": {"column_separator": ",", "enclose": '"'}, "body_hex": quoted.hex()}]
        started = time.monotonic()
        done = subprocess.run([sys.executable, os.path.join(FOLDER, "read.py")], input="\n".join(map(json.dumps, asked)),
                              capture_output=True, text=True, check=True)
        self.assertLess(time.monotonic() - started, 30)
        for line in done.stdout.splitlines():
            told = json.loads(line)
            self.assertEqual((len(told["rows"]), told["filtered"], told["fail"]), (100_000, [], None))
            self.assertEqual(told["rows"][7], [b"7".hex(), b'a "text" of row 7'.hex(), None])


def printed(value):
    """A value as HEX() of the SQL port shows it; an ARRAY as it is printed, with a backslash before `"` and backslash."""
    def text(item):
        if item is None:
            return b"null"
        if isinstance(item, list):
            return b"[" + b",".join(map(text, item)) + b"]"
        return b'"' + bytes.fromhex(item).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    if value is None:
        return "NULL"
    return text(value).decode() if isinstance(value, list) else value.upper()


class OverHTTP(Case):
    """A seeded sample of every group through the ports: rows, order, NULLs, filtered rows and failure."""

    @classmethod
    def setUpClass(cls):
        cls.vectors = vectors()

    def tables(self, among):
        """A table for each vector."""
        sql = []
        for number, vector in enumerate(among):
            columns = vector["columns"]
            kinds = ["VARCHAR(1048576)"] * columns if isinstance(columns, int) else columns
            listed = ", ".join(f"c{place} {kind}" for place, kind in enumerate(kinds))
            sql.append(f"CREATE TABLE t{number} ({listed}) DUPLICATE KEY(c0) DISTRIBUTED BY HASH(c0) BUCKETS 1")
        self.sql(";\n".join(sql))

    def stored(self, among):
        """The rows of every table, as HEX() shows them."""
        sql = []
        for number, vector in enumerate(among):
            columns = vector["columns"]
            kinds = ["VARCHAR"] * columns if isinstance(columns, int) else columns
            listed = ", ".join(f"c{place}" if kind.startswith("ARRAY") else f"HEX(c{place})" for place, kind in enumerate(kinds))
            sql.append(f"SELECT 't{number}' AS mark; SELECT {listed} FROM t{number}")
        done = self.mariadb(";\n".join(sql))
        self.assertEqual(done.returncode, 0, done.stderr)
        found, rows = [], None
        for line in done.stdout.splitlines():
            if line.startswith("t") and line[1:].isdigit():
                rows = []
                found.append(rows)
            elif line != "mark" and not line.startswith("HEX("):
                rows.append(line.split("\t"))
        return found

    def headers(self, vector):
        return {"max_filter_ratio": "1", **vector["headers"]}

    def check(self, among, filtered):
        for vector, rows, count in zip(among, self.stored(among), filtered, strict=True):
            expected = [] if vector.get("fail") else [[printed(value) for value in row] for row in vector["rows"]]
            self.assertEqual(rows, expected, vector["id"])
            if not vector.get("fail"):
                self.assertEqual(count, len(vector.get("filtered") or []), vector["id"])

    def test_stream_load(self):
        chosen = [vector for vector in sample(self.vectors, 1, seed=20) if vector["interface"] == "stream_load"]
        self.assertGreater(len(chosen), 100)
        for profile in sorted({profile_of(vector) for vector in chosen}):
            self.play(profile)
            among = [vector for vector in chosen if profile_of(vector) == profile]
            self.sql("".join(f"DROP TABLE IF EXISTS t{number};" for number in range(len(chosen))))
            self.tables(among)
            filtered = []
            for number, vector in enumerate(among):
                keep = (vector.get("session") or {}).get("keep_carriage_return", "false")
                self.control("POST", "/config", {"keep_carriage_return": keep})
                told = self.load(f"t{number}", bytes.fromhex(vector["body_hex"]), node="be1", **self.headers(vector))
                filtered.append(told.get("NumberFilteredRows"))
                if vector.get("fail"):
                    self.assertIn("CSV line length exceed limit", told["Message"])
                elif vector["rows"]:
                    self.assertEqual((told["Status"], told["NumberLoadedRows"]), ("Success", len(vector["rows"])), (vector, told))
            self.check(among, filtered)

    def test_transactions(self):
        """Each body in a load of its own, and a second time in two loads, of one transaction."""
        chosen = [vector for vector in sample(self.vectors, 3, seed=21)
                  if vector["interface"] == "transaction" and vector["server"] == "starrocks" and vector["rows"]]
        self.assertGreater(len(chosen), 10)
        self.tables(chosen)
        doubled, filtered = [], []
        for number, vector in enumerate(chosen):
            body, name = bytes.fromhex(vector["body_hex"]), f"t{number}"
            mark = reader.options(vector["headers"], 1).row
            body += b"" if body.endswith(mark) else mark
            rows = [line + mark for line in body.split(mark)[:-1]]
            label = f"{self.db}_{number}"
            self.assertEqual(self.transaction("begin", label, name)["Status"], "OK")
            for part in (body, b"".join(rows[:1]), b"".join(rows[1:])):
                if part:
                    told = self.transaction_load(label, name, part, vector)
                    self.assertEqual(told["Status"], "OK", (vector["id"], told))
            told = self.transaction("commit", label, name)
            self.assertEqual(told["Status"], "OK", (vector["id"], told))
            doubled.append({**vector, "rows": vector["rows"] * 2, "filtered": (vector.get("filtered") or []) * 2})
            filtered.append(told["NumberFilteredRows"])
        self.check(doubled, filtered)

    def transaction_load(self, label, name, part, vector):
        arguments = ["-u", f"root:{PASSWORD}", "-H", "Expect:100-continue", "-H", f"label:{label}", "-H", f"db:{self.db}", "-H", f"table:{name}"]
        for key, value in self.headers(vector).items():
            arguments += ["-H", f"{key}: {value}"]
        done = self.curl(*arguments, "-T", "-", "-X", "PUT", f"http://{self.double.place('fe1')}/api/transaction/load", data=part)
        return json.loads(done.stdout)

    def test_two_phase_commit_of_doris_reads_every_header(self):
        chosen = [vector for vector in sample(self.vectors, 2, seed=22) if vector["interface"] == "transaction" and vector["server"] == "doris"]
        self.assertGreater(len(chosen), 1)
        self.play("doris-3")
        self.tables(chosen)
        filtered = []
        for number, vector in enumerate(chosen):
            told = self.load(f"t{number}", bytes.fromhex(vector["body_hex"]), node="be1", **self.headers(vector))
            filtered.append(told["NumberFilteredRows"])
            done = self.curl("-u", f"root:{PASSWORD}", "-X", "PUT", "-H", f"txn_id:{told['TxnId']}", "-H", "txn_operation:commit",
                             f"http://{self.double.place('be1')}/api/{self.db}/_stream_load_2pc")
            self.assertEqual(json.loads(done.stdout)["status"], "Success")
        self.check(chosen, filtered)
