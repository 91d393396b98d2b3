"""Both CSV parsers: plain splitting, and the state machine for `enclose` and `escape`."""

from .values import Unfit


class Separator(Unfit):
    """A separator header that cannot be used."""


def separator(text, name):
    """The octets of a separator header; `\\x0D0A` is hex, `\\t` and `\\n` are themselves."""
    if text.lower().startswith(("\\x", "0x")):
        try:
            octets = bytes.fromhex(text[2:])
        except ValueError:
            raise Separator(f"Invalid {name}: {text}") from None
    else:
        octets = text.replace("\\t", "\t").replace("\\n", "\n").replace("\\r", "\r").encode("utf-8", "surrogateescape")
    if not octets:
        raise Separator(f"Invalid {name}: {text}")
    if len(octets) > 50:
        raise Separator(f"{name} length exceed limit 50")
    return octets


class Lines:
    """The rows of a body that is split plainly. `tail` tells whether the last row had its delimiter."""

    def __init__(self, parts, row_delimiter, skip=0):
        self.parts, self.delimiter, self.skip = parts, row_delimiter, skip
        self.tail = True

    def __iter__(self):
        rest = b""
        for part in self.parts:
            lines = (rest + part).split(self.delimiter)
            rest = lines.pop()
            for line in lines:
                if self.skip:
                    self.skip -= 1
                elif line:
                    yield line
        if rest:
            self.tail = False
            if self.skip <= 0:
                yield rest


def plain(lines, column_separator, trim=False):
    """(fields or None for bad UTF-8, raw text) of every line; `\\N` is None."""
    mark = column_separator.decode("utf-8", "surrogateescape")
    for line in lines:
        try:
            text = line.decode()
        except UnicodeDecodeError:
            yield None, line.decode("utf-8", "replace")
            continue
        fields = text.split(mark)
        if trim:
            fields = [field.strip(" ") for field in fields]
        if "\\N" in text:
            fields = [None if field == "\\N" else field for field in fields]
        yield fields, text


class Machine:
    """CSV with `enclose` and `escape`. An enclosing mark inside of a field is written twice or escaped."""

    def __init__(self, parts, column_separator, row_delimiter, enclose, escape, skip=0, trim=False):
        self.parts, self.column, self.row = parts, column_separator, row_delimiter
        self.enclose, self.escape, self.skip, self.trim = enclose, escape, skip, trim
        self.tail = True

    def __iter__(self):
        data = bytearray()
        at = 0
        for part in self.parts:
            data += part
            while True:
                found = self._row(data, at, False)
                if found is None:
                    break
                fields, end = found
                yield from self._give(fields, data[at : end - len(self.row)])
                at = end
            del data[:at]
            at = 0
        if data:
            self.tail = False
            fields, _ = self._row(data, 0, True)
            yield from self._give(fields, data)

    def _give(self, fields, raw):
        if self.skip:
            self.skip -= 1
            return
        if not raw:
            return
        text = bytes(raw).decode("utf-8", "replace")
        try:
            yield [None if field is None else field.decode() for field in fields], text
        except UnicodeDecodeError:
            yield None, text

    def _row(self, data, at, last):
        """(fields, offset after the row), None while the row is not complete."""
        fields = []
        column, row, enclose, escape = self.column, self.row, self.enclose, self.escape
        size = len(data)
        while True:
            start = at
            if self.trim:
                while data[at : at + 1] == b" ":
                    at += 1
            value = bytearray()
            enclosed = bool(enclose) and data[at : at + 1] == enclose
            escaped = False
            if enclosed:
                at += 1
                while True:
                    if at >= size:
                        if not last:
                            return None
                        break
                    octet = data[at : at + 1]
                    if escape and octet == escape and at + 1 < size:
                        value += _escaped(data[at + 1 : at + 2])
                        at += 2
                    elif octet == enclose:
                        if at + 1 >= size and not last:
                            return None
                        if data[at + 1 : at + 2] == enclose:
                            value += enclose
                            at += 2
                        else:
                            at += 1
                            break
                    else:
                        # Up to the next octet that means something.
                        stop = data.find(enclose, at)
                        if escape:
                            other = data.find(escape, at)
                            stop = other if stop < 0 or 0 <= other < stop else stop
                        stop = size if stop < 0 else stop
                        stop = max(stop, at + 1)
                        value += data[at:stop]
                        at = stop
            end_column = data.find(column, at) if not escape else None
            end_row = data.find(row, at) if not escape else None
            if not escape:
                if end_row < 0 and end_column < 0 and not last:
                    return None
                ends = [end for end in (end_column, end_row) if end >= 0]
                end = min(ends) if ends else size
                value += data[at:end]
                at = end
            else:
                while at < size and not data.startswith(column, at) and not data.startswith(row, at):
                    if data[at : at + 1] == escape and at + 1 < size:
                        value += _escaped(data[at + 1 : at + 2])
                        escaped = True
                        at += 2
                    else:
                        value += data[at : at + 1]
                        at += 1
                if at >= size and not last:
                    return None
            if self.trim and not enclosed:
                value = value.strip(b" ")
            raw = bytes(value)
            # An enclosed `\N` is text; an escaped one has become N.
            fields.append(None if raw == b"\\N" and not enclosed and not escaped else raw)
            if data.startswith(column, at) and not (data.startswith(row, at) and len(row) > len(column)):
                at += len(column)
                continue
            if data.startswith(row, at):
                return fields, at + len(row)
            if last:
                return fields, size
            return None


def _escaped(octet):
    return {b"n": b"\n", b"t": b"\t", b"r": b"\r"}.get(bytes(octet), bytes(octet))
