"""INSERT INTO and INSERT OVERWRITE: through the same staging and merging as a load, one version each."""

import re
import uuid

from . import tablets
from .catalog import SQLError
from .engine import EngineError, literal, quote
from .functions import prefixed
from .rewrite import Rewriting
from .routing import Router
from .transactions import LabelUsed, Refused


class Insert:
    def __init__(self, session):
        self.session, self.cluster = session, session.cluster

    def execute(self, words):
        self.hints = {}
        while words.peek().kind == "hint":
            self.hints.update((key.lower(), value) for key, value in re.findall(r"(\w+)\s*=\s*['\"]?(\w+)", words.next().text))
        overwrite = words.accept("OVERWRITE")
        if not overwrite:
            words.expect("INTO")
        words.accept("TABLE")
        database, name = words.path()
        table = self.cluster.catalog.table(database or self.session.database, name)
        if table.external:
            raise SQLError(f"The double does not write to the external table '{name}'")
        if table.view:
            raise SQLError(f"the data of materialized view '{name}' must be consistent with the base table")
        temporary = words.accept("TEMPORARY")
        chosen = None
        if words.accept("PARTITION") or words.accept("PARTITIONS"):
            chosen = words.names() if words.peek().text == "(" else [words.name()]
        label = words.name() if words.accept("WITH", "LABEL") else ""
        columns = None
        if words.peek().text == "(" and words.peek(1).upper not in ("SELECT", "WITH", "("):
            columns = words.names()
        body = words.sql[words.peek().start :]
        return self.store(table, columns, body, label, chosen, temporary, overwrite)

    def store(self, table, columns, body, label, chosen, temporary, overwrite):
        storage, engine = self.cluster.storage, self.session.engine
        targets = [self._column(table, name) for name in columns] if columns else table.stored
        missing = [c for c in table.stored if c not in targets and not c.nullable and not c.has_default and not c.auto_increment]
        if missing:
            raise SQLError(f"'{missing[0].name}' must be explicitly mentioned in column permutation")
        router = Router(table, chosen, temporary, self.cluster.catalog)
        rewritten, slow = prefixed(body), []
        if body[:6].upper() != "VALUES":
            rewriting = Rewriting(self.session, body)
            rewritten = rewriting.sql
            slow = [(rewriting, rules) for source in rewriting.tables
                    if (rules := self.cluster.faults.take("slow_scan", database=source[0], table=source[1])) is not None]
        try:
            transaction = self.cluster.transactions.begin(
                table.database, label or f"insert_{uuid.uuid4()}", table.name, kind="INSERT",
                timeout=float(self.limit()))
        except (LabelUsed, Refused) as refused:
            raise SQLError(str(refused)) from None
        try:
            with storage.lock(table), storage.stage(table, transaction.identity) as stage:
                listed = ", ".join(quote(column.name) for column in targets)
                engine.query("SET sql_mode='STRICT_ALL_TABLES'")
                try:
                    self.fill(f"INSERT INTO {stage} ({listed}) {rewritten}", slow)
                finally:
                    engine.query("SET sql_mode=''")
                self.check(table, stage, targets)
                self.place(table, router, stage)
                counts = {int(part): int(count) for part, count in engine.query(
                    f"SELECT `__part`, COUNT(*) FROM {stage} GROUP BY `__part`")}
                if counts.get(0):
                    raise SQLError("Insert has filtered data in strict mode, txn_id = "
                                   f"{transaction.identity} tracking sql = select tracking_log from information_schema.load_tracking_logs")
                target = storage.temporary(table) if temporary else storage.name(table)
                if overwrite:
                    counts = self.replace(table, stage, target, router.parts, counts, temporary)
                storage.merge(engine, table, stage, target)
        except BaseException as problem:
            self.cluster.transactions.abort(transaction, str(problem)[:200])
            raise
        transaction.total = transaction.loaded = sum(counts.values())
        self.cluster.transactions.commit(transaction, 0)
        for part in list(table.temporary if temporary else table.partitions):
            if part.identity in counts:
                self.cluster.bump(part)
                part.bytes += 64 * counts.get(part.identity, 0)
                tablets.grow_when_full(self.cluster, table, part)
        self.cluster.catalog.touch()
        return sum(counts.values())

    def limit(self):
        """Seconds that the INSERT may take, by its own hint or the session's variable."""
        name = "insert_timeout" if self.cluster.profile.insert_timeout else "query_timeout"
        return int(self.hints.get(name, self.session.insert_timeout))

    def fill(self, statement, slow):
        """The INSERT's query, which has `insert_timeout` from 3.4 on and `query_timeout` before."""
        limit = self.limit()
        for rewriting, rules in slow:
            self.session.scan_slowly(rewriting, rules, limit)
        engine = self.session.engine
        try:
            engine.query(f"SET STATEMENT max_statement_time={limit} FOR {statement}")
        except EngineError as problem:
            raise self.session.engine_error(problem.code, problem.message, limit) from None

    def replace(self, table, stage, target, parts, counts, temporary):
        """INSERT OVERWRITE: new partitions take the old ones' names and places. Returns the counts by their numbers."""
        engine = self.session.engine
        lost = self.cluster.faults.take("overwrite_loses_rows", database=table.database, table=table.name)
        if lost is not None:
            engine.query(f"DELETE FROM {stage} ORDER BY `__seq` DESC LIMIT {int(lost.get('rows', 1))}")
        among = table.temporary if temporary else table.partitions
        replaced = {part.identity: part.again() for part in among if part in parts or part.identity in counts}
        now = self.cluster.now()
        for part in replaced.values():
            part.version_time = now
        if replaced:
            numbers = ",".join(map(str, replaced))
            cases = " ".join(f"WHEN {old} THEN {new.identity}" for old, new in replaced.items())
            engine.query(f"DELETE FROM {target} WHERE `__part` IN ({numbers})")
            engine.query(f"UPDATE {stage} SET `__part` = CASE `__part` {cases} ELSE `__part` END")
        among[:] = [replaced.get(part.identity, part) for part in among]
        return {replaced[old].identity: count for old, count in counts.items() if old in replaced}

    def _column(self, table, name):
        column = table.column(name)
        if column is None:
            raise SQLError(f"Unknown column '{name}' in '{table.name}'", 1054, "42S22")
        return column

    def check(self, table, stage, targets):
        """Counters, then what StarRocks checks and MariaDB does not: NOT NULL, lengths in octets."""
        engine = self.session.engine
        for column in table.stored:
            name = quote(column.name)
            if column.auto_increment and column not in targets:
                engine.query(f"UPDATE {stage} SET {name} = {table.auto} + `__seq`")
                table.auto += int(engine.value(f"SELECT COALESCE(MAX(`__seq`), 0) FROM {stage}"))
            if not column.nullable and engine.value(f"SELECT 1 FROM {stage} WHERE {name} IS NULL LIMIT 1"):
                raise SQLError(f"NULL value in non-nullable column '{column.name}'")
            if column.type.base in ("CHAR", "VARCHAR") and engine.value(
                    f"SELECT 1 FROM {stage} WHERE LENGTH({name}) > {column.type.length} LIMIT 1"):
                raise SQLError(f"Insert has filtered data in strict mode: the length of '{column.name}' is over {column.type.length}")

    def place(self, table, router, stage):
        engine = self.session.engine
        if table.partition_kind != "EXPRESSION":
            engine.query(f"UPDATE {stage} SET `__part` = {router.sql()}")
            return
        names = [quote(name) for name in table.partition_columns]
        for values in engine.query(f"SELECT DISTINCT {', '.join(names)} FROM {stage}"):
            row = [None] * len(table.columns)
            for at, value in zip(router.at, values):
                row[at] = value
            part = router.place(row)
            same = " AND ".join(f"{name} <=> {literal(value)}" for name, value in zip(names, values))
            engine.query(f"UPDATE {stage} SET `__part` = {part.identity if part else 0} WHERE {same}")
