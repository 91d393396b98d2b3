"""The JSON format: one object, objects one after another, or an array; json_root, jsonpaths, strip_outer_array."""

import json

from .readers.common import Filtered
from .nested import DOCUMENTS


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


def documents(parts, strip, rooted):
    """The documents of a body. Its first byte that is no blank says what it is: an array needs `strip_outer_array`, objects do not. With `json_root` it is the root's value that is stripped."""
    try:
        whole = b"".join(parts).decode()
    except UnicodeDecodeError:
        raise Malformed("Failed to parse json as documents. error: The input is not valid UTF-8") from None
    first = whole.lstrip(" \t\r\n")[:1]
    if not first:
        return
    if first == "[" and not strip:
        raise Malformed("The value is array type in json document stream, you can set strip_outer_array=true")
    if first == "{" and strip and not rooted:
        raise Malformed("The value is object type in json document stream, you can set strip_outer_array=false")
    if first not in "[{":
        raise Malformed("The value should be array or object type in json document stream")
    at, escapes = 0, "\\u" in whole
    while True:
        while at < len(whole) and whole[at] in " \t\r\n,":
            at += 1
        if at >= len(whole):
            return
        try:
            value, at = DOCUMENTS.raw_decode(whole, at)
            if escapes:
                # Half a surrogate pair is no text.
                json.dumps(value, ensure_ascii=False).encode()
        except ValueError:
            raise Malformed("Failed to parse json as documents. error: The JSON document has an improper structure") from None
        yield value


def rows(parts, names, headers):
    """(values as parsed or `Filtered`, raw) of every object, in the order of `names`. Keys match names case and all."""
    root = path(headers.get("json_root", ""))
    paths = [path(item) for item in json.loads(headers["jsonpaths"])] if headers.get("jsonpaths") else None
    strip = headers.get("strip_outer_array", "").lower() == "true"
    for value in documents(parts, strip, bool(root)):
        for item in value if isinstance(value, list) else [value]:
            if root:
                item = walk(item, root)
            for each in item if root and strip and isinstance(item, list) else [item]:
                raw = json.dumps(each, ensure_ascii=False)
                if not isinstance(each, dict):
                    yield Filtered(), raw
                elif paths:
                    yield [walk(each, steps) for steps in paths], raw
                else:
                    yield [each.get(name) for name in names], raw
