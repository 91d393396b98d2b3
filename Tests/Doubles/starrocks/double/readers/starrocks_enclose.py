"""StarRocks with `enclose` or `escape`: a machine over bytes, in the two states of its source.

Between StarRocks/starrocks#37381 (the first, from 3.x of December 2023 on) and #71866 with #78842 (the newest) three things changed:
whether a doubled enclose at the front of a field encloses, what an escape before an ordinary byte does, and what a lone enclose
within a field swallows. What happens at the end of the body is the servers' own doing, faults included.
"""

import re

from .common import BAD_ENCODING, Filtered, LineTooLong, TooFewLines, is_text

START, ENCLOSED, DOUBLED, ESCAPED, ORDINARY = range(5)
LIMIT = 4096
"""Delimiters that may be added at the end before the server's buffer counts as full."""


class _End(Exception):
    """Nothing is left to read."""


class _Buffer:
    """The bytes that were read. At the end of the body the server adds a delimiter, again and again where it asks for more."""

    def __init__(self, parts, row):
        self.parts, self.row = iter(parts), row
        self.data = bytearray()
        self.at = 0
        self.added = 0
        self.whole = False

    def more(self):
        part = b""
        if not self.whole:
            part = next((part for part in self.parts if part), b"")
        if part:
            self.data += part
            return
        self.whole = True
        left = len(self.data) - self.at
        if left < len(self.row) or not self.data.endswith(self.row):
            self.added += 1
            if self.added > LIMIT:
                raise LineTooLong()
            self.data += self.row
        if not left:
            self.at += len(self.row)
            raise _End()

    def need(self):
        if self.at >= len(self.data):
            self.more()

    def takes(self, mark):
        """Whether `mark` stands here; of several bytes it is only taken where another byte follows."""
        data, at = self.data, self.at
        if len(mark) == 1:
            if data[at] == mark[0]:
                self.at += 1
                return True
            return False
        for byte in mark:
            if at >= len(data) or data[at] != byte:
                return False
            at += 1
            if at >= len(data):
                self.more()
                if at >= len(data):
                    return False
        self.at += len(mark)
        return True


def _skip(buffer, count, row):
    for _ in range(count):
        while True:
            found = buffer.data.find(row, buffer.at)
            if found >= 0:
                buffer.at = found + len(row)
                break
            try:
                buffer.more()
            except _End:
                raise TooFewLines() from None


def rows(parts, options, newest):
    buffer = _Buffer(parts, options.row)
    _skip(buffer, options.skip, options.row)
    for fields, raw in _Machine(buffer, options, newest).rows():
        if len(fields) != options.width:
            yield Filtered(len(fields)), raw
        elif not raw.isascii() and not is_text(raw):
            yield BAD_ENCODING, raw
        else:
            yield [None if field == b"\\N" else field for field in fields], raw


