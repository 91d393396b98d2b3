"""The JSON format: one object, objects one after another, or an array; json_root, jsonpaths, strip_outer_array."""

import json

from .readers.common import Filtered
from .values import Number

LIMIT = 100 * 1024 * 1024


_DECODER = json.JSONDecoder(parse_float=Number)


class Malformed(Exception):
    """The body is not what the headers say."""


def path(text):
    """`$.a.b[0]` as steps."""
    steps = []
    for piece in text.strip().lstrip("$").strip(".").replace("[", ".[").split("."):
        if piece:
            steps.append(int(piece[1:-1]) if piece.startswith("[") else piece.strip('"'))
    return steps


def walk(value, steps):
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return None
    return value


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Number):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def documents(parts, ignore_size, limit=LIMIT):
    data = b"".join(parts)
    if len(data) > limit and not ignore_size:
        raise Malformed(
            f"The size of this batch exceed the max size [{limit}]  of json type data  data [ {len(data)} ]. "
            "Set ignore_json_size to skip the check, although it may lead huge memory consuming.")
    whole = data.decode("utf-8", "replace")
    at = 0
    while True:
        while at < len(whole) and whole[at] in " \t\r\n,":
            at += 1
        if at >= len(whole):
            return
        try:
            value, at = _DECODER.raw_decode(whole, at)
        except ValueError:
            raise Malformed("Failed to parse json as documents. error: The JSON document has an improper structure") from None
        yield value


def rows(parts, names, headers):
    """(fields, raw) of every object, in the order of `names`."""
    root = path(headers.get("json_root", ""))
    paths = [path(item) for item in json.loads(headers["jsonpaths"])] if headers.get("jsonpaths") else None
    strip = headers.get("strip_outer_array", "").lower() == "true"
    for value in documents(parts, headers.get("ignore_json_size", "").lower() == "true"):
        if root:
            value = walk(value, root)
        if isinstance(value, list):
            if not strip and not root:
                raise Malformed("The value is array type in json document stream, you can set strip_outer_array=true")
            objects = value
        else:
            if strip:
                raise Malformed("The value is object type in json document stream, you can set strip_outer_array=false")
            objects = [value]
        for item in objects:
            raw = json.dumps(item, ensure_ascii=False)
            if not isinstance(item, dict):
                yield Filtered(), raw
            elif paths:
                yield [text(walk(item, steps)) for steps in paths], raw
            else:
                folded = {key.lower(): found for key, found in item.items()}
                yield [text(folded.get(name.lower())) for name in names], raw
