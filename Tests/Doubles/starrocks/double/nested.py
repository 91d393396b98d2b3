"""ARRAY, MAP and STRUCT: their types, the CSV grammar that loads read, and the form in which the SQL port prints them.

Values are lists, dictionaries (a MAP's keys are texts as they are printed) and texts of the scalar types; None is NULL.
"""

import json
import re

from .catalog import NESTED, Type

QUOTED = ("CHAR", "VARCHAR", "STRING", "DATE", "DATETIME", "VARBINARY")


def parts(text):
    """The pieces of `text` between commas outside of angle and round brackets."""
    found, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        if sign in "<(":
            depth += 1
        elif sign in ">)":
            depth -= 1
        elif sign == "," and not depth:
            found.append(text[start:place])
            start = place + 1
    return [piece.strip() for piece in found + [text[start:]]]


def inner(kind):
    """Types within a nested type: one of an ARRAY, two of a MAP, (name, type) of a STRUCT's fields."""
    if kind.inner is None:
        body = kind.text[kind.text.index("<") + 1 : kind.text.rindex(">")]
        pieces = parts(body)
        if kind.base == "STRUCT":
            kind.inner = []
            for piece in pieces:
                name, _, told = re.sub(r"^(`[^`]+`|[^\s:]+)\s*:?\s*", r"\1:", piece).partition(":")
                kind.inner.append((name.strip("`"), read(told)))
        else:
            kind.inner = [read(piece) for piece in pieces]
    return kind.inner


def read(text):
    """A type from its text."""
    text = text.strip()
    match = re.match(r"(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?", text)
    base = match[1].upper()
    base = {"INTEGER": "INT", "BOOL": "BOOLEAN", "DECIMALV3": "DECIMAL", "DECIMAL32": "DECIMAL", "DECIMAL64": "DECIMAL",
            "DECIMAL128": "DECIMAL", "TEXT": "STRING", "JSONB": "JSON"}.get(base, base)
    length, scale = int(match[2] or 0), int(match[3] or 0)
    if base == "DECIMAL" and not length:
        length = 10
    elif base in ("CHAR", "VARCHAR") and not length:
        length = 1 if base == "CHAR" else 1_048_576
    return Type(base, length, scale, text if base in NESTED else "")


