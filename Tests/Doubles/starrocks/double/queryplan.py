"""`_query_plan` of the FEs, and the process of the BEs' scanners (`scan_server.py`)."""

import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import types

from . import tablets
from .catalog import NESTED, OPAQUE, SQLError
from .engine import quote
from .lexer import Words
from .rewrite import Rewriting

SERVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scan_server.py")
SCAN_CODES = {"BOOLEAN": 2, "TINYINT": 3, "SMALLINT": 4, "INT": 5, "BIGINT": 6, "FLOAT": 7, "DOUBLE": 8, "DATE": 9, "DATETIME": 10,
              "CHAR": 13, "LARGEINT": 14, "VARCHAR": 15, "HLL": 16, "BITMAP": 19, "PERCENTILE": 20, "JSON": 24, "VARBINARY": 26}
_numbers = itertools.count(1)


class Refused(Exception):
    """An answer that is no plan."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


def code_of(kind):
    """TPrimitiveType of a column."""
    if kind.base == "DECIMAL":
        return 21 if kind.length <= 9 else 22 if kind.length <= 18 else 23 if kind.length <= 38 else 27
    return SCAN_CODES.get(kind.base, 0)


def unsupported(kind, profile):
    """Whether a BE has no Arrow type for the column."""
    if kind.base in OPAQUE:
        return True
    if kind.base in NESTED:
        return not profile.is_doris and not profile.since(3, 1)
    if kind.base == "VARBINARY" or (kind.base == "DECIMAL" and kind.length > 38):
        return not profile.since(4, 0)
    return False


class Parsed:
    """`SELECT columns FROM db.table [PARTITION (…)] [TABLET (…)] [WHERE …]`, or a refusal."""

    def __init__(self, cluster, node, database, name, sql):
        words = Words(sql.strip().rstrip(";"))
        only = Refused(400, f"only support single table filter-prune-scan, but found [ {sql}]")
        upper = [token.upper for token in words.tokens]
        if words.peek().upper != "SELECT":
            known = words.peek().upper in ("INSERT", "UPDATE", "DELETE", "SHOW", "CREATE", "DROP", "ALTER", "SET", "USE", "WITH")
            raise Refused(400, f"Select statement needed, but found [{sql} ]") if known else Refused(500, "The Sql is invalid")
        words.next()
        depth, start = 0, words.at
        while words.more and not (depth == 0 and words.peek().upper == "FROM"):
            depth += {"(": 1, ")": -1}.get(words.next().text, 0)
        listed = words.tokens[start : words.at]
        if not words.more or not listed:
            raise Refused(500, "The Sql is invalid")
        if listed[0].upper == "DISTINCT" or {"GROUP", "ORDER", "LIMIT", "HAVING", "OVER"} & set(upper) or any(
                token.upper in ("COUNT", "SUM", "MIN", "MAX", "AVG") for token in listed):
            raise only
        words.next()
        if words.peek().text == "(":
            raise Refused(400, "Select statement must not embed another statement")
        chosen, table_name = words.path()
        table = cluster.catalog.find(chosen or database, table_name)
        if table is None:
            raise Refused(500, "The Sql is invalid")
        if (chosen or database, table_name) != (database, name):
            raise Refused(400, f"requested database and table must consistent with sql: request [ {database}.{name}]and sql "
                               f"[{chosen or database}.{table_name}]")
        self.table = table
        self.temporary = words.accept("TEMPORARY")
        self.parts = table.temporary if self.temporary else table.partitions
        if words.accept("PARTITION") or words.accept("PARTITIONS"):
            names = words.names() if words.peek().text == "(" else [words.name()]
            self.parts = [table.partition(one, self.temporary) for one in names]
            if None in self.parts:
                raise Refused(500, "The Sql is invalid")
        self.ids = [int(one) for one in words.names()] if words.accept("TABLET") or words.accept("TABLETS") else None
        self.alias = table.name
        if words.accept("AS") or words.peek().kind == "quoted" or (words.peek().kind == "word" and words.peek().upper not in (
                "WHERE", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "FULL")):
            self.alias = words.name()
        self.where = ""
        if words.accept("WHERE"):
            rest = words.rest()
            if "SELECT" in [token.upper for token in Words(rest).tokens]:
                raise Refused(400, "Select statement must have only one table")
            from .sql_server import VARIABLES, Session
            session = Session(types.SimpleNamespace(cluster=cluster, node=node, globals=dict(VARIABLES)), None)
            session.database = database
            self.where = Rewriting(session, rest).sql
        elif words.more:
            raise Refused(400, "Select statement must have only one table") if words.peek().text == "," or "JOIN" in upper else only
        self.columns = self.read_columns(listed)

    def read_columns(self, listed):
        """Names, perhaps behind the table's, and `*`. Expressions are not played."""
        groups = [list(group) for comma, group in itertools.groupby(listed, key=lambda token: token.text == ",") if not comma]
        found = []
        for group in groups:
            if group[-1].text == "*":
                found += self.table.columns
                continue
            text = group[-1].text[1:-1].replace("``", "`") if group[-1].kind == "quoted" else group[-1].text
            column = self.table.column(text)
            if column is None or len(group) not in (1, 3, 5):
                raise Refused(500, "The Sql is invalid")
            found.append(column)
        return found


