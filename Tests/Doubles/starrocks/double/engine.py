"""A small MySQL client: what the double needs to keep its rows in MariaDB."""

import hashlib
import socket
import struct

from . import wire


class EngineError(Exception):
    def __init__(self, code, state, message):
        super().__init__(f"{code} ({state}): {message}")
        self.code, self.state, self.message = code, state, message


class Rows(list):
    """The rows of a result as text (`str` or None), with the columns' names."""

    columns = ()
    definitions = ()
    affected = 0


def scramble(password, nonce):
    if not password:
        return b""
    first = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(nonce + hashlib.sha1(first).digest()).digest()
    return bytes(a ^ b for a, b in zip(first, mask))


def failure(payload):
    code = struct.unpack_from("<H", payload, 1)[0]
    text = payload[3:]
    state = "HY000"
    if text[:1] == b"#":
        state, text = text[1:6].decode(), text[6:]
    return EngineError(code, state, text.decode("utf-8", "replace"))


class Engine:
    """One connection to MariaDB."""

    def __init__(self, address, user, password):
        if isinstance(address, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(address)
        else:
            connection = socket.create_connection(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.channel = wire.Channel(connection)
        hello = self.channel.read()
        if hello[0] == 0xFF:
            raise failure(hello)
        at = hello.index(b"\0") + 1
        self.identity = struct.unpack_from("<I", hello, at)[0]
        nonce = hello[at + 4 : at + 12]
        rest = at + 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10
        nonce += hello[rest : rest + 12]
        flags = (
            wire.LONG_PASSWORD | wire.LONG_FLAG | wire.PROTOCOL_41 | wire.LOCAL_FILES | wire.TRANSACTIONS
            | wire.SECURE_CONNECTION | wire.PLUGIN_AUTH
        )
        proof = scramble(password, nonce)
        self.channel.write(
            struct.pack("<IIB23x", flags, 1 << 24, 45) + user.encode() + b"\0" + bytes((len(proof),)) + proof
            + b"mysql_native_password\0"
        )
        answer = self.channel.read()
        if answer[0] == 0xFE:
            self.channel.write(scramble(password, answer[answer.index(b"\0") + 1 :].rstrip(b"\0")))
            answer = self.channel.read()
        if answer[0] == 0xFF:
            raise failure(answer)
        self.query("SET sql_mode='', group_concat_max_len=1073741824, max_statement_time=0")

    def send(self, sql):
        self.channel.sequence = 0
        self.channel.write(b"\x03" + (sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")))

    def query(self, sql, data=None):
        """Runs one statement. `data` gives the octets of LOAD DATA LOCAL."""
        self.send(sql)
        first = self.channel.read()
        if first[0] == 0xFB:
            for part in data or ():
                self.channel.write(part)
            self.channel.write(b"")
            first = self.channel.read()
        if first[0] == 0xFF:
            raise failure(first)
        rows = Rows()
        if first[0] == 0:
            rows.affected, _ = wire.take_lenenc(first, 1)
            return rows
        count, _ = wire.take_lenenc(first, 0)
        rows.definitions = [wire.take_column(self.channel.read()) for _ in range(count)]
        rows.columns = [definition["name"] for definition in rows.definitions]
        self.channel.read()
        while True:
            payload = self.channel.read()
            if wire.is_eof(payload):
                return rows
            if payload[0] == 0xFF:
                raise failure(payload)
            rows.append([
                None if value is None else value.decode("utf-8", "surrogateescape")
                for value in wire.take_row(payload, count)
            ])

    def value(self, sql):
        rows = self.query(sql)
        return rows[0][0] if rows else None

    def close(self):
        try:
            self.channel.socket.close()
        except OSError:
            pass


def quote(name):
    return "`" + name.replace("`", "``") + "`"


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return str(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"
