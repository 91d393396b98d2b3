"""The examples of the loading manual, sent by curl as they are documented."""

import json
import subprocess
import tempfile

from .support import PASSWORD, Case


class Manual(Case):
    def file(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".csv")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        return file.name

    def put(self, table, path, *headers):
        arguments = ["-u", f"root:{PASSWORD}"]
        for header in ("Expect:100-continue", *headers):
            arguments += ["-H", header]
        done = self.curl(*arguments, "-T", path, "-XPUT", f"http://{self.double.place('fe1')}/api/{self.db}/{table}/_stream_load")
        return json.loads(done.stdout)

    def test_csv_into_a_primary_key_table(self):
        self.sql('''CREATE TABLE `table1` (`id` int(11) NOT NULL COMMENT "user ID", `name` varchar(65533) NULL DEFAULT "" COMMENT "user name",
            `score` int(11) NOT NULL DEFAULT "0" COMMENT "user score") ENGINE=OLAP PRIMARY KEY(`id`) DISTRIBUTED BY HASH(`id`);''')
        told = self.put("table1", self.file("1,Lily,23\n2,Rose,23\n3,Alice,24\n4,Julia,25\n"),
                        "label:123", "column_separator:,", "columns: id, name, score")
        self.assertEqual(list(told), ["TxnId", "Label", "Status", "Message", "NumberTotalRows", "NumberLoadedRows", "NumberFilteredRows",
                                      "NumberUnselectedRows", "LoadBytes", "LoadTimeMs", "BeginTxnTimeMs", "StreamLoadPlanTimeMs",
                                      "ReadDataTimeMs", "WriteDataTimeMs", "CommitAndPublishTimeMs"])
        self.assertEqual((told["Status"], told["Message"], told["NumberLoadedRows"], told["LoadBytes"]), ("Success", "OK", 4, 42))
        self.assertEqual(self.sql("SELECT * FROM table1 ORDER BY id"),
                         [["1", "Lily", "23"], ["2", "Rose", "23"], ["3", "Alice", "24"], ["4", "Julia", "25"]])

    def test_json_with_jsonpaths(self):
        self.sql('''CREATE TABLE `table2` (`id` int(11) NOT NULL, `city` varchar(65533) NULL) ENGINE=OLAP PRIMARY KEY(`id`)
            DISTRIBUTED BY HASH(`id`);''')
        told = self.put("table2", self.file('{"name": "北京", "code": 2}'), "strict_mode: true", "format: json",
                        'jsonpaths: ["$.name", "$.code"]', "columns: city,tmp_id, id = tmp_id * 100")
        self.assertEqual(told["Status"], "Success", told)
        self.assertEqual(self.sql("SELECT * FROM table2"), [["200", "北京"]])

    def test_json_array_and_root(self):
        self.sql("CREATE TABLE b (category varchar(100), author varchar(100), price double) DUPLICATE KEY(category) DISTRIBUTED BY HASH(category)")
        rows = '[{"category":"C++","author":"avc","price":895},{"category":"Java","author":"avc","price":95.5}]'
        self.assertEqual(self.put("b", self.file(rows), "label:label7", "format: json", "strip_outer_array: true")["NumberLoadedRows"], 2)
        rows = '{"id": 10001, "RECORDS":[{"category":"11","title":"SayingsoftheCentury","price":895,"timestamp":1589191587}]}'
        told = self.put("b", self.file(rows), "format: json", "strip_outer_array: true", "json_root: $.RECORDS",
                        'jsonpaths: ["$.category","$.price"]', "columns: category, price")
        self.assertEqual(told["NumberLoadedRows"], 1, told)
        self.assertEqual(self.sql("SELECT category, price FROM b ORDER BY price, category"), [["Java", "95.5"], ["11", "895"], ["C++", "895"]])

    def test_columns_where_and_ratio(self):
        self.sql("CREATE TABLE t (col1 int, col2 varchar(20), col3 int) DUPLICATE KEY(col1) DISTRIBUTED BY HASH(col1)")
        told = self.put("t", self.file("20180601\ta\t1\n20180602\tb\t2\n20180601\tc\t3\n"), "label:label3",
                        "where: col1 = 20180601")
        self.assertEqual((told["NumberLoadedRows"], told["NumberUnselectedRows"], told["Status"]), (2, 1, "Success"), told)
        told = self.put("t", self.file("b\t7\t1\nx\ty\t2\n"), "max_filter_ratio:0.5", "strict_mode: true", "columns: col2, col1, tmp, col3 = tmp + 1")
        self.assertEqual((told["NumberLoadedRows"], told["NumberFilteredRows"]), (1, 1), told)
        self.assertEqual(self.sql("SELECT col1, col2, col3 FROM t ORDER BY col3, col2"),
                         [["20180601", "a", "1"], ["7", "b", "2"], ["20180601", "c", "3"]])

    def test_skip_header_enclose_and_escape(self):
        self.sql("CREATE TABLE t (k int, v varchar(200)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        told = self.put("t", self.file('id,text\n1,"a,b\nc"\n2, "x"\n3,"say \\"hi\\""\n'), "column_separator:,", "skip_header:1",
                        "trim_space:true", 'enclose:"', "escape:\\")
        self.assertEqual((told["Status"], told["NumberLoadedRows"]), ("Success", 3), told)
        self.assertEqual(self.sql("SELECT k, HEX(v) FROM t ORDER BY k"),
                         [["1", b"a,b\nc".hex().upper()], ["2", b"x".hex().upper()], ["3", b'say "hi"'.hex().upper()]])

    def test_compressed_bodies(self):
        self.sql("CREATE TABLE t (k int, v varchar(20)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k)")
        rows = "".join(f"{n}\tvalue {n}\n" for n in range(60_000)).encode()
        total = 0
        for name, command in (("LZ4_FRAME", ["lz4", "-c"]), ("ZSTD", ["zstd", "-c"]), ("GZIP", ["gzip", "-c"]), ("BZIP2", ["bzip2", "-c"])):
            body = subprocess.run(command, input=rows, capture_output=True, check=True).stdout
            told = self.load("t", body, compression=name)
            self.assertEqual((told["Status"], told["NumberLoadedRows"]), ("Success", 60_000), (name, told))
            total += 60_000
            self.assertEqual(self.load("t", body[:-9], compression=name)["Status"], "Fail", name)
        self.assertEqual(self.load("t", b"no lz4 at all\n", compression="lz4_frame")["Status"], "Fail")
        self.assertEqual(self.sql("SELECT COUNT(*), SUM(k), MIN(v) FROM t"), [[str(total), str(4 * 59_999 * 30_000), "value 0"]])

    def test_upsert_and_delete(self):
        self.sql("CREATE TABLE t (id int NOT NULL, name varchar(20), n int) PRIMARY KEY(id) DISTRIBUTED BY HASH(id)")
        self.load("t", "1,a,1\n2,b,2\n", column_separator=",")
        told = self.load("t", "1,a,1,1\n3,c,3,0\n2,bb,22,0\n", column_separator=",", columns="id, name, n, __op")
        self.assertEqual(told["Status"], "Success", told)
        self.assertEqual(self.sql("SELECT * FROM t ORDER BY id"), [["2", "bb", "22"], ["3", "c", "3"]])
        self.load("t", "2,x,1\n", column_separator=",", columns="id,name,n,__op='delete'")
        told = self.load("t", "3,33\n9,9\n", column_separator=",", columns="id,n", partial_update="true")
        self.assertEqual(told["Status"], "Success", told)
        self.assertEqual(self.sql("SELECT * FROM t ORDER BY id"), [["3", "c", "33"], ["9", "NULL", "9"]])
        self.assertEqual(self.load("t", '{"id":3,"__op":1}', format="json", columns="id,__op")["Status"], "Success")
        self.assertEqual(self.sql("SELECT id FROM t"), [["9"]])
