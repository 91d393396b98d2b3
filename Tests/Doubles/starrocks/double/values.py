"""Turns a field of a load into the text that MariaDB stores, or says why it cannot be stored."""

import base64
import datetime
import json
import math
import re
import struct
from decimal import Decimal, InvalidOperation, ROUND_HALF_UP

from .catalog import NESTED, OPAQUE
from .nested import DOCUMENTS, Misshapen, Number, from_csv, from_json, stored



RANGES = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63, "LARGEINT": 127}
INTEGER = re.compile(r"\s*[+-]?\d+\s*\Z")
MOMENT = re.compile(
    r"\s*(\d{4}|\d{2})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?(?:Z)?\s*\Z")
COMPACT = re.compile(r"\s*(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?\s*\Z")


class Unfit(ValueError):
    """The value cannot become the column's type: NULL in a lenient load, a filtered row in a strict one."""


def integer(base):
    bits = RANGES[base]
    low, high = -(1 << bits), (1 << bits) - 1

    def convert(text):
        if INTEGER.match(text):
            number = int(text)
        else:
            number = cut(text, base)
        if not low <= number <= high:
            raise Unfit(f"Type: {base}")
        return str(number)

    return convert


def cut(text, base):
    """A number with fraction or exponent, cut toward zero. BIGINT and LARGEINT go through DECIMAL(27,9) and 64 bits."""
    try:
        number = Decimal(text.strip())
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise Unfit(f"Type: {base}") from None
    if base not in ("BIGINT", "LARGEINT"):
        return int(float(number)) if number.adjusted() < 40 else 1 << 200
    if number.adjusted() >= 18:
        raise Unfit(f"Type: {base}")
    return int(number)


def boolean(text):
    word = text.strip().lower()
    if word in ("true", "false"):
        return "1" if word == "true" else "0"
    if INTEGER.match(word):
        return "1" if int(word) else "0"
    raise Unfit("Type: BOOLEAN")


def floating(single):
    name = "FLOAT" if single else "DOUBLE"

    def convert(text):
        try:
            number = float(text)
        except ValueError:
            raise Unfit(f"Type: {name}") from None
        if not math.isfinite(number):
            raise Unfit(f"Type: {name}")
        if single:
            try:
                packed = struct.pack("<f", number)
            except OverflowError:
                raise Unfit(f"Type: {name}") from None
            for digits in range(6, 10):
                shown = f"{number:.{digits}g}"
                if struct.pack("<f", float(shown)) == packed:
                    return shown
        return repr(number)

    return convert


def decimal(precision, scale):
    quantum, limit = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
    from decimal import Context
    context = Context(prec=120)

    def convert(text):
        try:
            number = Decimal(text.strip())
            if not number.is_finite():
                raise InvalidOperation
            number = number.quantize(quantum, rounding=ROUND_HALF_UP, context=context)
        except InvalidOperation:
            raise Unfit(f"Type: DECIMAL({precision},{scale})") from None
        # abs() would round to the 28 digits of the default context.
        if number.copy_abs() >= limit:
            raise Unfit(f"Type: DECIMAL({precision},{scale})")
        return format(number, "f")

    return convert


def moment(with_time):
    name = "DATETIME" if with_time else "DATE"

    def convert(text):
        match = MOMENT.match(text) or COMPACT.match(text)
        if not match:
            raise Unfit(f"Type: {name}")
        part = match.groups()
        year, month, day = int(part[0]), int(part[1]), int(part[2])
        if len(part[0]) == 2:
            year += 2000 if year < 70 else 1900
        hour, minute, second = (int(value or 0) for value in part[3:6])
        try:
            # Year 0 is in StarRocks' range and a leap year; Python's calendar begins at 1.
            datetime.datetime(year or 4, month, day, hour, minute, second)
        except ValueError:
            raise Unfit(f"Type: {name}") from None
        date = f"{year:04d}-{month:02d}-{day:02d}"
        if not with_time:
            return date
        fraction = (part[6] or "")[:6].ljust(6, "0") if len(part) > 6 else "000000"
        return f"{date} {hour:02d}:{minute:02d}:{second:02d}.{fraction}"

    return convert


