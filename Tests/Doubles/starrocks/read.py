#!/usr/bin/env python3
"""The double's CSV readers without a server: JSON lines in, JSON lines out. README.md says what the fields are."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from double import nested, values
from double.profile import PROFILES
from double.readers import READERS, Interface
from double.readers.common import Filtered, LineTooLong, TooFewLines, Unusable, flag, options


def chosen(asked):
    """(reader, headers that it sees, profile)."""
    headers = {name.lower(): value for name, value in asked["headers"].items()}
    transaction = asked.get("interface", "stream_load") == "transaction"
    if "reader" not in asked:
        profile = PROFILES[asked["profile"]]
        return *profile.interface(transaction).choose(headers), profile
    reader = asked["reader"]
    doris = reader.startswith("doris")
    if doris:
        return reader, headers, PROFILES["doris"]
    enclose = "" if transaction or reader == "starrocks-plain" else reader
    _, seen = Interface("starrocks-plain", enclose, extras=not transaction).choose(headers)
    return reader, seen, PROFILES["4.1" if reader.endswith("-b") else "3.3"]


def shown(value):
    """Hex of a text's bytes; a list of an ARRAY and a STRUCT, pairs of a MAP."""
    if value is None:
        return None
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return [[shown(key), shown(item)] for key, item in value.items()]
    return value.encode("utf-8", "surrogateescape").hex()


def converters(columns, profile, strict):
    found = []
    for text in columns:
        kind = nested.read(text)
        if kind.base in ("MAP", "STRUCT") and not (profile.nested_csv or profile.is_doris):
            raise Unusable(f"Unsupported CSV type {text}")
        make = values.nested_reader if kind.base in nested.NESTED else lambda kind, profile, _: values.scalar(kind, profile)
        found.append(make(kind, profile, strict))
    return found


def read(asked, pieces=None):
    """The answer to one line of input. `pieces` are the body's parts, as an iterable, instead of `body_hex`."""
    try:
        return _read(asked, pieces if pieces is not None else [bytes.fromhex(asked["body_hex"])])
    except LineTooLong:
        return {"rows": [], "filtered": [], "fail": "line too long"}
    except (TooFewLines, Unusable) as problem:
        return {"rows": [], "filtered": [], "fail": str(problem) or "too few lines"}


def _read(asked, pieces):
    reader, seen, profile = chosen(asked)
    columns = asked["columns"]
    width = columns if isinstance(columns, int) else len(columns)
    strict = flag(seen, "strict_mode")
    convert = None if isinstance(columns, int) else converters(columns, profile, strict)
    told = options(seen, width, profile.is_doris, asked.get("session"), profile.doris_mark_every)
    rows, filtered = [], []
    for fields, _ in READERS[reader](pieces, told):
        if isinstance(fields, Filtered):
            filtered.append("invalid UTF-8" if fields.count is None else f"column count: expected {width}, got {fields.count}")
        elif convert is None:
            rows.append([None if field is None else field.hex() for field in fields])
        else:
            row = typed(fields, convert, strict)
            if isinstance(row, int):
                filtered.append(f"value does not fit the type of column {row}")
            else:
                rows.append(row)
    return {"rows": rows, "filtered": filtered, "fail": None}


def typed(fields, convert, strict):
    """The converted row, or the number of the column whose type the value does not fit."""
    row = []
    for number, (field, make) in enumerate(zip(fields, convert), 1):
        if field is not None:
            try:
                field = make(field.decode("utf-8", "surrogateescape"))
            except ValueError:
                if strict:
                    return number
                field = None
        row.append(shown(field))
    return row


def main():
    for line in sys.stdin:
        if line.strip():
            asked = json.loads(line)
            answer = read(asked)
            if "id" in asked:
                answer = {"id": asked["id"], **answer}
            print(json.dumps(answer, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
