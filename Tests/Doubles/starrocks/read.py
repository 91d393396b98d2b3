#!/usr/bin/env python3
"""The double's CSV readers without a server: JSON lines in, JSON lines out. README.md says what the fields are."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from double import functions, jsonrows, nested, plan, values
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
    strict = flag(seen, "strict_mode")
    if "names" in asked:
        sources, steps = steps_of(asked["names"], columns, seen, profile, strict)
    else:
        width = columns if isinstance(columns, int) else len(columns)
        sources, steps = [None] * width, None if isinstance(columns, int) else list(enumerate(converters(columns, profile, strict)))
    width = len(sources)
    rows, filtered = [], []
    for fields in lines(reader, seen, pieces, sources, asked, profile):
        if isinstance(fields, Filtered):
            filtered.append("invalid UTF-8" if fields.count is None else f"column count: expected {width}, got {fields.count}")
        elif steps is None:
            rows.append([None if field is None else field.hex() for field in fields])
        else:
            row = typed(fields, steps, strict)
            if isinstance(row, int):
                filtered.append(f"value does not fit the type of column {row}")
            else:
                rows.append(row)
    return {"rows": rows, "filtered": filtered, "fail": None}


def lines(reader, seen, pieces, sources, asked, profile):
    if seen.get("format", "csv").lower() == "json":
        try:
            yield from (fields for fields, _ in jsonrows.rows(pieces, sources, seen))
        except jsonrows.Malformed as problem:
            raise Unusable(str(problem)) from None
        return
    told = options(seen, len(sources), profile.is_doris, asked.get("session"), profile.doris_mark_every)
    for fields, _ in READERS[reader](pieces, told):
        yield fields


def steps_of(names, columns, seen, profile, strict):
    """(names of the file's columns, for each of the table's where it comes from and a function): with `columns`, and for JSON."""
    listed = plan.pieces(seen.get("columns", "")) or list(names)
    made = dict(piece.split("=", 1) for piece in listed if "=" in piece)
    made = {plan.named(name): text.strip() for name, text in made.items()}
    sources = [plan.named(piece) for piece in listed if "=" not in piece]
    steps = []
    for name, text in zip(names, columns, strict=True):
        kind = nested.read(text)
        if name not in made:
            if seen.get("format", "").lower() == "json":
                make = structured(kind, values.from_document(kind, profile))
            else:
                make, = converters([text], profile, strict)
            steps.append((sources.index(name), make))
            continue
        why = functions.refusal(made[name], profile)
        if why:
            raise Unusable(why)
        inner = re.sub(r"(?is)^CAST\s*\((.*)\s+AS\s.*\)$", r"\1", made[name]).strip()
        match = re.fullmatch(r"(?is)(?:(unhex|to_binary|parse_json|bitmap_from_string)\s*\()?\s*`?([^`(),]+)`?\s*(?:,\s*'hex'\s*)?\)?", inner)
        if not match:
            raise Unusable(f"read.py cannot compute {made[name]}")
        steps.append((sources.index(match[2].strip()), computed((match[1] or "").lower(), structured(kind, values.cast(kind, profile)))))
    return sources, steps


def structured(kind, make):
    """Nested values as structures instead of the stored text."""
    if kind.base not in nested.NESTED:
        return make
    return lambda value: nested.from_json(nested.DECODER.decode(make(value)), kind, lambda inner: values.scalar(inner))


def computed(function, make):
    def convert(text):
        if function in ("unhex", "to_binary"):
            text = bytes.fromhex(text).decode("utf-8", "surrogateescape")
        elif function == "bitmap_from_string":
            text = ",".join(map(str, sorted({int(number) for number in text.split(",")} if text else ())))
        return make(text)

    return convert


def typed(fields, steps, strict):
    """The converted row, or the number of the column whose type the value does not fit."""
    row = []
    for number, (place, make) in enumerate(steps, 1):
        field = fields[place]
        if field is not None:
            try:
                field = make(field.decode("utf-8", "surrogateescape") if isinstance(field, bytes) else field)
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
