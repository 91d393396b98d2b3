"""The tables of a warehouse: SQL that makes and fills them, and what each is compared by."""

import json

PROPERTIES = 'PROPERTIES ("replication_num" = "1")'
TEXTS = ["", None, "\\N", "\\", "\\\\N", '"', '""', '"all quoted"', "say \"hi\"", "it's", "a,b", "a\tb", "a\nb", "a\r\nb", "\x00", "a\x00b", "\x01", "\x02", "\x01\x02",
         "NULL", "null", " lead", "trail ", "你好，世界", "𠮷野家", "😀👩‍👩‍👧", "\ufeffmark", "{\"a\": 1}", "[1,2]", "x" * 300, "\\n", "\x7f\x1b", "'", "`", "%s?&=#", "0x1F"]
INTEGERS = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63, "LARGEINT": 127}


def quoted(text):
    """A text as SQL that no reader of literals can mistake."""
    if text is None:
        return "NULL"
    return "''" if text == "" else f"unhex('{text.encode().hex()}')"


def literal(value):
    return "NULL" if value is None else "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def document(value, spaced=False):
    return literal(None if value is None else json.dumps(value, ensure_ascii=False, separators=(", ", ": ") if spaced else (",", ":")))


def nth(values, row):
    return values[row % len(values)]


class Table:
    """One table. `columns`: (name, type with its aggregate, nullable, values as SQL). `shown`: how a column is compared."""

    def __init__(self, name, columns, model, partitions="", buckets="HASH({key}) BUCKETS 2", rows=len(TEXTS), named=None, counts=0, comment="", tail=PROPERTIES):
        self.name, self.columns, self.rows, self.named, self.counts, self.model = name, columns, rows, named, counts, model
        self.physical = buckets.startswith("RANDOM")
        key = "`" + columns[0][0] + "`"
        listed = ",\n  ".join(f"`{name}` {kind}{'' if nullable or any(word in kind for word in ('BITMAP', 'HLL', 'PERCENTILE', ' AS ')) else ' NOT NULL'}" for name, kind, nullable, _ in columns)
        said = f' COMMENT "{comment}"' if comment else ""
        self.create = (f"CREATE TABLE `{name}` (\n  {listed})\n{model}{said}\n{partitions}\nDISTRIBUTED BY {buckets.format(key=key)} {tail}")

    def insert(self, shift=0):
        filled = [column for column in self.columns if column[3]]
        lines = ", ".join("(" + ", ".join(values(row + shift) for _, _, _, values in filled) + ")" for row in range(self.rows))
        return f"INSERT INTO `{self.name}` ({', '.join('`' + column[0] + '`' for column in filled)}) VALUES {lines}" if self.rows else ""

    def compared(self):
        def shown(name, kind):
            base, name = kind.split()[0].split("(")[0].split("<")[0], f"`{name}`"
            if base == "BITMAP":
                return f"bitmap_to_string({name})"
            return f"hex({name})" if base in ("VARCHAR", "CHAR", "STRING", "VARBINARY") else name
        return "SELECT " + ", ".join(shown(name, kind) for name, kind, _, _ in self.columns) + f" FROM `{self.name}`"


def number(bits):
    values = ["0", "1", "-1", str(2**bits - 1), str(-2**bits), "NULL"]
    return lambda row: nth(values, row)


def scalars(nullable=True):
    """Each scalar type with its extremes."""
    def cycle(*values):
        return lambda row: nth(values, row) if nullable else nth([value for value in values if value != "NULL"], row)
    found = [(f"c_{kind.lower()}", kind, nullable, (lambda row, values=["0", "-1", str(2**bits - 1), str(-2**bits)] + ["NULL"] * nullable: nth(values, row)))
             for kind, bits in INTEGERS.items()]
    return found + [
        ("c_boolean", "BOOLEAN", nullable, cycle("1", "0", "NULL")),
        ("c_float", "FLOAT", nullable, cycle("0", "-1.5", "3.5", "1e10", "1.17549e-38", "NULL")),
        ("c_double", "DOUBLE", nullable, cycle("0", "1.7976931348623157e308", "2.2250738585072014e-308", "-0.1", "0.30000000000000004", "NULL")),
        ("c_decimal", "DECIMAL(38,9)", nullable, cycle("0", "99999999999999999999999999999.999999999", "-99999999999999999999999999999.999999999", "0.000000001", "NULL")),
        ("c_small_decimal", "DECIMAL(9,2)", nullable, cycle("0", "9999999.99", "-9999999.99", "NULL")),
        ("c_date", "DATE", nullable, cycle("'0001-01-01'", "'9999-12-31'", "'2024-02-29'", "NULL")),
        ("c_datetime", "DATETIME", nullable, cycle("'0001-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2024-02-29 01:02:03.000001'", "'2024-06-01 12:00:00'", "NULL")),
        ("c_char", "CHAR(40)", nullable, cycle("'a'", "''", "'中文'", "NULL")),
        ("c_varchar", "VARCHAR(1200)", nullable, lambda row: quoted(nth([text for text in TEXTS if nullable or text is not None], row))),
        ("c_string", "STRING", nullable, lambda row: quoted(nth([text for text in reversed(TEXTS) if nullable or text is not None], row)))]