class Number(float):
    """A float that remembers how it was written: a DECIMAL(38) has more digits than a double."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number


def _no_number(text):
    raise ValueError(f"{text} is not JSON")


DECODER = json.JSONDecoder(parse_float=Number, parse_constant=_no_number, strict=False)
"""`strict=False`: what the double stored itself may hold any character."""
DOCUMENTS = json.JSONDecoder(parse_float=Number, parse_constant=_no_number)


class Misshapen(Exception):
    """The text is not of the grammar."""


def split(text, opening, closing, marks):
    """Pieces between `marks` within the outer brackets, with the mark that ended each; quotes and inner brackets are heeded."""
    if len(text) < 2 or text[0] != opening or text[-1] != closing:
        raise Misshapen
    body = text[1:-1]
    if not body:
        return []
    found, quoted, depth, start = [], False, 0, 0
    for match in re.finditer(r'["\[\]{},:]', body):
        sign = match[0]
        if sign == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif sign == opening:
            depth += 1
        elif sign == closing:
            depth -= 1
        elif sign in marks and not depth:
            found.append((body[start : match.start()], sign))
            start = match.end()
    if quoted or depth:
        raise Misshapen
    return found + [(body[start:], "")]


def from_csv(text, kind, scalar, strict, level=1):
    """A nested value from a CSV field. `scalar(type)` converts a text, raising `ValueError`. Backslashes are no escapes."""
    if kind.base == "ARRAY":
        element = inner(kind)[0]
        return [_element(piece, element, scalar, strict) for piece, _ in split(text, "[", "]", ",")]
    if kind.base == "MAP":
        key, value = inner(kind)
        pieces = split(text, "{", "}", ":,")
        if len(pieces) % 2 or any(not piece or sign != (":", ",")[place % 2] and place != len(pieces) - 1
                                  for place, (piece, sign) in enumerate(pieces)):
            raise Misshapen
        pairs = dict(zip((piece for piece, _ in pieces[::2]), (piece for piece, _ in pieces[1::2])))
        return {_element(a, key, scalar, strict): _element(b, value, scalar, strict) for a, b in pairs.items()}
    # The only converter that there is reads Hive's form: fields between \x02, no names, no quotes.
    fields, pieces = inner(kind), text.split(chr(1 + level))
    if len(pieces) != len(fields):
        raise Misshapen
    found = {}
    for piece, (name, told) in zip(pieces, fields):
        if piece == "\\N":
            found[name] = None
        elif told.base in NESTED:
            found[name] = from_csv(piece, told, scalar, strict, level + 1)
        else:
            found[name] = scalar(told)(piece)
    return found


def _element(piece, kind, scalar, strict):
    """`null` is NULL; texts and dates stand in quotes, a quote inside is doubled. A lenient load makes NULL of what does not fit."""
    if piece == "null":
        return None
    try:
        if kind.base in NESTED:
            return from_csv(piece, kind, scalar, strict)
        if kind.base in QUOTED:
            if len(piece) < 2 or piece[0] != '"' or piece[-1] != '"':
                raise Misshapen
            piece = re.sub('""?', '"', piece[1:-1])
        return scalar(kind)(piece)
    except (Misshapen, ValueError):
        if strict:
            raise Misshapen from None
        return None


def from_json(value, kind, scalar):
    """A nested value from a parsed document: scalars by text and CAST, which gives NULL where it fails."""
    if value is None:
        return None
    if kind.base == "ARRAY":
        if not isinstance(value, list):
            raise Misshapen
        element = inner(kind)[0]
        return [from_json(item, element, scalar) for item in value]
    if kind.base in NESTED:
        if not isinstance(value, dict):
            raise Misshapen
        if kind.base == "STRUCT":
            return {name: from_json(value.get(name), told, scalar) for name, told in inner(kind)}
        key, told = inner(kind)
        return {from_json(a, key, scalar): from_json(b, told, scalar) for a, b in value.items()}
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (str, float)):
        text = getattr(value, "text", value) if isinstance(value, float) else value
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return scalar(kind)(str(text))
    except ValueError:
        return None


def stored(value, kind):
    """As MariaDB keeps it: JSON, a number with the digits that it has."""
    if value is None:
        return "null"
    if kind.base == "ARRAY":
        element = inner(kind)[0]
        return "[" + ",".join(stored(item, element) for item in value) + "]"
    if kind.base == "MAP":
        key, told = inner(kind)
        pairs = (f"{json.dumps('null' if a is None else a, ensure_ascii=False)}: {stored(b, told)}" for a, b in value.items())
        return "{" + ", ".join(pairs) + "}"
    if kind.base == "STRUCT":
        return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {stored(value.get(name), told)}" for name, told in inner(kind)) + "}"
    if kind.base in QUOTED:
        return json.dumps(value, ensure_ascii=False)
    if kind.base == "BOOLEAN":
        return "true" if value == "1" else "false"
    return value


def printed(value, kind):
    """A parsed document as the SQL port prints it: a backslash before `"` and backslash, nothing else is escaped."""
    if value is None:
        return "null"
    if kind.base == "ARRAY":
        element = inner(kind)[0]
        return "[" + ",".join(printed(item, element) for item in value) + "]"
    if kind.base == "MAP":
        key, told = inner(kind)
        return "{" + ",".join(f"{printed(a, key)}:{printed(b, told)}" for a, b in value.items()) + "}"
    if kind.base == "STRUCT":
        return "{" + ",".join(f'"{name}":{printed(value.get(name), told)}' for name, told in inner(kind)) + "}"
    if kind.base in QUOTED:
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_printed(kind):
    """A function from the stored bytes to the printed ones."""
    def convert(data):
        try:
            return printed(DECODER.decode(data.decode("utf-8", "surrogateescape")), kind).encode("utf-8", "surrogateescape")
        except (ValueError, AttributeError, TypeError):
            return data

    return convert
