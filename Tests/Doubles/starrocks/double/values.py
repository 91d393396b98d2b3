"""Turns a field of a load into the text that MariaDB stores, or says why it cannot be stored."""

import datetime
import json
import math
import re
import struct
from decimal import Decimal, InvalidOperation, ROUND_HALF_UP

from .catalog import NESTED, OPAQUE
from .nested import Misshapen, from_csv, from_json, printed



class Number(float):
    """A float that remembers how it was written: a DECIMAL(38) has more digits than a double."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number


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
    """JSON as StarRocks prints it: a blank after colon and comma."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        raise Unfit("Type: JSON") from None


def nested_reader(kind, profile, strict):
    """A function from a CSV field to a nested value. Doris reads JSON's grammar."""
    def convert(text):
        try:
            if profile.is_doris:
                return from_json(json.loads(text, parse_float=Number), kind, lambda inner: scalar(inner, profile))
            return from_csv(text, kind, lambda inner: scalar(inner, profile), strict)
        except (Misshapen, ValueError):
            raise Unfit(f"Type: {kind.text or kind.base}") from None

    return convert


def nested(kind, profile, strict):
    """A nested value of a CSV field, as it is printed."""
    read = nested_reader(kind, profile, strict)
    return lambda text: printed(read(text), kind)


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
    if kind.base == "VARBINARY":
        return string("VARBINARY", 1_048_576)
    if kind.base == "JSON":
        return document
    if kind.base in OPAQUE:
        return lambda text: text
    raise Unfit(f"no type {kind.base}")
