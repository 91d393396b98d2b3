"""From text to type as the servers convert it: CSV, JSON, functions of `columns`; and how values are read back."""

import json
import urllib.parse

from .support import PASSWORD, Case


class Types(Case):
    def one(self, kind, text, profile="3.3", show="v", **headers):
        """What a value of one field becomes, or "filtered"."""
        self.play(profile)
        self.sql(f"DROP TABLE IF EXISTS v; CREATE TABLE v (k int, v {kind}) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1")
        body = b"1\x01" + (text if isinstance(text, bytes) else text.encode()) + b"\x02"
        told = self.load("v", body, column_separator="\\x01", row_delimiter="\\x02", strict_mode="true", max_filter_ratio="1", **headers)
        if told["Status"] == "Fail":
            return told["Message"]
        return "filtered" if told["NumberFilteredRows"] else self.sql(f"SELECT {show} FROM v")[0][0]

    def test_numbers_with_fraction_are_cut(self):
        for kind, text, value in (
            ("int", "12.7", "12"), ("int", "-12.7", "-12"), ("int", "1e3", "1000"), ("tinyint", "127.9", "127"), ("tinyint", "128", "filtered"),
            ("bigint", "1.5", "1"), ("bigint", "9223372036854775807", "9223372036854775807"), ("bigint", "9223372036854775808", "filtered"),
            ("bigint", "1234567890123456789.5", "filtered"), ("largeint", "-170141183460469231731687303715884105728",) + (
                "-170141183460469231731687303715884105728",), ("largeint", "7.9", "7"), ("int", "", "filtered"), ("int", "x", "filtered"),
            ("boolean", "TRUE", "1"), ("boolean", "0", "0"), ("boolean", "yes", "filtered"),
            ("decimal(10,2)", "1.005", "1.01"), ("decimal(5,2)", "1234.5", "filtered"),
            ("datetime", "2024-02-29 01:02:03.5", "2024-02-29 01:02:03.500000"), ("date", "0000-00-00", "filtered"),
            ("varchar(3)", "我", "我"), ("varchar(2)", "我", "filtered"),
        ):
            self.assertEqual(self.one(kind, text), value, (kind, text))

    def test_json_text_has_to_be_json(self):
        self.assertEqual(self.one("json", '{"a": [1,2]}'), '{"a": [1, 2]}')
        for text in ("word", "", "NaN", '"\\ud800"'):
            self.assertEqual(self.one("json", text), "filtered", text)

    def test_varbinary_is_tried_as_base64_in_newer_releases(self):
        self.play("3.1")
        for profile, value in (("3.1", "61626364"), ("3.3", "69B71D")):
            self.one("varbinary", "abcd", profile, show="hex(v)")
            self.assertEqual(self.sql("SELECT hex(v) FROM v"), [[value]])
        self.one("varbinary", "616200FF", show="hex(v)", columns="k, t, v=to_binary(t,'hex')")
        self.assertEqual(self.sql("SELECT hex(v) FROM v"), [["616200FF"]])

    def test_map_and_struct_have_no_converter_before_4_1(self):
        kind = "map<varchar(10),int>"
        self.assertIn("Unsupported CSV type MAP", self.one(kind, '{"a":1}'))
        self.assertIn("Unsupported CSV type STRUCT", self.one("struct<a int>", "{1}", "4.0"))
        self.assertEqual(self.one(kind, '{"a":1,"b":null}', "4.1"), '{"a":1,"b":null}')
        self.assertEqual(self.one(kind, '{"a" 1}', "4.1"), "filtered")
        self.assertEqual(self.one("map<int,array<varchar(9)>>", '{7:["x,y"]}', "4.1"), '{7:["x,y"]}')

    def test_json_is_cast_to_nested_types_where_the_release_can(self):
        cast = "k, t, v=CAST(parse_json(t) AS %s)"
        for kind, first in (("array<varchar(9)>", "2.5"), ("struct<a int, b varchar(9)>", "3.5"), ("map<varchar(9),int>", "3.5")):
            text, shown = {"a": ('["q\\"","b\\\\"]', '["q\\"","b\\\\"]'), "s": ('{"a":1,"b":"x"}', '{"a":1,"b":"x"}'),
                           "m": ('{"a":1}', '{"a":1}')}[kind[0]]
            self.assertEqual(self.one(kind, text, first, columns=cast % kind), shown)
            if first == "3.5":
                self.assertIn("Invalid type cast from json", self.one(kind, text, "3.3", columns=cast % kind))

    def test_bitmap_and_hll_come_by_functions_only(self):
        self.assertIn("BITMAP column must use", self.one("bitmap", "1"))
        self.assertEqual(self.one("bitmap", "5,1,18446744073709551615,5", columns="k, t, v=bitmap_from_string(t)"), "NULL")
        self.assertEqual(self.sql("SELECT bitmap_to_string(v), bitmap_count(v), bitmap_contains(v, 5), v FROM v"),
                         [["1,5,18446744073709551615", "3", "1", "NULL"]])
        self.one("bitmap", "7", columns="k, t, v=to_bitmap(t)")
        self.assertEqual(self.sql("SELECT bitmap_to_string(v) FROM v"), [["7"]])
        self.one("bitmap", "x", columns="k, t, v=bitmap_from_string(t)")
        self.sql("CREATE TABLE h (k int, b bitmap BITMAP_UNION, h hll HLL_UNION) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1")
        for rows in ("1,a\n1,b\n2,c\n", "1,a\n1,z\n"):
            told = self.load("h", rows, column_separator=",", columns="k, t, b=bitmap_hash(t), h=hll_hash(t)")
            self.assertEqual(told["Status"], "Success", told)
        self.assertEqual(self.sql("SELECT k, bitmap_count(b), hll_cardinality(h), h FROM h ORDER BY k"),
                         [["1", "3", "3", "NULL"], ["2", "1", "1", "NULL"]])
        self.assertEqual(self.sql("SELECT bitmap_union_count(b), hll_union_agg(h) FROM h"), [["4", "4"]])
        self.sql("INSERT INTO h VALUES (3, bitmap_from_string('9,8'), hll_hash('q'))")
        self.assertEqual(self.sql("SELECT bitmap_to_string(b) FROM h WHERE k = 3"), [["8,9"]])

    def test_a_text_goes_as_hex(self):
        text = '\\N\x01\x02"\r\n\t我'
        self.one("varchar(100)", text.encode().hex(), columns="k, t, v=unhex(t)")
        self.assertEqual(self.sql("SELECT hex(v) FROM v"), [[text.encode().hex().upper()]])

    # --- JSON
    def json(self, body, **headers):
        return self.load("j", body if isinstance(body, (str, bytes)) else json.dumps(body, ensure_ascii=False), format="json", **headers)

    def test_json_loads(self):
        self.sql("""CREATE TABLE j (k bigint, v varchar(200), d decimal(38,9), b boolean, t datetime, j json, a array<varchar(50)>,
            m map<varchar(10),int>, s struct<x int, y varchar(10)>, l largeint, `名` varchar(20) DEFAULT "no") DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)""")
        row = {"k": 1, "v": '\\N "q" \\ \u0000 \x01\x02\n我', "d": "12345678901234567890.123456789", "b": True, "t": "2024-01-02 03:04:05",
               "j": {"a": [1, None]}, "a": ['say "hi"', "b\\", None], "m": {"x": 1}, "s": {"y": "z", "x": 5},
               "l": "170141183460469231731687303715884105727", "名": "中", "unknown": 1}
        self.assertEqual(self.json([row, {"k": 2, "K": 3, "V": "case"}, 5], strip_outer_array="true", max_filter_ratio="0.5")["NumberFilteredRows"], 1)
        self.assertEqual(self.sql("SELECT hex(v), d, b, t, j, a, m, s, l, `名` FROM j WHERE k = 1"), [[
            row["v"].encode().hex().upper(), "12345678901234567890.123456789", "1", "2024-01-02 03:04:05", '{"a": [1, null]}',
            '["say \\"hi\\"","b\\\\",null]', '{"x":1}', '{"x":5,"y":"z"}', "170141183460469231731687303715884105727", "中"]])
        self.assertEqual(self.sql("SELECT v, `名`, to_json(m) FROM j WHERE k = 2"), [["NULL", "NULL", "NULL"]], "a missing key is NULL, not the default")
        self.assertEqual(self.sql("SELECT to_json(m), to_json(s) FROM j WHERE k = 1"), [['{"x": 1}', '{"x": 5, "y": "z"}']])
        self.assertEqual(self.json('{"k":3}\n{"k":4,"v":5.50,"d":1.10}\n')["NumberLoadedRows"], 2)
        self.assertEqual(self.sql("SELECT v, d FROM j WHERE k = 4"), [["5.50", "1.100000000"]])

    def test_json_documents_that_fail(self):
        self.sql("CREATE TABLE j (k bigint, v varchar(200)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        for body, headers in (('[{"k":1}]', {}), ('{"k":1}', {"strip_outer_array": "true"}), ('"k"', {}), ('{"k":1}{"k"', {}),
                              ('{"v":"\\ud800"}', {}), (b'{"v":"\xff"}', {})):
            self.assertEqual(self.json(body, **headers)["Status"], "Fail", body)
        self.control("POST", "/config", {"streaming_load_max_batch_size_mb": 1})
        self.addCleanup(self.control, "POST", "/config", {"streaming_load_max_batch_size_mb": 100})
        large = json.dumps({"k": 1, "v": "x" * (1 << 20)})
        done = self.curl("-u", f"root:{PASSWORD}", "-H", "Expect:100-continue", "-H", "format: json", "--data-binary", "@-", "-XPUT",
                         f"http://{self.double.place('be1')}/api/{self.db}/j/_stream_load", data=large.encode())
        self.assertIn("exceed the max size", json.loads(done.stdout)["Message"])
        self.assertEqual(self.sql("SELECT count(*) FROM j"), [["0"]])

    # --- transactions and names
    def test_loads_of_a_transaction_have_equal_parameters(self):
        self.sql("CREATE TABLE t (k bigint, v varchar(200)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.transaction("begin", "one")
        self.assertEqual(self.transaction("load", "one", data="1,a\n", column_separator=",", enclose='"')["Status"], "OK")
        self.assertEqual(self.transaction("load", "one", data='2,"b"\n', column_separator=",")["Status"], "OK", "a header that is not read")
        told = self.transaction("load", "one", data='{"k":3}\n', format="json")
        self.assertEqual((told["Status"], told["Message"]), ("INTERNAL_ERROR", "load request not equal last."))

    def test_a_backend_that_does_not_decode_names(self):
        self.sql("CREATE TABLE `表` (k bigint) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.assertEqual(self.load(urllib.parse.quote("表"), "1\n")["Status"], "Success")
        self.control("POST", "/config", {"be_decodes_urls": False})
        self.addCleanup(self.control, "POST", "/config", {"be_decodes_urls": True})
        told = self.load(urllib.parse.quote("表"), "2\n")
        self.assertEqual((told["Status"], told["Message"]), ("Fail", f"unknown table, table={self.db}.{urllib.parse.quote('表')}"))
        # The name as it is, not percent-encoded, is found.
        done = self.curl("-u", f"root:{PASSWORD}", "-H", "Expect:100-continue", "-T", "-", "-XPUT", "--request-target",
                         f"/api/{self.db}/表/_stream_load", f"http://{self.double.place('be1')}/", data=b"3\n")
        self.assertEqual(json.loads(done.stdout)["Status"], "Success", done.stdout)
        self.transaction("begin", "named", "表")
        self.assertEqual(self.transaction("load", "named", "表", data="4\n")["Status"], "OK")
        self.assertEqual(self.transaction("commit", "named", "表")["Status"], "OK")
        self.assertEqual(self.sql("SELECT k FROM `表` ORDER BY k"), [["1"], ["3"], ["4"]])

    def test_statements_spend_labels_too(self):
        self.sql("CREATE TABLE t (k bigint) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        self.control("POST", "/config", {"label_keep_max_num": 3})
        self.addCleanup(self.control, "POST", "/config", {"label_keep_max_num": 1000})
        self.load("t", "1\n", label="first")
        self.sql("INSERT INTO t VALUES (2)")
        self.sql("DELETE FROM t WHERE k = 2")
        self.assertEqual(self.state("first"), "VISIBLE")
        self.sql("INSERT INTO t VALUES (3)")
        self.assertEqual(self.state("first"), "UNKNOWN")
