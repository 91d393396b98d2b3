"""Apache Doris: lines first, with or without `enclose`, then fields, then NULL, quotes and escapes of each field."""

from .common import BAD_ENCODING, Filtered, is_text, lines

NULL = b"\\N"
MARK = b"\xef\xbb\xbf"
START, NORMAL, ENCLOSED, CLOSED = range(4)


def unescaped(field, escape, quote, newest):
    """Without escapes; the newest source takes a doubled quote for one, too."""
    out = bytearray()
    at, size = 0, len(field)
    while at < size:
        byte = field[at]
        if byte == escape:
            out += field[at + 1 : at + 2]
            at += 2
        elif newest and byte == quote and at + 1 < size and field[at + 1] == quote:
            out.append(byte)
            at += 2
        else:
            out.append(byte)
            at += 1
    return bytes(out)


def _finished(fields, options, quote, newest):
    """NULL first, then escapes."""
    trim, escape = options.trim_double_quotes, options.escape[0]
    out = []
    for field in fields:
        trimmed = trim and len(field) > 1 and field[:1] == b'"' == field[-1:]
        if trimmed:
            field = field[1:-1]
        if field == NULL and not trimmed:
            out.append(None)
        else:
            out.append(unescaped(field, escape, quote, newest) if escape else field)
    return out


def _checked(found, options, split, quote, newest):
    """Rows of the lines: byte order mark, empty lines, encoding, number of columns, in this order."""
    every, since = options.mark_every, 0
    fresh = not options.skip
    plain = not options.trim_double_quotes and options.escape == b"\0"
    for line, places in found:
        if fresh:
            fresh = False
            if line.startswith(MARK):
                line = line[3:]
                places = [place - 3 for place in places]
        if not line:
            continue
        if not line.isascii() and not is_text(line):
            yield BAD_ENCODING, line
            continue
        fields = split(line, places)
        if len(fields) != options.width:
            yield Filtered(len(fields)), line
            continue
        if plain:
            yield ([None if field == NULL else field for field in fields] if NULL in line else fields), line
        else:
            yield _finished(fields, options, quote, newest), line
        since += 1
        if since == every:
            fresh, since = True, 0


def plain(parts, options):
    drop = b"\r" if options.row == b"\n" and not options.keep_carriage_return else b""
    found = ((line, ()) for line in lines(parts, options.row, options.skip, False, drop))
    return _checked(found, options, lambda line, _: line.split(options.column), 0, True)


def enclosed(parts, options, newest):
    quote = options.enclose
    trims = newest or quote != b'"' or options.trim_double_quotes
    size = len(options.column)

    def split(line, places):
        fields, at = [], 0
        for place in places:
            fields.append(line[at:place])
            at = place + size
        if len(line) >= at:
            fields.append(line[at:])
        if trims:
            fields = [field[1:-1] if len(field) > 1 and field[:1] == quote == field[-1:] else field for field in fields]
        return fields

    def kept():
        skip = options.skip
        for line in _lines(parts, options, newest):
            if skip:
                skip -= 1
            else:
                yield line

    return _checked(kept(), options, split, quote[0], newest)


def _lines(parts, options, newest):
    """(line, places of its column separators)."""
    data, at = b"", 0
    parts = iter(parts)
    while True:
        found = _line(data, at, options, newest, False)
        if found is None:
            part = next(parts, None)
            if part is None:
                break
            data, at = data[at:] + part, 0
            continue
        end, after, places = found
        yield data[at:end], [place - at for place in places]
        at = after
    while at < len(data):
        end, after, places = _line(data, at, options, newest, True)
        yield data[at:end], [place - at for place in places]
        at = after


def _line(data, at, options, newest, last):
    """(end, where the next line begins, places of separators); None where the line is not all there."""
    column, row = options.column, options.row
    quote, escape = options.enclose[0], options.escape[0]
    total = len(data)
    crlf = row == b"\n" and not options.keep_carriage_return

    def bound(place):
        found = data.find(row, place)
        if found < 0:
            return -1, total
        return (found - 1 if crlf and found > place and data[found - 1] == 0x0D else found), found + len(row)

    end, limit = bound(at)
    places, state, now = [], START, at
    escaped = doubled = False
    while now != limit:
        if state == START:
            if data[now] == quote:
                state, now = ENCLOSED, now + 1
                if now == limit:
                    # The quote is the last byte that is there.
                    continue
            else:
                state = NORMAL
        elif state == NORMAL or (state == CLOSED and newest):
            found = data.find(column, now, limit)
            if found < 0:
                now = limit
            else:
                places.append(found)
                now, state = found + len(column), START
        elif state == CLOSED:
            if data.startswith(column, now):
                places.append(now)
                now, state = now + len(column), START
            else:
                now = limit
        else:
            closed = False
            while now != limit:
                byte = data[now]
                if byte == escape:
                    escaped = not escaped
                elif escaped:
                    escaped = False
                elif newest and doubled:
                    doubled = False
                    if byte != quote:
                        closed = True
                        break
                elif byte == quote:
                    if newest:
                        doubled = True
                    else:
                        closed = True
                        now += 1
                        break
                now += 1
            if closed:
                state = CLOSED
            elif now != total:
                end, limit = bound(now)
            elif last:
                if newest:
                    end = -1
                break
            else:
                return None
    if end < 0:
        return (total, total, places) if last else None
    if now > limit:
        limit = now
    return end, limit, places
