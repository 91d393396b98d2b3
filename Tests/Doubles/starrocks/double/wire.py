"""Packets of the MySQL protocol, for both sides: framing, length-encoded values, OK, ERR, column definitions, rows."""

import struct

PROTOCOL_41, CONNECT_WITH_DB, LOCAL_FILES, SSL = 1 << 9, 1 << 3, 1 << 7, 1 << 11
SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_ATTRS, LENENC_AUTH = 1 << 15, 1 << 19, 1 << 20, 1 << 21
LONG_PASSWORD, LONG_FLAG, TRANSACTIONS, MULTI_STATEMENTS = 1, 1 << 2, 1 << 13, 1 << 16
DEPRECATE_EOF = 1 << 24

TINY, SHORT, LONG, FLOAT, DOUBLE, NULL, LONGLONG = 1, 2, 3, 4, 5, 6, 8
DATE, DATETIME, NEWDECIMAL, BLOB, VAR_STRING, STRING = 10, 12, 246, 252, 253, 254
UTF8, BINARY = 33, 63


class Disconnected(Exception):
    """The other side went away."""


class Channel:
    """Packets over one socket, with their sequence number."""

    def __init__(self, connection):
        self.socket = connection
        self.sequence = 0
        self.buffer = bytearray()
        self.start = 0

    def _need(self, count):
        while len(self.buffer) - self.start < count:
            if self.start:
                del self.buffer[: self.start]
                self.start = 0
            part = self.socket.recv(262_144)
            if not part:
                raise Disconnected()
            self.buffer += part

    def read(self):
        """One payload, glued together from its 16 MiB parts."""
        payload = b""
        while True:
            self._need(4)
            length = int.from_bytes(self.buffer[self.start : self.start + 3], "little")
            self.sequence = (self.buffer[self.start + 3] + 1) & 255
            self._need(4 + length)
            part = bytes(self.buffer[self.start + 4 : self.start + 4 + length])
            self.start += 4 + length
            payload = payload + part if payload else part
            if length < 0xFFFFFF:
                return payload

    def frame(self, payload):
        out = b""
        while True:
            part, payload = payload[:0xFFFFFF], payload[0xFFFFFF:]
            out += len(part).to_bytes(3, "little") + bytes((self.sequence,)) + part
            self.sequence = (self.sequence + 1) & 255
            if len(part) < 0xFFFFFF:
                return out

    def write(self, payload):
        self.socket.sendall(self.frame(payload))


def lenenc(number):
    if number < 251:
        return bytes((number,))
    if number < 1 << 16:
        return b"\xfc" + struct.pack("<H", number)
    if number < 1 << 24:
        return b"\xfd" + struct.pack("<I", number)[:3]
    return b"\xfe" + struct.pack("<Q", number)


def string(value):
    data = value if isinstance(value, (bytes, bytearray)) else str(value).encode()
    return lenenc(len(data)) + data


def take_lenenc(data, at):
    """The number at an offset and the offset after it; None is NULL."""
    first = data[at]
    if first < 251:
        return first, at + 1
    if first == 0xFB:
        return None, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[first]
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def take_string(data, at):
    length, at = take_lenenc(data, at)
    if length is None:
        return None, at
    return data[at : at + length], at + length


def ok(affected=0, identity=0, status=2, note=""):
    text = note.encode()
    return b"\x00" + lenenc(affected) + lenenc(identity) + struct.pack("<HH", status, 0) + (lenenc(len(text)) + text if text else b"")


def eof(status=2):
    return b"\xfe" + struct.pack("<HH", 0, status)


def error(code, message, state="HY000"):
    return b"\xff" + struct.pack("<H", code) + b"#" + state.encode() + message.encode()


def is_eof(payload):
    return payload[0] == 0xFE and len(payload) < 9


def column(name, kind=VAR_STRING, database="", table="", charset=UTF8, length=1024, flags=0, decimals=0, original=None):
    return (
        string("def") + string(database) + string(table) + string(table) + string(name)
        + string(name if original is None else original) + b"\x0c"
        + struct.pack("<HIBHBH", charset, length, kind, flags, decimals, 0)
    )


def take_column(payload):
    """The definition as a dictionary."""
    names, at = [], 0
    for _ in range(6):
        value, at = take_string(payload, at)
        names.append(value.decode("utf-8", "replace"))
    charset, length, kind, flags, decimals, _ = struct.unpack_from("<HIBHBH", payload, at + 1)
    return {
        "database": names[1], "table": names[2], "original_table": names[3], "name": names[4], "original": names[5],
        "charset": charset, "length": length, "kind": kind, "flags": flags, "decimals": decimals,
    }


def row(values):
    return b"".join(b"\xfb" if value is None else string(value) for value in values)


def take_row(payload, count):
    values, at = [], 0
    for _ in range(count):
        value, at = take_string(payload, at)
        values.append(value)
    return values
