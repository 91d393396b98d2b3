"""The SQL port (9030): handshake, commands, results of the text protocol."""

import hashlib
import os
import re
import struct
import time

from . import nested, prepared, wire
from .catalog import NESTED, OPAQUE, SQLError
from .engine import EngineError, quote
from .httpwire import Server
from .infoschema import TABLES, refresh
from .lexer import Words
from .rewrite import CATALOGUE, Rewriting, name_of, scan_cost
from .statements import ANSWERED, Statements

VARIABLES = {
    "query_timeout": "300", "insert_timeout": "14400", "query_mem_limit": "0", "exec_mem_limit": "2147483648",
    "autocommit": "1", "sql_mode": "ONLY_FULL_GROUP_BY", "time_zone": "Asia/Shanghai", "system_time_zone": "Asia/Shanghai",
    "character_set_client": "utf8", "character_set_connection": "utf8", "character_set_results": "utf8",
    "character_set_server": "utf8", "character_set_database": "utf8", "collation_connection": "utf8_general_ci",
    "collation_server": "utf8_general_ci", "collation_database": "utf8_general_ci", "max_allowed_packet": "33554432",
    "lower_case_table_names": "0", "wait_timeout": "28800", "interactive_timeout": "3600", "net_write_timeout": "60",
    "net_read_timeout": "60", "net_buffer_length": "16384", "tx_isolation": "REPEATABLE-READ",
    "transaction_isolation": "REPEATABLE-READ", "auto_increment_increment": "1", "init_connect": "", "license": "Apache License 2.0",
    "query_cache_size": "1048576", "query_cache_type": "0", "version_comment": "StarRocks version", "pipeline_dop": "0",
    "parallel_fragment_exec_instance_num": "1", "enable_insert_strict": "true", "sql_select_limit": "18446744073709551615",
    "batch_size": "4096", "enable_profile": "false", "performance_schema": "0", "sql_safe_updates": "0",
    "enable_spill": "false", "big_query_profile_threshold": "0s", "streaming_preaggregation_mode": "auto",
    "sql_auto_is_null": "0", "foreign_key_checks": "1", "unique_checks": "1",
}
TEXT_KINDS = {"BOOLEAN": wire.TINY, "LARGEINT": wire.STRING, "FLOAT": wire.FLOAT, "CHAR": wire.STRING, "VARCHAR": wire.VAR_STRING,
              "VARBINARY": wire.BLOB, "JSON": wire.STRING, "ARRAY": wire.STRING, "MAP": wire.STRING, "STRUCT": wire.STRING,
              "BITMAP": wire.STRING, "HLL": wire.STRING, "PERCENTILE": wire.STRING}
_identities = iter(range(1, 1 << 31))


def timeout_error(profile, seconds):
    """What a statement that ran too long is told."""
    if profile.is_doris:
        return SQLError("query is timeout, killed by timeout checker", 1105, "HY000")
    if not profile.since(3, 0):
        return SQLError(f"Query exceeded time limit of {seconds} seconds", 1064, "HY000")
    if not profile.since(3, 3):
        return SQLError(f"Query reached its timeout of {seconds} seconds, please increase the 'query_timeout' session variable, "
                        "pending time:0", 1064, "HY000")
    return SQLError(f"Query reached its timeout of {seconds} seconds, please increase the 'query_timeout' session variable and retry",
                    5024, "53400")


class Killed(Exception):
    """The connection ends in the middle of an answer."""


class SQLServer:
    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node
        self.globals = dict(VARIABLES)
        self.server = Server(node.address, node.sql_port, self.serve)

    def start(self):
        self.server.start()
        self.node.sql_port = self.server.port

    def stop(self):
        self.server.stop()

    def serve(self, raw):
        if self.cluster.faults.take("sql_refused", node=self.node.name) is not None:
            return
        session = Session(self, raw)
        try:
            session.run()
        except (wire.Disconnected, Killed):
            pass
        finally:
            session.close()