def string(kind, length):
    def convert(text):
        if len(text) * 4 > length:
            size = len(text.encode("utf-8", "surrogateescape"))
            if size > length:
                raise Unfit(f"String '{text[:64]}'(length={size}) is too long. The max length of '%s' is {length}")
        return text

    return convert


def document(text):
    """JSON as StarRocks prints it: a blank after colon and comma. A bare word, NaN and half a surrogate pair do not fit."""
    try:
        shown = json.dumps(json.loads(text, parse_constant=_refuse), ensure_ascii=False)
        shown.encode()
    except ValueError:
        raise Unfit("Type: JSON") from None
    return shown


def _refuse(word):
    raise ValueError(word)


def binary(text):
    """VARBINARY of the newer source: Base64 is tried first, the bytes are taken as they are only where that fails."""
    data = text.encode("utf-8", "surrogateescape")
    if not data.strip():
        return ""
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return text


def nested_reader(kind, profile, strict):
    """A function from a CSV field to a nested value. Doris reads JSON's grammar."""
    def convert(text):
        try:
            if profile.is_doris:
                return from_json(DOCUMENTS.decode(text), kind, lambda inner: scalar(inner, profile))
            return from_csv(text, kind, lambda inner: scalar(inner, profile), strict)
        except (Misshapen, ValueError):
            raise Unfit(f"Type: {kind.text or kind.base}") from None

    return convert


def nested(kind, profile, strict):
    """A nested value of a CSV field, as it is stored."""
    read = nested_reader(kind, profile, strict)
    return lambda text: stored(read(text), kind)


def cast(kind, profile):
    """A function from the text of an expression's result to what is stored."""
    if kind.base in NESTED:
        def convert(text):
            try:
                return stored(from_json(DOCUMENTS.decode(text), kind, lambda inner: scalar(inner)), kind)
            except (Misshapen, ValueError):
                raise Unfit(f"Type: {kind.text}") from None

        return convert
    return scalar(kind)


def from_document(kind, profile):
    """A function from a value of a JSON load to what is stored: numbers natively, texts as they are, the others by text and CAST."""
    def convert(value):
        if kind.base in NESTED:
            try:
                return stored(from_json(value, kind, lambda inner: scalar(inner)), kind)
            except Misshapen:
                raise Unfit(f"Type: {kind.text}") from None
        if kind.base == "JSON":
            return json.dumps(value, ensure_ascii=False)
        return by_text(told(value, kind.base))

    by_text = None if kind.base in NESTED else scalar(kind)
    return convert


def told(value, base=""):
    """A JSON value as text: a number by its own digits, a document without blanks."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Number):
        return value.text
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def converter(kind, profile, strict):
    """A function from the text of a CSV field to what is stored; NULL never reaches it."""
    return nested(kind, profile, strict) if kind.base in NESTED else scalar(kind, profile)


def scalar(kind, profile=None):
    """A function from text to text for a type that is not nested."""
    if kind.base in RANGES:
        return integer(kind.base)
    if kind.base == "BOOLEAN":
        return boolean
    if kind.base in ("FLOAT", "DOUBLE"):
        return floating(kind.base == "FLOAT")
    if kind.base == "DECIMAL":
        return decimal(kind.length, kind.scale)
    if kind.base in ("DATE", "DATETIME"):
        return moment(kind.base == "DATETIME")
    if kind.base in ("CHAR", "VARCHAR"):
        return string(kind.base, kind.length)
    if kind.base == "STRING":
        return string("STRING", 65_533)
    if kind.base == "VARBINARY" and profile and profile.base64_first:
        return binary
    if kind.base == "VARBINARY":
        return string("VARBINARY", 1_048_576)
    if kind.base == "JSON":
        return document
    if kind.base in OPAQUE:
        return lambda text: text
    raise Unfit(f"no type {kind.base}")
