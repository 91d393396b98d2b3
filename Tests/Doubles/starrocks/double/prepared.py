"""COM_STMT_*: from 3.2 on, SELECT only. Parameters become literals; rows are sent in the binary form."""

import struct

from . import wire
from .catalog import SQLError
from .engine import literal
from .lexer import Words

NUMERIC = {wire.TINY: "<b", wire.SHORT: "<h", wire.LONG: "<i", wire.LONGLONG: "<q", wire.FLOAT: "<f", wire.DOUBLE: "<d"}


class Prepared:
    def __init__(self, session):
        self.session = session
        self.statements = {}
        self.last = 0

    def command(self, command, body):
        if command == 0x16:
            self.prepare(body.decode())
        elif command == 0x17:
            self.execute(body)
        elif command == 0x19:
            self.statements.pop(struct.unpack_from("<I", body)[0], None)
        elif command == 0x1A:
            self.session.channel.write(wire.ok())
        else:
            raise SQLError("COM_STMT_SEND_LONG_DATA is not played by the double", 1295)

    def prepare(self, sql):
        words = Words(sql)
        if words.peek().upper not in ("SELECT", "WITH"):
            raise SQLError("Invalid statement type for prepared statement, only SELECT is supported", 1295)
        marks = [token.start for token in words.tokens if token.text == "?" and token.kind == "sign"]
        self.last += 1
        self.statements[self.last] = (sql, marks, None)
        write = self.session.channel.write
        write(b"\0" + struct.pack("<IHHBH", self.last, 0, len(marks), 0, 0))
        for _ in marks:
            write(wire.column("?"))
        if marks:
            write(wire.eof())

    def execute(self, body):
        identity = struct.unpack_from("<I", body)[0]
        if identity not in self.statements:
            raise SQLError("Not found prepared statement, stmtName: " + str(identity), 1243)
        sql, marks, kinds = self.statements[identity]
        at, values = 9, []
        if marks:
            size = (len(marks) + 7) // 8
            nulls, at = body[at : at + size], at + size
            if body[at]:
                kinds = [struct.unpack_from("<H", body, at + 1 + 2 * number)[0] for number in range(len(marks))]
                at += 2 * len(marks)
                self.statements[identity] = (sql, marks, kinds)
            at += 1
            for number, kind in enumerate(kinds):
                if nulls[number // 8] >> number % 8 & 1:
                    values.append(None)
                    continue
                value, at = self.value(body, at, kind)
                values.append(value)
        out, copied = [], 0
        for mark, value in zip(marks, values):
            out += [sql[copied:mark], literal(value)]
            copied = mark + 1
        out.append(sql[copied:])
        self.session.select("".join(out), Binary(self.session))

    def value(self, body, at, kind):
        form = NUMERIC.get(kind & 0xFF)
        if form:
            form = form.upper() if kind & 0x8000 and form[1] in "bhiq" else form
            return struct.unpack_from(form, body, at)[0], at + struct.calcsize(form)
        if kind & 0xFF in (wire.DATE, wire.DATETIME, 7):
            length = body[at]
            part = struct.unpack_from("<HBBBBBI"[: 4 + (3 if length > 4 else 0) + (1 if length > 7 else 0)], body, at + 1) if length else ()
            text = "%04d-%02d-%02d" % part[:3] if part else "0000-00-00"
            if len(part) > 3:
                text += " %02d:%02d:%02d" % part[3:6] + (".%06d" % part[6] if len(part) > 6 else "")
            return text, at + 1 + length
        data, at = wire.take_string(body, at)
        return data.decode(), at


class Binary:
    """Encodes the rows of a prepared statement."""

    def __init__(self, session):
        self.session = session

    def begin(self, definitions):
        frame = self.session.channel.frame
        self.kinds = [wire.take_column(definition)["kind"] for definition in definitions]
        return [frame(wire.lenenc(len(definitions)))] + [frame(definition) for definition in definitions] + [frame(wire.eof())]

    def row(self, values, fractions):
        nulls = bytearray((len(values) + 9) // 8)
        out = []
        for number, (value, kind) in enumerate(zip(values, self.kinds)):
            if value is None:
                nulls[(number + 2) // 8] |= 1 << (number + 2) % 8
            elif kind in (wire.FLOAT, wire.DOUBLE):
                out.append(struct.pack(NUMERIC[kind], float(value)))
            elif kind in NUMERIC:
                size = struct.calcsize(NUMERIC[kind])
                out.append((int(value) & (1 << size * 8) - 1).to_bytes(size, "little"))
            elif kind in (wire.DATE, wire.DATETIME):
                out.append(self.moment(value.decode()))
            else:
                out.append(wire.string(value))
        return b"\0" + bytes(nulls) + b"".join(out)

    def moment(self, text):
        date, _, clock = text.partition(" ")
        year, month, day = (int(part) for part in date.split("-"))
        if not clock:
            return b"\x04" + struct.pack("<HBB", year, month, day)
        clock, _, fraction = clock.partition(".")
        hour, minute, second = (int(part) for part in clock.split(":"))
        micros = int(fraction.ljust(6, "0")) if fraction else 0
        head = struct.pack("<HBBBBB", year, month, day, hour, minute, second)
        return b"\x0b" + head + struct.pack("<I", micros) if micros else b"\x07" + head