class Session:
    def __init__(self, server, raw):
        self.server, self.cluster, self.node = server, server.cluster, server.node
        self.raw, self.channel = raw, wire.Channel(raw)
        self.identity = next(_identities)
        self.variables = {}
        self.user, self.database = "", ""
        self._engine = None
        self.statements = Statements(self)
        self.prepared = prepared.Prepared(self)

    @property
    def engine(self):
        if self._engine is None:
            self._engine = self.cluster.storage.connect()
        return self._engine

    def close(self):
        if self._engine:
            self._engine.close()

    # --- variables
    def variable(self, name):
        name = name.lower()
        self.check_variable(name)
        if name in self.variables:
            return self.variables[name]
        if name == "version":
            return self.cluster.profile.server_version
        if name == "version_comment":
            return ("Doris version " if self.cluster.profile.is_doris else "StarRocks version ") + self.cluster.profile.version
        if name in self.server.globals:
            return self.server.globals[name]
        raise SQLError(f"Unknown system variable '{name}'", 1193, "HY000")

    def check_variable(self, name):
        if name == "insert_timeout" and not self.cluster.profile.insert_timeout:
            raise SQLError(f"Unknown system variable '{name}'", 1193, "HY000")

    @property
    def insert_timeout(self):
        """Seconds that an INSERT may take."""
        return int(self.variable("insert_timeout" if self.cluster.profile.insert_timeout else "query_timeout"))

    def assign(self, name, value, everywhere=False):
        name = name.lower()
        self.check_variable(name)
        if name not in self.server.globals:
            raise SQLError(f"Unknown system variable '{name}'", 1193, "HY000")
        if name.endswith("_timeout") and (not value.isdigit() or not 1 <= int(value) <= 259_200):
            raise SQLError(f"Variable '{name}' can't be set to the value of '{value}'", 1231, "42000")
        (self.server.globals if everywhere else self.variables)[name] = value

    # --- handshake
    def greet(self):
        nonce = bytes(byte % 93 + 33 for byte in os.urandom(20))
        flags = (wire.LONG_PASSWORD | wire.LONG_FLAG | wire.PROTOCOL_41 | wire.CONNECT_WITH_DB | wire.SECURE_CONNECTION
                 | wire.PLUGIN_AUTH | wire.CONNECT_ATTRS)
        self.channel.write(
            b"\x0a" + self.cluster.profile.server_version.encode() + b"\0" + struct.pack("<I", self.identity) + nonce[:8] + b"\0"
            + struct.pack("<HBHHB", flags & 0xFFFF, wire.UTF8, 2, flags >> 16, 21) + bytes(10) + nonce[8:] + b"\0"
            + b"mysql_native_password\0")
        hello = self.channel.read()
        if len(hello) < 33:
            return self.refuse(1043, "Bad handshake", "08S01")
        flags = struct.unpack_from("<I", hello, 0)[0]
        end = hello.index(b"\0", 32)
        self.user = hello[32:end].decode()
        at = end + 1
        if flags & (wire.SECURE_CONNECTION | wire.LENENC_AUTH):
            length = hello[at]
            proof, at = hello[at + 1 : at + 1 + length], at + 1 + length
        else:
            end = hello.index(b"\0", at)
            proof, at = hello[at:end], end + 1
        database = ""
        if flags & wire.CONNECT_WITH_DB and at < len(hello):
            end = hello.find(b"\0", at)
            database, at = hello[at:end].decode(), end + 1
        plugin = hello[at:].split(b"\0")[0] if flags & wire.PLUGIN_AUTH else b""
        if plugin not in (b"", b"mysql_native_password"):
            self.channel.write(b"\xfemysql_native_password\0" + nonce + b"\0")
            proof = self.channel.read()
        if not self.proven(proof, nonce):
            return self.refuse(1045, f"Access denied for user '{self.user}' (using password: {'YES' if proof else 'NO'})", "28000")
        try:
            if database:
                self.use(database)
        except SQLError as problem:
            return self.refuse(problem.code, problem.message, problem.state)
        self.channel.write(wire.ok())
        return True

    def proven(self, proof, nonce):
        password = self.cluster.users.get(self.user)
        if password is None:
            return False
        if not password:
            return not proof
        if len(proof) != 20:
            return False
        first = hashlib.sha1(password.encode()).digest()
        stored = hashlib.sha1(first).digest()
        mask = hashlib.sha1(nonce + stored).digest()
        return hashlib.sha1(bytes(a ^ b for a, b in zip(proof, mask))).digest() == stored

    def refuse(self, code, message, state):
        self.channel.write(wire.error(code, message, state))
        return False

    def use(self, name):
        name = name.split(".")[-1].strip("`")
        if name.lower() == "information_schema":
            refresh(self.cluster)
            self.engine.query(f"USE {quote(CATALOGUE)}")
            self.database = "information_schema"
            return
        self.cluster.catalog.database(name)
        self.engine.query(f"USE {quote(name)}")
        self.database = name

    # --- commands
    def run(self):
        if not self.greet():
            return
        while True:
            self.channel.sequence = 0
            payload = self.channel.read()
            command, body = payload[0], payload[1:]
            try:
                if not self.command(command, body):
                    return
            except SQLError as problem:
                self.channel.write(wire.error(problem.code, problem.message, problem.state))
            except EngineError as problem:
                self.channel.write(wire.error(1064, problem.message, "HY000"))

    def command(self, command, body):
        if command == 0x01:
            return False
        if command == 0x02:
            self.use(body.decode())
            self.channel.write(wire.ok())
        elif command == 0x03:
            self.query(body.decode("utf-8", "surrogateescape"))
        elif command == 0x04:
            table = self.cluster.catalog.table(self.database, body.split(b"\0")[0].decode())
            for column in table.columns:
                self.channel.write(wire.column(column.name, TEXT_KINDS.get(column.type.base, wire.VAR_STRING)) + b"\xfb")
            self.channel.write(wire.eof())
        elif command == 0x0E:
            self.channel.write(wire.ok())
        elif command in (0x16, 0x17, 0x18, 0x19, 0x1A) and self.cluster.profile.prepared_statements:
            self.prepared.command(command, body)
        elif command in (0x11, 0x1F):
            self.variables.clear()
            if command == 0x11:
                self.channel.write(wire.error(1045, "COM_CHANGE_USER is not played by the double", "28000"))
                return False
            self.channel.write(wire.ok())
        else:
            self.channel.write(wire.error(1047, f"Unknown command({command})", "08S01"))
        return True

    def query(self, sql):
        text = sql.strip().rstrip(";").strip()
        self.cluster.statements.append({
            "node": self.node.name, "session": self.identity, "database": self.database, "sql": sql,
            "time": round(self.cluster.now(), 3)})
        fault = self.told_to_fail(text)
        if fault is not None:
            raise SQLError(fault.get("message", "an error that the double was told to give"), int(fault.get("code", 1064)))
        result = self.statements.execute(text)
        if result is None:
            self.channel.write(wire.ok())
        elif result is ANSWERED:
            return
        elif isinstance(result, int):
            self.channel.write(wire.ok(result))
        else:
            self.answer(*result)

    def told_to_fail(self, sql):
        """The fault `sql_error`, for this statement or for a table that it names."""
        faults = self.cluster.faults
        if not any(fault.name == "sql_error" for fault in faults.all):
            return None
        words = {name_of(token).lower() for token in Words(sql).tokens if token.kind in ("word", "quoted")}
        named = [(table.database, table.name) for table in self.cluster.catalog.tables() if table.name.lower() in words]
        for database, table in [(self.database, "")] + named:
            found = faults.take("sql_error", database=database, table=table, node=self.node.name, statement=sql)
            if found is not None:
                return found
        return None

    def answer(self, columns, rows):
        """A result that the double made itself."""
        out = [self.channel.frame(wire.lenenc(len(columns)))]
        out += [self.channel.frame(wire.column(name)) for name in columns]
        out.append(self.channel.frame(wire.eof()))
        out += [self.channel.frame(wire.row(row)) for row in rows]
        out.append(self.channel.frame(wire.eof()))
        self.raw.sendall(b"".join(out))

    # --- SELECT
    def check_catalogue(self, name):
        if name.lower() not in TABLES or not TABLES[name.lower()].known(self.cluster.profile):
            raise SQLError(f"Unknown table 'information_schema.{name}'", 5502, "42S02")
        refresh(self.cluster, name)

    def select(self, sql, sink=None):
        """Runs a query on MariaDB and passes its result on; `sink` encodes rows otherwise."""
        rewriting = Rewriting(self, sql)
        limit = int(rewriting.hints.get("query_timeout", self.variable("query_timeout")))
        self.multiply_counts(rewriting)
        kill = write = None
        for database, table in rewriting.tables:
            slow = self.cluster.faults.take("slow_scan", database=database, table=table, node=self.node.name)
            if slow is not None:
                self.scan_slowly(rewriting, slow, limit)
            kill = kill or self.cluster.faults.take("kill_mid_result", database=database, table=table, node=self.node.name)
            write = write or self.cluster.faults.take("write_during_read", database=database, table=table, node=self.node.name)
        engine = self.engine
        engine.send(f"SET STATEMENT max_statement_time={limit} FOR {rewriting.sql}")
        source = engine.channel
        first = source.read()
        if first[0] == 0xFF:
            self.raise_engine(first, limit)
        if first[0] == 0:
            self.channel.write(wire.ok())
            return
        count, _ = wire.take_lenenc(first, 0)
        columns = [wire.take_column(source.read()) for _ in range(count)]
        source.read()
        fractions = [i for i, column in enumerate(columns) if column["kind"] == wire.DATETIME and column["decimals"]]
        special = self.special(columns)
        if sink is None:
            out = [self.channel.frame(wire.lenenc(count))]
            out += [self.channel.frame(self.shown(column)) for column in columns]
            out.append(self.channel.frame(wire.eof()))
        else:
            out = sink.begin([self.shown(column) for column in columns])
        size, total, budget = sum(map(len, out)), 0, int(kill.get("bytes", 4096)) if kill is not None else 0
        frame, read = self.channel.frame, source.read
        if write is not None:
            inner = Session(self.server, None)
            inner.database = self.database
            inner.statements.execute(write["sql"])
            inner.close()
        while True:
            payload = read()
            if payload[0] == 0xFF:
                self.raw.sendall(b"".join(out))
                self.raise_engine(payload, limit)
            if payload[0] == 0xFE and len(payload) < 9:
                break
            if special:
                values = wire.take_row(payload, count)
                for number, convert in special:
                    if values[number] is not None:
                        values[number] = convert(values[number])
                payload = wire.row(values)
            if sink is not None:
                payload = sink.row(wire.take_row(payload, count), fractions)
            elif fractions:
                payload = without_zeros(payload, count, fractions)
            data = frame(payload)
            out.append(data)
            size += len(data)
            if size > 131_072:
                total += size
                if kill is not None and total > budget:
                    self.raw.sendall(b"".join(out))
                    raise Killed()
                self.raw.sendall(b"".join(out))
                out, size = [], 0
        if kill is not None:
            self.raw.sendall(b"".join(out)[: max(1, size // 2)])
            raise Killed()
        out.append(frame(wire.eof()))
        self.raw.sendall(b"".join(out))

    def multiply_counts(self, rewriting):
        """COUNT(*) of a table that is told to seem larger than it is."""
        for database, name in rewriting.tables:
            factor = self.cluster.catalog.table(database, name).count_factor
            if factor > 1:
                rewriting.sql = re.sub(r"(?i)\bcount\s*\(\s*(?:\*|1)\s*\)", f"(COUNT(*) * {factor})", rewriting.sql)
                return

    def special(self, columns):
        """(place, function) of the columns that are printed otherwise than they are stored: nested types; BITMAP and HLL are NULL."""
        found = []
        for place, column in enumerate(columns):
            table = self.cluster.catalog.find(column["database"], column["original_table"])
            known = table.column(column["original"]) if table else None
            if known and known.type.base in OPAQUE:
                found.append((place, lambda value: None))
            elif known and known.type.base in NESTED:
                found.append((place, nested.as_printed(known.type)))
        return found

    def scan_slowly(self, rewriting, rules, limit):
        """The table's speed against query_timeout, on the virtual clock."""
        rows = scan_cost(self, rewriting)
        if rows is None:
            return
        seconds = rows / float(rules.get("rows_per_second", 1000))
        time.sleep(min(seconds, limit) * float(rules.get("real", 0.001)))
        if seconds > limit:
            self.cluster.counters["query_timeouts"] += 1
            raise timeout_error(self.cluster.profile, limit)

    def raise_engine(self, payload, limit):
        code = struct.unpack_from("<H", payload, 1)[0]
        text = payload[9:] if payload[3:4] == b"#" else payload[3:]
        raise self.engine_error(code, text.decode("utf-8", "replace"), limit)

    def engine_error(self, code, text, limit):
        """What MariaDB's error is in StarRocks."""
        if code in (1969, 1317, 3024):
            return timeout_error(self.cluster.profile, limit)
        return SQLError(text, 1064, "HY000")

    def shown(self, column):
        """The definition of a result's column as StarRocks sends it."""
        kind, decimals = column["kind"], column["decimals"]
        table = self.cluster.catalog.find(column["database"], column["original_table"])
        known = table.column(column["original"]) if table else None
        if known:
            kind = TEXT_KINDS.get(known.type.base, kind)
        elif kind in (249, 250, 251, 252):
            kind = wire.VAR_STRING
        if kind == wire.DATETIME:
            decimals = 0
        charset = wire.UTF8 if kind in (wire.VAR_STRING, wire.STRING) else wire.BINARY
        database = "information_schema" if column["database"] == CATALOGUE else column["database"]
        flags = 0x20 if kind == wire.LONGLONG and column["flags"] & 0x20 else 0
        return wire.column(column["name"], kind, database, column["table"], charset, column["length"], flags, decimals,
                           column["original"])


def without_zeros(payload, count, fractions):
    """A row whose DATETIMEs show microseconds only when there are some, as StarRocks prints them."""
    out, at, copied = [], 0, 0
    for number in range(count):
        start = at
        first = payload[at]
        if first < 251:
            at += 1 + first
        elif first == 0xFB:
            at += 1
        else:
            length, at = wire.take_lenenc(payload, at)
            at += length
        if number in fractions and first == 26 and payload[at - 7 : at] == b".000000":
            out += [payload[copied:start], b"\x13", payload[start + 1 : at - 7]]
            copied = at
    if not copied:
        return payload
    out.append(payload[copied:])
    return b"".join(out)