class _Machine:
    def __init__(self, buffer, options, newest):
        self.buffer, self.newest = buffer, newest
        self.column, self.row, self.trim = options.column, options.row, options.trim_space
        self.enclose, self.escape = options.enclose[0], options.escape[0]
        marks = b"".join(re.escape(bytes([byte])) for byte in {self.column[0], self.row[0], self.enclose, self.escape})
        inside = b"".join(re.escape(bytes([byte])) for byte in {self.enclose, self.escape})
        quote, column, row = re.escape(options.enclose), re.escape(self.column), re.escape(self.row)
        self.plain = re.compile(b"[^" + marks + b"]*", re.S)
        self.inner = re.compile(b"[^" + inside + b"]*", re.S)
        # Fields without anything special, up to their separator: the short cut past the machine.
        self.bare = re.compile(b"([^" + marks + b"]+)(?:(" + row + b")|" + column + b")", re.S)
        self.quoted = re.compile(quote + b"([^" + inside + b"]+)" + quote + b"(?:(" + row + b")|" + column + b")", re.S)
        self.quick = options.enclose not in (self.column[:1], self.row[:1]) and not self.trim

    def rows(self):
        buffer = self.buffer
        try:
            buffer.more()
        except _End:
            return
        begin, start, fields = buffer.at, -1, []
        while True:
            # One field after another; `ended` is True when the body is.
            ended = False
            try:
                buffer.need()
            except _End:
                ended = True
                end_of_row, value = True, None
                if start < 0:
                    return
                if not fields and buffer.at - len(self.row) == start:
                    return
                # The field before is read once more: the place where it began was not moved on.
                value = bytes(buffer.data[start : buffer.at - len(self.row)])
            else:
                short = self._short() if self.quick else None
                if short:
                    value, end_of_row, start = short
                    empty = False
                else:
                    value, end_of_row, ended, start, empty = self._field(start, not fields)
                if empty:
                    if ended:
                        return
                    begin = start = buffer.at
                    continue
            fields.append(value)
            if not end_of_row:
                continue
            yield fields, bytes(buffer.data[begin : buffer.at])
            if ended:
                return
            fields, start = [], -1
            if buffer.at > 1 << 16:
                del buffer.data[: buffer.at]
                buffer.at = 0
            begin = buffer.at

    def _short(self):
        """A field that needs no machine, if all of it and more is there."""
        buffer = self.buffer
        data, at = buffer.data, buffer.at
        match = (self.quoted if data[at] == self.enclose else self.bare).match(data, at)
        if match is None or match.end() >= len(data):
            return None
        buffer.at = match.end()
        return match[1], match[2] is not None, match.start(1)

    def _field(self, start, first):
        """(value, whether the row ends, whether the body ends, where the field began, whether the row is an empty one)."""
        buffer, newest, trim = self.buffer, self.newest, self.trim
        state = before = START
        enclosed = returned = False
        dropped = set()
        blank = -1
        ended = False
        end_of_row = True
        try:
            while True:
                buffer.need()
                data = buffer.data
                if state == START:
                    if trim:
                        while buffer.data[buffer.at] == 0x20:
                            buffer.at += 1
                            buffer.need()
                    start = buffer.at
                    if buffer.takes(self.row):
                        break
                    if buffer.takes(self.column):
                        end_of_row = False
                        break
                    byte = data[buffer.at]
                    if byte == self.escape:
                        before, state = ORDINARY, ESCAPED
                        dropped.add(buffer.at)
                        buffer.at += 1
                        continue
                    if byte == self.enclose:
                        buffer.at += 1
                        buffer.need()
                        start = buffer.at
                        if newest or data[buffer.at] != self.enclose:
                            state, enclosed = ENCLOSED, True
                            continue
                        buffer.at += 1
                        try:
                            buffer.need()
                        except _End:
                            enclosed = True
                            raise
                        if buffer.takes(self.row):
                            enclosed = True
                            break
                        if buffer.takes(self.column):
                            enclosed, end_of_row = True, False
                            break
                        state = ORDINARY
                        continue
                    state = ORDINARY
                    buffer.at += 1
                elif state == ENCLOSED:
                    buffer.at = self.inner.match(data, buffer.at).end()
                    if buffer.at >= len(data):
                        continue
                    if data[buffer.at] == self.enclose:
                        buffer.at += 1
                        try:
                            buffer.need()
                        except _End:
                            enclosed = True
                            raise
                        before = ENCLOSED
                        if data[buffer.at] == self.enclose:
                            state = DOUBLED
                            dropped.add(buffer.at - 1)
                        else:
                            if newest and self.row == b"\n" and data[buffer.at] == 0x0D:
                                if buffer.at + 1 >= len(data):
                                    buffer.more()
                                if buffer.at + 1 < len(data) and data[buffer.at + 1] == 0x0A:
                                    buffer.at += 1
                                    returned = True
                            state = ORDINARY
                    else:
                        before, state = ENCLOSED, ESCAPED
                        dropped.add(buffer.at)
                        buffer.at += 1
                elif state == DOUBLED:
                    state = before
                    buffer.at += 1
                else:
                    if state == ESCAPED:
                        byte = data[buffer.at]
                        if byte == self.enclose or byte == self.escape:
                            state = before
                            buffer.at += 1
                            continue
                        if buffer.takes(self.row) or buffer.takes(self.column):
                            state = before
                            continue
                        if newest:
                            state = before
                            buffer.at += 1
                            continue
                    if trim and before == ENCLOSED:
                        if data[buffer.at] == 0x20:
                            blank = buffer.at
                        before = ORDINARY
                    if buffer.takes(self.row):
                        break
                    if buffer.takes(self.column):
                        end_of_row = False
                        break
                    byte = data[buffer.at]
                    if byte == self.escape:
                        # As an ordinary byte after an escape it is one again.
                        before, state = state, ESCAPED
                        dropped.add(buffer.at)
                        buffer.at += 1
                    elif byte == self.enclose:
                        before = state
                        dropped.add(buffer.at)
                        buffer.at += 1
                        if newest:
                            buffer.need()
                            state = DOUBLED if data[buffer.at] == self.enclose else ORDINARY
                        else:
                            state = DOUBLED
                    else:
                        state = ORDINARY
                        buffer.at = max(buffer.at + 1, self.plain.match(data, buffer.at).end())
        except _End:
            ended = True
        mark = len(self.row if end_of_row else self.column)
        if end_of_row and first and buffer.at - mark == start:
            return None, True, ended, start, True
        end = blank if trim and blank >= 0 else buffer.at
        piece = buffer.data[start:end]
        if dropped:
            piece = bytearray(byte for place, byte in enumerate(piece, start) if place not in dropped)
        length = len(piece)
        if not (enclosed and trim and blank >= 0):
            length -= mark
        if enclosed:
            length -= 1
        if returned and end_of_row:
            length -= 1
        return bytes(piece[: max(length, 0)]), end_of_row, ended, start, False
