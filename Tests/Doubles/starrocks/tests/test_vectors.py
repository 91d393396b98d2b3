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

from .support import FOLDER, Case

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


class OverHTTP(Case):
    """A seeded sample of every group through the ports: rows, order, NULLs, filtered rows and failure."""

    def column(self, kind, number):
        return f"c{number} {kind}"

    def make(self, name, vector):
        columns = vector["columns"]
        kinds = ["VARCHAR(1048576)"] * columns if isinstance(columns, int) else columns
        listed = ", ".join(self.column(kind, number) for number, kind in enumerate(kinds))
        self.sql(f"CREATE TABLE {name} ({listed}) DUPLICATE KEY(c0) DISTRIBUTED BY HASH(c0) BUCKETS 1")
        return kinds
