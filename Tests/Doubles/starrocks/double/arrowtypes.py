"""StarRocks' types as Arrow's, and MariaDB's texts as what pyarrow takes. Only `scan_server.py` imports it, which has pyarrow."""

import json
from decimal import Context, Decimal

import pyarrow as pa


def nested_parts(text):
    """`ARRAY<INT>`: (base, [(name or None, inner text)])."""
    base, _, rest = text.strip().partition("<")
    inner = rest.strip()[:-1]
    parts, depth, last = [], 0, 0
    for at, sign in enumerate(inner + ","):
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            parts.append(inner[last:at].strip())
            last = at + 1
    base = base.strip().upper()
    if base != "STRUCT":
        return base, [(None, part) for part in parts]
    named = []
    for part in parts:
        name, _, kind = part.replace(":", " ", 1).partition(" ") if not part.startswith("`") else part[1:].partition("`")
        named.append((name, kind.lstrip(" :").split(" COMMENT ")[0]))
    return base, named


def scalar_of(text):
    """(base, length, scale) of a scalar type as it was written."""
    base, _, rest = text.strip().upper().partition("(")
    numbers = [int(one) for one in rest.rstrip(") ").split(",") if one.strip().isdigit()]
    base = base.strip()
    base = {"INTEGER": "INT", "STRING": "VARCHAR", "TEXT": "VARCHAR", "BOOL": "BOOLEAN", "DECIMALV3": "DECIMAL", "DECIMAL32": "DECIMAL",
            "DECIMAL64": "DECIMAL", "DECIMAL128": "DECIMAL", "DATETIMEV2": "DATETIME", "DATEV2": "DATE"}.get(base, base)
    if base == "DECIMAL" and not numbers:
        numbers = [10, 0]
    return base, numbers[0] if numbers else 0, numbers[1] if len(numbers) > 1 else 0


def arrow_type(base, length, scale, text=""):
    simple = {"BOOLEAN": pa.bool_(), "TINYINT": pa.int8(), "SMALLINT": pa.int16(), "INT": pa.int32(), "BIGINT": pa.int64(),
              "FLOAT": pa.float32(), "DOUBLE": pa.float64(), "VARBINARY": pa.binary()}.get(base)
    if simple is not None:
        return simple
    if base == "DECIMAL":
        return pa.decimal128(length, scale) if length <= 38 else pa.decimal256(length, scale)
    if base in ("ARRAY", "MAP", "STRUCT"):
        _, parts = nested_parts(text)
        inner = [(name, arrow_of(kind)) for name, kind in parts]
        if base == "ARRAY":
            return pa.list_(inner[0][1])
        return pa.map_(inner[0][1], inner[1][1]) if base == "MAP" else pa.struct(inner)
    return pa.utf8()


def arrow_of(text):
    base = text.strip().partition("<")[0].strip().upper()
    return arrow_type(base, 0, 0, text) if base in ("ARRAY", "MAP", "STRUCT") else arrow_type(*scalar_of(text))


def reader(base, length=0, scale=0, text=""):
    """A function from MariaDB's bytes to what pyarrow takes."""
    if base == "BOOLEAN":
        return lambda data: data not in (b"0", b"false")
    if base in ("TINYINT", "SMALLINT", "INT", "BIGINT"):
        return int
    if base in ("FLOAT", "DOUBLE"):
        return float
    if base == "DECIMAL":
        context, quantum = Context(prec=90), Decimal(1).scaleb(-scale)
        return lambda data: Decimal(data.decode()).quantize(quantum, context=context)
    if base == "VARBINARY":
        return bytes
    if base == "DATETIME":
        return lambda data: data.decode().removesuffix(".000000")
    if base in ("ARRAY", "MAP", "STRUCT"):
        return lambda data: Nested(data.decode()).read(text)
    return lambda data: data.decode("utf-8", "surrogateescape")


class Nested:
    """Reads ARRAY, MAP and STRUCT as the SQL port prints them."""

    ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

    def __init__(self, text):
        self.text, self.at = text, 0

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] in " \t\n\r":
            self.at += 1

    def accept(self, sign):
        self.skip()
        found = self.text.startswith(sign, self.at)
        self.at += found
        return found

    def expect(self, sign):
        if not self.accept(sign):
            raise ValueError(f"{sign} is missing in {self.text!r}")

    def token(self):
        """A word or a quoted text; None for null."""
        self.skip()
        mark = self.text[self.at]
        if mark in "\"'":
            out, self.at = [], self.at + 1
            while self.text[self.at] != mark:
                sign = self.text[self.at]
                if sign == "\\":
                    self.at += 1
                    sign = self.text[self.at]
                    if sign == "u":
                        sign = chr(int(self.text[self.at + 1 : self.at + 5], 16))
                        self.at += 4
                    else:
                        sign = self.ESCAPES.get(sign, sign)
                out.append(sign)
                self.at += 1
            self.at += 1
            return "".join(out)
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ",:]}":
            self.at += 1
        word = self.text[start : self.at].strip()
        return None if word.lower() == "null" else word

    def read(self, kind):
        base = kind.strip().partition("<")[0].strip().upper()
        if base not in ("ARRAY", "MAP", "STRUCT"):
            if base == "JSON":
                return self.document()
            word = self.token()
            return None if word is None else reader(*scalar_of(kind))(word.encode())
        self.skip()
        if self.text[self.at] not in "[{":
            return self.token()
        _, parts = nested_parts(kind)
        if base == "ARRAY":
            found = []
            self.expect("[")
            while not self.accept("]"):
                found.append(self.read(parts[0][1]))
                self.accept(",")
            return found
        self.expect("{")
        pairs = []
        while not self.accept("}"):
            if base == "MAP":
                key = self.read(parts[0][1])
                self.expect(":")
                pairs.append((key, self.read(parts[1][1])))
            else:
                name = self.token()
                self.expect(":")
                pairs.append((name, self.read(next(inner for other, inner in parts if other.lower() == name.lower()))))
            self.accept(",")
        if base == "MAP":
            return pairs
        given = {name.lower(): value for name, value in pairs}
        return {name: given.get(name.lower()) for name, _ in parts}

    def document(self):
        self.skip()
        value, end = json.JSONDecoder().raw_decode(self.text, self.at)
        self.at = end
        return None if value is None else json.dumps(value, ensure_ascii=False)