def plan(cluster, node, database, name, body):
    """(HTTP status, answer) of one request."""
    try:
        fault = cluster.faults.take("query_plan_error", database=database, table=name, node=node.name)
        if fault is not None:
            raise Refused(int(fault.get("status", 500)), fault.get("message", "The Sql is invalid"))
        if not body.strip():
            raise Refused(400, "POST body must contains [sql] root object")
        try:
            sql = json.loads(body).get("sql")
        except (ValueError, AttributeError):
            raise Refused(400, f"malformed json [ {body.decode('utf-8', 'replace')} ]") from None
        if not sql:
            raise Refused(400, "POST body must contains [sql] root object")
        if database not in cluster.catalog.databases:
            raise Refused(404, f"Database [{database}] does not exists")
        table = cluster.catalog.find(database, name)
        if table is None:
            raise Refused(404, f"Table [{name}] does not exists")
        if not table.kept_here:
            raise Refused(403, f"only support OlapTable currently, but Table [{name}] is not a OlapTable")
        try:
            parsed = Parsed(cluster, node, database, name, sql)
        except SQLError:
            raise Refused(500, "The Sql is invalid") from None
        with cluster.storage.lock(table):
            answer = made(cluster, parsed)
    except Refused as refused:
        return wrapped(cluster, {"status": refused.status, "exception": refused.message}, refused.status)
    return wrapped(cluster, answer, 200)


def wrapped(cluster, answer, status):
    if cluster.profile.is_doris:
        # FE v2's envelope, with HTTP 200 around an error.
        return 200, {"msg": "success" if status == 200 else answer["exception"], "code": 0 if status == 200 else 1, "data": answer,
                     "count": 0}
    return status, answer


