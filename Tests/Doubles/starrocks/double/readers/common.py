"""What the readers share: their options, rows that are filtered, and headers as bytes."""

from dataclasses import dataclass


class Unusable(Exception):
    """A header that cannot be used."""


class LineTooLong(Exception):
    """`CSV line length exceed limit`: the load fails."""


class TooFewLines(Exception):
    """Fewer lines than `skip_header` says: the load fails."""


class Filtered:
    """Why a row is not loaded: its number of columns, or its encoding where `count` is None."""

    __slots__ = ("count",)

    def __init__(self, count=None):
        self.count = count


BAD_ENCODING = Filtered()


@dataclass
class Options:
    column: bytes
    row: bytes
    width: int
    """Columns that a row must have."""
    enclose: bytes = b"\0"
    escape: bytes = b"\0"
    """Bytes of headers that were not sent are 0, and compared like any other by the readers with `enclose`."""
    trim_space: bool = False
    skip: int = 0
    trim_double_quotes: bool = False
    keep_carriage_return: bool = False
    mark_every: int = 0
    """Doris: a byte order mark is dropped at the front of each block of so many rows; 0: of the body only."""


def separator(text, name):
    """The bytes of a separator header; `\\x0D0A` is hex, `\\t` and `\\n` are themselves."""
    if text.lower().startswith(("\\x", "0x")):
        try:
            data = bytes.fromhex(text[2:])
        except ValueError:
            raise Unusable(f"Invalid {name}: {text}") from None
    else:
        data = text.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r").encode("utf-8", "surrogateescape")
    if not data:
        raise Unusable(f"Invalid {name}: {text}")
    if len(data) > 50:
        raise Unusable(f"{name} length exceed limit 50")
    return data


def single(text, name):
    """The byte of `enclose` or `escape`."""
    if not text:
        return b"\0"
    data = separator(text, name)
    if len(data) != 1:
        raise Unusable(f"{name} length should be 1 byte: {text}")
    return data


def flag(headers, name):
    return headers.get(name, "").strip().lower() == "true"


def options(headers, width, doris=False, session=None, mark_every=0):
    """`headers` are those that the interface reads, by their names in lower case."""
    skip = headers.get("skip_lines" if doris else "skip_header") or "0"
    if not skip.isdigit():
        raise Unusable(f"Invalid csv load parameter skip_header: {skip}")
    return Options(
        separator(headers.get("column_separator", "\\t"), "column_separator"),
        separator(headers.get("line_delimiter" if doris else "row_delimiter", "\\n"), "row_delimiter"),
        width, single(headers.get("enclose", ""), "enclose"), single(headers.get("escape", ""), "escape"),
        not doris and flag(headers, "trim_space"), int(skip), doris and flag(headers, "trim_double_quotes"),
        flag(session or {}, "keep_carriage_return"), mark_every if doris else 0)


def is_text(row):
    try:
        row.decode()
    except UnicodeDecodeError:
        return False
    return True


def lines(parts, delimiter, skip, strict, drop=b""):
    """Rows cut at each first delimiter; what follows the last one is a row, too. `strict`: skipped lines must be there.
    `drop` is taken off where it stands before a delimiter."""
    rest = b""
    for part in parts:
        found = (rest + part).split(delimiter)
        rest = found.pop()
        if skip:
            gone = min(skip, len(found))
            skip -= gone
            del found[:gone]
        if drop:
            found = [line.removesuffix(drop) for line in found]
        yield from found
    if rest:
        if skip:
            skip -= 1
        else:
            yield rest
    if skip and strict:
        raise TooFewLines()
