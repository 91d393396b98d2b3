"""`_query_plan` and the BEs' scanners, by curl and by a client on PyPI's thrift and pyarrow."""

import json
import os
import subprocess
import unittest

from double import queryplan

from . import support
from .support import PASSWORD, Case

_scanning = None


def scanning():
    """A double with scanners, and the interpreter of their client."""
    global _scanning
    if _scanning is None:
        try:
            program = queryplan.interpreter()
        except SystemExit as problem:
            raise unittest.SkipTest(str(problem)) from None
        _scanning = support.Double("--scan"), program
    return _scanning


class Scans(Case):
    def setUp(self):
        shared, program = scanning()
        before, support._double = support._double, shared
        try:
            super().setUp()
        finally:
            support._double = before
        self.double = shared
        self.client = subprocess.Popen([program, os.path.join(os.path.dirname(__file__), "scan_client.py")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end)

    def end(self):
        self.client.stdin.close()
        self.client.stdout.close()
        self.client.wait(10)

    def ask(self, do, place, **order):
        self.client.stdin.write(json.dumps({"do": do, "place": place, **order}) + "\n")
        self.client.stdin.flush()
        return json.loads(self.client.stdout.readline())

    def plan(self, sql=None, table="t", node="fe2", body=None, user=f"root:{PASSWORD}", database=None):
        text = body if body is not None else json.dumps({"sql": sql})
        done = self.curl("-u", user, "-H", "Expect:", "-w", "\n%{http_code}", "-X", "POST", "--data-binary", "@-",
                         f"http://{self.double.place(node)}/api/{database or self.db}/{table}/_query_plan", data=text.encode())
        answer, _, status = done.stdout.decode().rpartition("\n")
        return int(status), json.loads(answer)

    def read(self, sql, table="t", batch=4096):
        """Every row, tablet by tablet, each at its first holder."""
        status, plan = self.plan(sql, table)
        self.assertEqual(status, 200, plan)
        rows, self.types, self.columns = [], None, None
        for tablet, where in plan["partitions"].items():
            place = where["routings"][0]
            opened = self.ask("open", place, tablets=[int(tablet)], plan=plan["opaqued_query_plan"], batch=batch)
            self.assertEqual(opened["status"], [0, []], opened)
            self.columns, offset = opened["columns"], 0
            while True:
                got = self.ask("next", place, context=opened["context"], offset=offset)
                self.assertEqual(got["status"][0], 0, got)
                if got["eos"]:
                    self.assertIsNone(got["rows"])
                    break
                self.assertLessEqual(len(got["rows"]), batch)
                rows += got["rows"]
                self.types = got["types"]
                offset += len(got["rows"])
            self.assertEqual(self.ask("close", place, context=opened["context"])["status"][0], 0)
        return rows

    def table(self, rows=25):
        self.sql('''CREATE TABLE t (k int, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 3
            PROPERTIES ("replication_num" = "1")''')
        self.load("t", "".join(f"{k}\tv{k}\n" for k in range(rows)))

    def test_every_row_once_in_batches(self):
        self.table()
        self.assertEqual(sorted(self.read(f"select `k`, `v` from `{self.db}`.`t`", batch=4)), [[k, f"v{k}"] for k in range(25)])
        self.assertEqual((self.types, self.columns), (["int32", "string"], [["k", 5], ["v", 15]]))
        self.assertEqual(sorted(self.read(f"select v from {self.db}.t where k >= 20 AND v <> 'v22'")), [["v20"], ["v21"], ["v23"], ["v24"]])
        self.assertEqual(len(self.control("GET", "/scans")), 6)
        self.assertEqual(self.ask("nothing", self.place()), {"exception": 1})

    def place(self):
        status, plan = self.plan(f"select k from {self.db}.t")
        return next(iter(plan["partitions"].values()))["routings"][0]

    def test_partitions_and_tablets_of_the_statement(self):
        self.sql('''CREATE TABLE t (dt date, k int) DUPLICATE KEY(dt) PARTITION BY RANGE(dt) (PARTITION a VALUES LESS THAN ("2024-01-01"),
            PARTITION b VALUES LESS THAN ("2025-01-01"), PARTITION c VALUES LESS THAN ("2026-01-01"))
            DISTRIBUTED BY HASH(k) BUCKETS 2''')
        self.load("t", "2023-01-01\t1\n2024-02-01\t2\n2024-02-02\t3\n")
        self.assertEqual(len(self.plan(f"select * from {self.db}.t")[1]["partitions"]), 4, "the empty partition is pruned")
        self.assertEqual(sorted(self.read(f"select k from {self.db}.t PARTITION (b)")), [[2], [3]])
        tablet = self.sql("SHOW TABLET FROM t PARTITION (b)")[0][0]
        status, plan = self.plan(f"select k from {self.db}.t PARTITION (b) TABLET ({tablet})")
        self.assertEqual((list(plan["partitions"]), plan["partitions"][tablet]["version"]), ([tablet], 2))
        self.assertEqual(len(plan["partitions"][tablet]["routings"]), 2, "replication_num is 3, BEs are two")

    def test_types(self):
        self.play("4.0")
        self.sql('''CREATE TABLE t (k bigint, b boolean, y tinyint, s smallint, l largeint, f float, d double, n decimal(38,9), c char(3),
            x string, dt date, ts datetime, j json, a array<int>, aa array<array<varchar(9)>>, m map<int,varchar(9)>,
            u struct<x int, y varchar(9)>, z varbinary, w decimal(50,5)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)''')
        self.sql("""INSERT INTO t VALUES (9223372036854775807, true, -128, 32767, 170141183460469231731687303715884105727, 0.5, 0.1,
            12345678901234567890123456789.123456789, 'abc', '雨燕 "x"', '2024-02-29', '2024-02-29 01:02:03.5', '{"a": 1}', '[1,null,3]',
            '[["a","b\\\\"c"],[]]', '{1:"x",2:null}', '{"x":7,"y":"z"}', x'00ff', 123456789012345678901234567890123456789012345.12345)""")
        self.sql("INSERT INTO t (k) VALUES (1)")
        rows = sorted(self.read(f"select * from {self.db}.t"), key=lambda row: row[0])
        self.assertEqual(rows[0], [1] + [None] * 18)
        self.assertEqual(rows[1], [
            9223372036854775807, True, -128, 32767, "170141183460469231731687303715884105727", 0.5, 0.1,
            "12345678901234567890123456789.123456789", "abc", '雨燕 "x"', "2024-02-29", "2024-02-29 01:02:03.500000", '{"a": 1}',
            [1, None, 3], [["a", 'b"c'], []], [[1, "x"], [2, None]], {"x": 7, "y": "z"}, "00ff",
            "123456789012345678901234567890123456789012345.12345"])
        self.assertEqual(self.types, [
            "int64", "bool", "int8", "int16", "string", "float", "double", "decimal128(38, 9)", "string", "string", "string", "string",
            "string", "list<item: int32>", "list<item: list<item: string>>", "map<int32, string>", "struct<x: int32, y: string>",
            "binary", "decimal256(50, 5)"])
        self.sql("CREATE TABLE h (k int, v bitmap BITMAP_UNION) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.sql("INSERT INTO h (k) VALUES (1)")
        status, plan = self.plan(f"select k, v from {self.db}.h", "h")
        tablet, where = next(iter(plan["partitions"].items()))
        opened = self.ask("open", where["routings"][0], tablets=[int(tablet)], plan=plan["opaqued_query_plan"])
        self.assertEqual(opened["status"], [33, ["Unknown primitive type(BITMAP)"]])

    def test_the_version_of_the_plan_is_read(self):
        self.table(5)
        status, plan = self.plan(f"select k from {self.db}.t")
        self.load("t", "100\tlater\n")
        self.sql("DELETE FROM t WHERE k = 2")
        found = []
        for tablet, where in plan["partitions"].items():
            opened = self.ask("open", where["routings"][0], tablets=[int(tablet)], plan=plan["opaqued_query_plan"])
            found += self.ask("next", where["routings"][0], context=opened["context"], offset=0)["rows"] or []
        self.assertEqual(sorted(found), [[k] for k in range(5)])
        self.assertEqual(sorted(self.read(f"select k from {self.db}.t")), [[0], [1], [3], [4], [100]])
        before = self.plan(f"select k from {self.db}.t")[1]
        self.sql("CREATE TABLE o LIKE t; ALTER TABLE t SWAP WITH o")
        self.assertEqual(self.plan(f"select k from {self.db}.t")[1]["partitions"], {})
        found = []
        for tablet, where in before["partitions"].items():
            opened = self.ask("open", where["routings"][0], tablets=[int(tablet)], plan=before["opaqued_query_plan"])
            found += self.ask("next", where["routings"][0], context=opened["context"], offset=0)["rows"] or []
        self.assertEqual(sorted(found), [[0], [1], [3], [4], [100]])
        self.sql("ALTER TABLE t SWAP WITH o; ALTER TABLE t ADD COLUMN w int")
        self.assertEqual(len(self.read(f"select w from {self.db}.t")), 5)

    def test_what_a_scanner_refuses(self):
        self.table()
        status, plan = self.plan(f"select k from {self.db}.t")
        tablet, where = next(iter(plan["partitions"].items()))
        place, opaque = where["routings"][0], plan["opaqued_query_plan"]
        other = next(f"{one['host']}:{one['be_port']}" for one in self.double.told["nodes"] if one["kind"] == "be"
                     and not place.startswith(one["host"] + ":"))
        self.assertIn("tablet does not exist", self.ask("open", other, tablets=[int(tablet)], plan=opaque)["status"][1][0])
        self.assertEqual(self.ask("open", place, tablets=[77], plan=opaque)["status"], [31, ["tablet_id: 77 not found"]])
        self.assertEqual(self.ask("open", place, tablets=[int(tablet)], plan="%%")["status"][0], 33)
        context = self.ask("open", place, tablets=[int(tablet)], plan=opaque, batch=2, keep=5)["context"]
        self.assertEqual(self.ask("next", place, context=context, offset=1)["status"],
                         [31, [f"context_id={context}, send_offset=1, context_offset=0"]])
        self.assertEqual(len(self.ask("next", place, context=context, offset=0)["rows"]), 2)
        self.assertEqual(self.ask("next", place, context=context, offset=0)["status"][0], 31)
        self.control("POST", "/clock", {"advance": 301})
        self.assertEqual(self.ask("next", place, context=context, offset=2)["status"], [31, [f"context_id: {context} not found"]])
        for fault, operation, code in (("scan_memory_limit", "open", 5), ("scan_memory_limit", "next", 5), ("scan_expired", "next", 31),
                                       ("scan_offset", "next", 31), ("scan_reset", "next", None), ("scan_refused", "open", None)):
            self.control("DELETE", "/faults")
            self.fault(fault, table="t", **({"op": operation} if "memory" in fault else {}))
            opened = self.ask("open", place, tablets=[int(tablet)], plan=opaque)
            if operation == "next":
                self.assertEqual(opened["status"][0], 0, fault)
                opened = self.ask("next", place, context=opened["context"], offset=0)
            self.assertEqual(opened["status"][0] if code else opened["gone"], code or "TTransportException", fault)
            self.assertEqual(self.control("GET", "/faults")["history"][-1]["name"], fault)
        self.control("POST", "/restart", {"name": "be1"})
        self.control("POST", "/restart", {"name": "be2"})

    def test_what_query_plan_refuses(self):
        self.table(1)
        self.sql("CREATE TABLE o (k int) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k); CREATE VIEW w AS SELECT k FROM t")
        select = f"select k from {self.db}.t"
        for sql, status, message in (
                (f"{select} order by k", 400, f"only support single table filter-prune-scan, but found [ {select} order by k]"),
                (f"select count(*) from {self.db}.t", 400, "only support single table filter-prune-scan"),
                (f"{select} limit 1", 400, "only support single table filter-prune-scan"),
                (f"select k from (select k from {self.db}.t) x", 400, "Select statement must not embed another statement"),
                (f"select k from {self.db}.o", 400, "requested database and table must consistent with sql: request [ "),
                (f"{select}, {self.db}.o", 400, "Select statement must have only one table"),
                ("insert into t values (1)", 400, "Select statement needed, but found ["),
                ("selec k", 500, "The Sql is invalid"), (f"select nothing from {self.db}.t", 500, "The Sql is invalid")):
            got, answer = self.plan(sql)
            self.assertEqual((got, answer["status"]), (status, status), sql)
            self.assertIn(message, answer["exception"])
        self.assertEqual(self.plan(body="")[1]["exception"], "POST body must contains [sql] root object")
        self.assertEqual(self.plan(body="{}")[0], 400)
        self.assertIn("malformed json", self.plan(body="x")[1]["exception"])
        self.assertEqual(self.plan(select, table="nothing"), (404, {"status": 404, "exception": "Table [nothing] does not exists"}))
        self.assertEqual(self.plan(select, database="nothing")[0], 404)
        self.assertEqual(self.plan(select, table="w")[0], 403)
        self.assertEqual(self.plan(select, user="root:no")[0], 401)
        self.fault("query_plan_error", table="t", status=500, message="not now")
        self.assertEqual(self.plan(select), (500, {"status": 500, "exception": "not now"}))
        self.play("doris")
        status, answer = self.plan(select)
        self.assertEqual((status, answer["code"], answer["data"]["status"]), (200, 0, 200))