def made(cluster, parsed):
    table, profile = parsed.table, cluster.profile
    place = cluster.storage.temporary(table) if parsed.temporary else cluster.storage.name(table)
    columns = ", ".join(f"{quote(parsed.alias)}.{quote(column.name)}" for column in parsed.columns)
    backends = cluster.backends()
    known = [identity for part in parsed.parts for one in part.physical for identity in one.tablet_ids(table.bucket_count())]
    if parsed.ids is not None and set(parsed.ids) - set(known) and not profile.is_doris:
        raise Refused(500, "The Sql is invalid")
    pinned, routings = {}, {}
    for part in parsed.parts:
        for one in part.physical:
            if one.version == 1:
                # Partitions that nothing was ever loaded into are pruned.
                continue
            for number, identity in enumerate(one.tablet_ids(table.bucket_count())):
                if parsed.ids is not None and identity not in parsed.ids:
                    continue
                where = tablets.condition(table, [part], [identity], profile)
                if parsed.where:
                    where = f"({where}) AND ({parsed.where})"
                count = 1 if profile.shared else min(len(backends), table.replicas())
                holders = [backends[(number + replica) % len(backends)] for replica in range(count)]
                pinned[identity] = {"sql": f"SELECT {columns} FROM {place} AS {quote(parsed.alias)} WHERE {where}", "version": one.version,
                                    "on": [node.name for node in holders]}
                routings[str(identity)] = {"routings": [f"{node.address}:{node.be_port}" for node in holders], "version": one.version,
                                           **({"versionHash": 0} if profile.is_doris else {}), "schemaHash": 1_294_206_575}
    bad = next((column for column in parsed.columns if unsupported(column.type, profile)), None)
    order = {"do": "pin", "plan": next(_numbers), "database": table.database, "table": table.name, "tablets": pinned,
             "columns": [{"name": column.name, "base": column.type.base, "length": column.type.length, "scale": column.type.scale,
                          "text": column.type.text, "nullable": column.nullable, "code": code_of(column.type)} for column in parsed.columns],
             "unsupported": f"Unknown primitive type({bad.type.base})" if bad else ""}
    if cluster.scan:
        told = cluster.scan.ask(order)
        if not told.get("ok"):
            raise Refused(500, told.get("error", "The Sql is invalid"))
    opaque = b"\x0c\x00\x01" + json.dumps({"plan": order["plan"]}).encode() + b"\0" * 64
    return {"partitions": routings, "opaqued_query_plan": base64.b64encode(opaque).decode(), "status": 200}


class Scan:
    """The process that has the BEs' thrift ports."""

    def __init__(self, cluster, control):
        self.cluster = cluster
        self.lock = threading.Lock()
        ready = json.dumps({
            "address": cluster.storage.address, "user": cluster.storage.user, "password": cluster.storage.password, "control": control,
            "backends": [{"name": node.name, "address": node.address, "port": node.be_port} for node in cluster.backends()]})
        self.process = subprocess.Popen([interpreter(), SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(ready + "\n")
        self.process.stdin.flush()
        if not self.process.stdout.readline():
            raise SystemExit("scan_server.py did not start")

    def ask(self, order):
        with self.lock:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "scan_server.py is gone"}

    def tell_world(self):
        """Its clock, which nodes are down, and whether it has to ask for faults."""
        self.ask({"do": "world", "offset": self.cluster.offset, "down": [n.name for n in self.cluster.backends() if not n.alive],
                  "faults": any(fault.name.startswith("scan_") for fault in self.cluster.faults.all)})

    def stop(self):
        self.process.kill()
        self.process.wait()


def interpreter():
    """A Python that has `thrift` and `pyarrow`: this one, or that of a virtual environment that is kept for the next run."""
    import shutil
    import venv
    probe = ["-c", "import thrift, pyarrow"]
    folder = os.path.join(os.environ.get("APUS_DOUBLE_CACHE") or "/var/tmp",
                          f"apus-double-scan-{os.getuid()}-{sys.version_info[0]}.{sys.version_info[1]}")
    program = os.path.join(folder, "bin", "python")
    for one in (sys.executable, program):
        if os.path.exists(one) and subprocess.run([one, *probe], capture_output=True).returncode == 0:
            return one
    made = tempfile.mkdtemp(prefix="apus-double-scan-", dir=os.path.dirname(folder))
    try:
        venv.create(made, with_pip=True)
        done = subprocess.run([os.path.join(made, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                               "--retries", "1", "--timeout", "15", "thrift", "pyarrow"], capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise SystemExit("--scan: thrift and pyarrow cannot be installed here: " + (done.stderr.strip() or "pip failed").splitlines()[-1])
        try:
            os.rename(made, folder)
        except OSError:
            # Another run was faster, or what is there is broken.
            if subprocess.run([program, *probe], capture_output=True).returncode:
                shutil.rmtree(folder, ignore_errors=True)
                os.rename(made, folder)
        return program
    finally:
        shutil.rmtree(made, ignore_errors=True)