def identity(kind="BIGINT"):
    return ("id", kind, False, lambda row: str(row))


def text(name="note", aggregate="", step=1, kind="VARCHAR(2000)"):
    return (name, f"{kind} {aggregate}".strip(), True, lambda row: quoted(nth(TEXTS, row * step)))


def day(name="dt", kind="DATE"):
    return (name, kind, False, lambda row: f"'2024-{1 + row % 6:02}-{1 + row % 27:02}{' 10:00:00' if kind == 'DATETIME' else ''}'")


def kinds(release):
    """Functions from a name to a Table, of what the release has."""
    range_parts = ("PARTITION BY RANGE(`dt`) (PARTITION p1 VALUES LESS THAN (\"2024-03-01\"), PARTITION p2 VALUES [(\"2024-03-01\"), (\"2024-05-01\")), "
                   "PARTITION p3 VALUES LESS THAN (MAXVALUE))")
    arrays = [[], None, [1, None, -2147483648], [2147483647], [0]]
    words = [["a", "say \"hi\"", "b\\", None], [], None, ["\\N", "", "a,b", "[x]"], ["中", "😀", "'"], ["tab\tline\n"]]
    found = [
        lambda n: Table(n, [identity(), *scalars()], "PRIMARY KEY(id)", buckets="HASH(id) BUCKETS 3"),
        lambda n: Table(n, [identity(), *scalars()], "DUPLICATE KEY(id)"),
        lambda n: Table(n, [identity(), *scalars()], "UNIQUE KEY(id)"),
        lambda n: Table(n, [identity(), *scalars(nullable=False)], "DUPLICATE KEY(id)"),
        lambda n: Table(n, [identity(), ("s", "BIGINT SUM", True, lambda r: "NULL" if r % 7 == 0 else str(r * 3)), ("d", "DECIMAL(20,4) SUM", True, lambda r: f"{r}.1234"),
                            ("hi", "INT MAX", True, lambda r: str(r)), ("lo", "DATE MIN", True, lambda r: "'2024-01-01'"), text("last", "REPLACE"),
                            text("kept", "REPLACE_IF_NOT_NULL", 7)], "AGGREGATE KEY(id)"),
        lambda n: Table(n, [identity(), text("a"), text("b", step=5), text("c", step=7, kind="STRING")], "DUPLICATE KEY(id)"),
        lambda n: Table(n, [text("only")], "DUPLICATE KEY(`only`)"),
        lambda n: Table(n, [day(), identity(), text()], "DUPLICATE KEY(`dt`, `id`)", range_parts, "HASH(id) BUCKETS 2"),
        lambda n: Table(n, [identity("INT"), day("dt"), text()], "PRIMARY KEY(id, dt)", range_parts),
        lambda n: Table(n, [identity(), ("a", "ARRAY<INT>", True, lambda r: document(nth(arrays, r))),
                            ("w", "ARRAY<VARCHAR(200)>", True, lambda r: document(nth(words, r))),
                            ("n", "ARRAY<ARRAY<BIGINT>>", True, lambda r: document(nth([[[1], [], None], [], None, [[2, None]]], r)))], "DUPLICATE KEY(id)"),
        lambda n: Table(n, [identity(), ("j", "JSON", True, lambda r: document(nth([{"a": 1}, [], {}, None, {"q": "say \"hi\"", "b": "\\N", "中": "😀"},
                                                                                   {"n": 12345678901234567890, "f": 1.5, "t": True, "z": None}], r), True)), text()], "DUPLICATE KEY(id)"),
        lambda n: Table(n, [identity("INT"), ("b", "BITMAP BITMAP_UNION", True, lambda r: nth([
            "bitmap_empty()", "to_bitmap(0)", "bitmap_from_string('1,5,18446744073709551615')", "to_bitmap(4294967296)"], r)),
                            ("s", "BIGINT SUM", True, lambda r: str(r))], "AGGREGATE KEY(id)"),
        lambda n: Table(n + "_订单", [("编号", "BIGINT", False, str), ("客户 名称", "VARCHAR(2000)", True, lambda r: quoted(nth(TEXTS, r))),
                                    ("order", "INT", True, lambda r: str(r)), ("Größe", "DECIMAL(10,2)", True, lambda r: f"{r}.50"), ("select", "STRING", True, lambda r: "'值'")],
                        "PRIMARY KEY(`编号`)", comment="订单 \\\"引号\\\" it's"),
        lambda n: Table(n, [("k1", "VARCHAR(300)", False, lambda r: quoted(f"{nth(TEXTS, r) or '∅'}{r}"[-60:])), ("k2", "DATETIME", False, lambda r: "'2024-01-01 00:00:00'"),
                            ("k3", "LARGEINT", False, lambda r: str(2**100 + r)), ("v", "DOUBLE", True, lambda r: f"{r}.25")], "UNIQUE KEY(k1, k2, k3)"),
        lambda n: Table(n, [identity(), text()], "DUPLICATE KEY(id)", rows=0),
        lambda n: Table(n, [identity(), ("d", "DATETIME", True, lambda r: "NULL" if r % 3 else "'2024-10-27 02:30:00'"), ("x", "DECIMAL(38,38)", True, lambda r: f"0.{'1' * (1 + r % 38)}"),
                            ("y", "DECIMAL(38,0)", True, lambda r: str(10**37 + r))], "DUPLICATE KEY(id)",
                        tail='PROPERTIES ("replication_num" = "1", "bloom_filter_columns" = "y")'),
        lambda n: Table(n, [identity(), ("h", "HLL HLL_UNION", True, lambda r: f"hll_hash('{r}')")], "AGGREGATE KEY(id)", named="HLL"),
    ]
    found.append(lambda n: Table(n, [("k", "INT", False, str), ("hi", "BIGINT MAX", True, lambda r: str(r)), ("at", "DATETIME REPLACE", True, lambda r: "'2024-01-01 00:00:00'"),
                                     ("long", "VARCHAR(1048576) REPLACE", True, lambda r: quoted("中\"\\" * (20_000 if r == 3 else r)))], "AGGREGATE KEY(k)", rows=8))
    if release >= (3, 0):
        found += [
            lambda n: Table(n, [day(), identity(), text()], "DUPLICATE KEY(`dt`)", "PARTITION BY date_trunc('month', dt)", "HASH(id) BUCKETS 2"),
            lambda n: Table(n, [identity(), ("v", "VARBINARY", True, lambda r: nth(["unhex('00FF0A0D5C22')", "''", "NULL", "unhex('61626364')", "unhex('5C4E')", "unhex('0102')"], r))],
                            "DUPLICATE KEY(id)")]
    if release >= (3, 1):
        found += [
            lambda n: Table(n, [identity(), text(), day("at", "DATETIME")], "DUPLICATE KEY(id)", buckets="RANDOM BUCKETS 2"),
            lambda n: Table(n, [day("dt", "DATETIME"), identity(), text()], "DUPLICATE KEY(`dt`)", "PARTITION BY date_trunc('day', dt)", "RANDOM BUCKETS 1"),
            lambda n: Table(n, [("city", "VARCHAR(60)", False, lambda r: f"'{nth(['北京', 'Köln', 'a b', 'x'], r)}'"), identity(), text()], "DUPLICATE KEY(city)", "PARTITION BY (city)"),
            lambda n: Table(n, [identity(), ("city", "VARCHAR(60)", False, lambda r: f"'{nth(['北京', 'Köln', 'x'], r)}'"), text()], "PRIMARY KEY(id, city)",
                            "PARTITION BY LIST(city) (PARTITION pc VALUES IN ('北京'), PARTITION pw VALUES IN ('Köln', 'x'))"),
            lambda n: Table(n, [identity(), ("m", "MAP<VARCHAR(60),INT>", True, lambda r: document(nth([{"a": 1, "say \"x\"": None}, {}, None, {"中\\N": -5}], r))),
                                ("s", "STRUCT<x INT, y VARCHAR(60)>", True, lambda r: document(nth([{"x": 1, "y": "say \"hi\""}, None, {"x": None, "y": "\\N"}, {"x": 0, "y": ""}], r)))],
                            "DUPLICATE KEY(id)"),
            lambda n: Table(n, [identity(), ("m", "MAP<INT,ARRAY<VARCHAR(20)>>", True, lambda r: document(nth([{"7": ["x,y"]}, None, {"1": []}], r))),
                                ("s", "STRUCT<a ARRAY<INT>, b STRUCT<c DATE, d VARCHAR(9)>>", True,
                                 lambda r: document(nth([{"a": [1, 2], "b": {"c": "2024-01-01", "d": "中"}}, None], r)))], "DUPLICATE KEY(id)"),
            lambda n: Table(n, [("a", "INT", False, lambda r: str(r % 3)), ("b", "VARCHAR(20)", False, lambda r: f"'{nth(['北', 'x'], r)}'"), identity()], "DUPLICATE KEY(a, b)",
                            "PARTITION BY LIST(a, b) (PARTITION p1 VALUES IN (('0', '北'), ('1', '北'), ('2', '北')), PARTITION p2 VALUES IN (('0', 'x'), ('1', 'x'), ('2', 'x')))"),
        ]
    return found


def warehouse(release, count):
    """`count` tables: the kinds in turn, and one with 55 M counted rows and a text key."""
    made = kinds(release)
    found = [made[number % len(made)](f"t{number:03}") for number in range(count - 1)]
    return found + [Table("counted", [("code", "VARCHAR(40)", False, lambda r: f"'code-{r:05}'"), identity(), text()], "DUPLICATE KEY(code)",
                          buckets="HASH(code) BUCKETS 8", rows=500, counts=110_000)]
