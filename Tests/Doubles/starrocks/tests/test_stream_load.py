"""What a load is checked for: redirects, authorization, labels, limits, both CSV parsers, types, filtered rows."""

import json
import tempfile
import urllib.request

from .support import PASSWORD, Case


class StreamLoad(Case):
    def setUp(self):
        super().setUp()
        self.sql("CREATE TABLE t (k int NOT NULL, v varchar(6)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")

    def rows(self):
        return self.sql("SELECT k, v FROM t ORDER BY k, v")

    def test_a_follower_leads_to_the_leader_and_on_to_a_backend(self):
        told = self.load("t", "1\ta\n", node="fe2", label="hop")
        self.assertEqual(told["Status"], "Success")
        seen = self.requests()
        self.assertEqual([r["node"] for r in seen][:2], ["fe2", "fe1"])
        self.assertTrue(seen[2]["node"].startswith("be"))
        self.assertEqual([r["status"] for r in seen], [307, 307, 200])
        self.assertEqual([r["body_bytes"] for r in seen], [0, 0, 4])
        self.assertTrue(all(r["user"] == "root" for r in seen))
        self.assertNotIn("root", seen[1]["location"])
        self.assertEqual(self.control("GET", "/violations"), [])

    def test_a_wrong_password_is_refused_on_both_hops(self):
        done = self.curl("-i", "-u", "root:wrong", "-H", "Expect:100-continue", "-T", "-", "-XPUT",
                         f"http://{self.double.place('fe1')}/api/{self.db}/t/_stream_load", data=b"1\ta\n")
        self.assertIn(b"401 Unauthorized", done.stdout)
        self.assertIn(b"Access denied for root", done.stdout)
        done = self.curl("-i", "-u", "root:wrong", "-H", "Expect:100-continue", "-T", "-", "-XPUT",
                         f"http://{self.double.place('be1')}/api/{self.db}/t/_stream_load", data=b"1\ta\n")
        self.assertIn(b"401 Unauthorized", done.stdout)
        # Without --location-trusted curl keeps the password from the second host.
        done = self.curl("--location", "-u", f"root:{PASSWORD}", "-H", "Expect:100-continue", "-T", "-", "-XPUT",
                         f"http://{self.double.place('fe1')}/api/{self.db}/t/_stream_load", data=b"1\ta\n", follow=False)
        self.assertEqual(json.loads(done.stdout)["Message"], "no valid Basic authorization")
        self.assertEqual(self.rows(), [])

    def test_no_expect_header_is_told_in_the_shape_of_the_version(self):
        told = self.load("t", "1\ta\n", expect=False)
        self.assertEqual(told, {"Status": "FAILED", "Message": "class com.starrocks.common.DdlException: There is no 100-continue header"})
        self.play("2.5")
        told = self.load("t", "1\ta\n", expect=False)
        self.assertEqual((told["status"], told["msg"]), ("FAILED", "There is no 100-continue header"))

    def test_labels(self):
        told = self.load("t", "1\ta\n", label="bad label!")
        self.assertEqual(told["Message"], "Label format error. regex: ^[-\\w]{1,128}$, label: bad label!")
        self.assertEqual(self.load("t", "1\ta\n", label="once")["Status"], "Success")
        told = self.load("t", "1\ta\n", label="once")
        self.assertEqual((told["TxnId"], told["Status"], told["ExistingJobStatus"], told["Message"]),
                         (-1, "Label Already Exists", "FINISHED", "Label [once] has already been used."))
        self.assertEqual(self.state("once"), "VISIBLE")
        self.assertEqual(self.state("once", node="fe2"), "VISIBLE")
        self.assertEqual(self.state("never"), "UNKNOWN")
        # A label whose load was aborted may be used again.
        self.assertEqual(self.load("t", "x\ta\n", label="again", strict_mode="true")["Message"], "too many filtered rows")
        self.assertEqual(self.state("again"), "ABORTED")
        self.assertEqual(self.load("t", "2\tb\n", label="again")["Status"], "Success")
        self.assertEqual(self.rows(), [["1", "a"], ["2", "b"]])

    def test_labels_are_forgotten_by_count_and_by_age(self):
        before = self.control("POST", "/config", {"label_keep_max_num": 2})
        self.addCleanup(self.control, "POST", "/config", {"label_keep_max_num": 1000})
        self.assertEqual(before["label_keep_max_num"], 2)
        for number in range(4):
            self.load("t", f"{number}\tx\n", label=f"l{number}")
        self.assertEqual([self.state(f"l{n}") for n in range(4)], ["UNKNOWN", "UNKNOWN", "VISIBLE", "VISIBLE"])
        self.control("POST", "/clock", {"advance": 259_300})
        self.assertEqual(self.state("l3"), "UNKNOWN")
        self.assertEqual(len(self.rows()), 4)

    def test_refusals_before_the_body(self):
        for headers, message in (
            ({"format": "orc"}, "unknown data format, format=orc"),
            ({"timeout": "0"}, "Invalid timeout format"),
            ({"trim_space": "maybe"}, "Invalid trim space format. Must be bool type"),
            ({"compression": "gzip", "Content-Encoding": "gzip"}, "Only one of http header content-encoding and compression can be set"),
            ({"partial_update": "true"}, "Only primary key table support partial update"),
            ({"columns": "k,v,__op"}, "unknown column '__op': only primary key tables have it"),
            ({"partitions": "p9"}, "unknown partition: p9"),
        ):
            told = self.load("t", "1\ta\n", **headers)
            self.assertEqual((told["Status"], told["Message"]), ("Fail", message), headers)
            self.assertEqual(self.requests()[-1]["body_bytes"], 0, "the body was read")
        self.control("POST", "/config", {"streaming_load_max_mb": 1})
        self.addCleanup(self.control, "POST", "/config", {"streaming_load_max_mb": 0})
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"1\ta\n" * 300_000)
            file.flush()
            done = self.curl("-u", f"root:{PASSWORD}", "-H", "Expect:100-continue", "-T", file.name,
                             f"http://{self.double.place('fe1')}/api/{self.db}/t/_stream_load")
        self.assertIn("body size 1200000 exceed limit: 1048576", json.loads(done.stdout)["Message"])
        self.assertEqual(self.load("t", "")["Message"], "all partitions have no load data")

    def test_plain_csv(self):
        told = self.load("t", b"1\x01a\tb\x022\x01\\N\x023\x01\x02\x024\x01null", column_separator="\\x01", row_delimiter="\\x02")
        self.assertEqual((told["Status"], told["NumberTotalRows"]), ("Success", 4), told)
        self.assertEqual(self.sql("SELECT k, HEX(v), v IS NULL FROM t ORDER BY k"),
                         [["1", "610962", "0"], ["2", "NULL", "1"], ["3", "", "0"], ["4", "6E756C6C", "0"]])

    def test_enclosed_csv_keeps_every_separator(self):
        told = self.load("t", '1,"a,""b"\n2,"\n"\n3,\\N\n4,"\\N"\n5,""\n6,\n', column_separator=",", enclose='"')
        self.assertEqual((told["Status"], told["NumberTotalRows"]), ("Success", 6), told)
        self.assertEqual(self.sql("SELECT k, HEX(v), v IS NULL FROM t ORDER BY k"),
                         [["1", b'a,"b'.hex().upper(), "0"], ["2", "0A", "0"], ["3", "NULL", "1"], ["4", "NULL", "1"], ["5", "", "0"],
                          ["6", "", "0"]], "a quoted \\N is NULL, too")

    def test_an_old_server_ignores_enclose(self):
        self.play("2.5")
        told = self.load("t", '1,"a"\n2,"b,c"\n', column_separator=",", enclose='"', max_filter_ratio="0.9")
        self.assertEqual((told["NumberLoadedRows"], told["NumberFilteredRows"]), (1, 1), told)
        self.assertIn("StreamLoadPutTimeMs", told)
        self.assertEqual(self.rows(), [["1", '"a"']])

    def test_filtered_rows_and_their_log(self):
        told = self.load("t", "1\ta\nx\tb\n\\N\tc\n4\td\te\n5\ttoo long\n6\t我我\n", max_filter_ratio="0.8", strict_mode="true")
        self.assertEqual((told["NumberLoadedRows"], told["NumberFilteredRows"]), (2, 4), told)
        with urllib.request.urlopen(told["ErrorURL"]) as answer:
            lines = answer.read().decode().splitlines()
        self.assertEqual(lines, [
            "Error: The field (name = k, pos = 0) is out of range. Type: INT, Value length: 1, Value: x. Row: x\tb",
            "Error: NULL value in non-nullable column 'k'. Row: \\N\tc",
            "Error: Target column count: 2 doesn't match source value column count: 3. Column separator: '\\t', Row delimiter: '\\n'. "
            "Row: 4\td\te",
            "Error: String 'too long'(length=8) is too long. The max length of 'v' is 6. Row: 5\ttoo long",
        ])
        told = self.load("t", "7\ttoo long\n")
        self.assertEqual(told["Status"], "Success", "a lenient load makes an over-long value NULL in silence")
        self.assertEqual(self.rows(), [["1", "a"], ["6", "我我"], ["7", "NULL"]])

    def test_bad_utf8_is_filtered(self):
        told = self.load("t", b"1\ta\n2\t\xff\xfe\n", max_filter_ratio="0.5")
        self.assertEqual(told["NumberFilteredRows"], 1)
        self.assertEqual(self.rows(), [["1", "a"]])

    def test_a_row_without_partition_is_filtered(self):
        self.sql('''CREATE TABLE p (dt date, v int) DUPLICATE KEY(dt) PARTITION BY RANGE(dt)
            (PARTITION a VALUES LESS THAN ("2024-01-01"), PARTITION b VALUES [("2024-02-01"), ("2024-03-01")))
            DISTRIBUTED BY HASH(dt)''')
        told = self.load("p", "2023-12-31\t1\n2024-01-01\t2\n2024-02-29\t3\n2024-03-01\t4\n\\N\t5\n", max_filter_ratio="0.5")
        self.assertEqual((told["NumberLoadedRows"], told["NumberFilteredRows"]), (3, 2), told)
        self.assertEqual(self.sql("SELECT v FROM p PARTITION (a) ORDER BY v"), [["1"], ["5"]])
        told = self.load("p", "2023-12-31\t1\n", partitions="b")
        self.assertEqual(told["Message"], "too many filtered rows")

    def test_every_type_comes_back_as_it_went_in(self):
        self.sql('''CREATE TABLE every (k bigint, b boolean, y tinyint, s smallint, i int, l largeint, f float, d double, n decimal(38,9),
            c char(3), t string, dt date, ts datetime, j json, a array<int>, m map<string,int>, u struct<x int>, x varbinary)
            DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)''')
        values = ["9223372036854775807", "true", "-128", "32767", "-2147483648", "-170141183460469231731687303715884105728", "0.1",
                  "1.7976931348623157e308", "12345678901234567890123456789.123456789", "abc", "tab\\and 'quotes' \"here\" 雨燕 🐦", "9999-12-31",
                  "0001-01-01 00:00:00.000001", '{"a": [1, "x"]}', "[1,2]", '{"k":1}', '{"x":1}', "raw"]
        self.play("3.5")
        columns = ("k,b,y,s,i,l,f,d,n,c,t,dt,ts,j,a,mt,ut,xt,m=CAST(parse_json(mt) AS map<string,int>),u=CAST(parse_json(ut) AS struct<x int>),"
                   "x=to_binary(xt,'utf8')")
        told = self.load("every", "|".join(values) + "\n" + "|".join(["\\N"] * len(values)) + "\n", column_separator="|", strict_mode="true",
                         columns=columns)
        self.assertEqual((told["Status"], told["NumberLoadedRows"]), ("Success", 2), told)
        back = self.sql("SELECT * FROM every WHERE k IS NOT NULL")[0]
        expected = list(values)
        expected[1] = "1"
        self.assertEqual(float(back[7]), float(expected[7]))
        back[7] = expected[7]
        self.assertEqual(back, expected)
        self.assertEqual(self.sql("SELECT * FROM every WHERE k IS NULL")[0], ["NULL"] * len(values))

    def test_too_long_a_primary_key(self):
        self.sql("CREATE TABLE pk (k varchar(300) NOT NULL) PRIMARY KEY(k) DISTRIBUTED BY HASH(k)")
        self.assertIn("primary key size exceed the limit", self.load("pk", "x" * 200 + "\n")["Message"])
        self.assertIn("type not supported: DECIMAL", self.sql_error(
            "CREATE TABLE bad (k decimal(10,2) NOT NULL) PRIMARY KEY(k) DISTRIBUTED BY HASH(k)"))

    def test_aggregate_and_unique_tables(self):
        self.sql('''CREATE TABLE agg (k int, s bigint SUM, m int MAX, r varchar(9) REPLACE) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k);
            CREATE TABLE uni (k int, v varchar(9)) UNIQUE KEY(k) DISTRIBUTED BY HASH(k)''')
        self.load("agg", "1\t5\t7\ta\n1\t6\t3\tb\n\\N\t1\t1\tn\n")
        self.load("agg", "1\t10\t1\tc\n\\N\t2\t0\tm\n")
        self.assertEqual(self.sql("SELECT * FROM agg ORDER BY k"), [["NULL", "3", "1", "m"], ["1", "21", "7", "c"]])
        self.load("uni", "1\ta\n1\tb\n\\N\tx\n")
        self.load("uni", "\\N\ty\n2\tz\n")
        self.assertEqual(self.sql("SELECT * FROM uni ORDER BY k"), [["NULL", "y"], ["1", "b"], ["2", "z"]])
