"""Keeps the rows in MariaDB: one table there for each table here, staging and merging by the table's model."""

import os
import queue
import threading
from contextlib import contextmanager

from . import functions
from .engine import Engine, literal, quote

HIDDEN = "`__part` int NOT NULL DEFAULT 0 INVISIBLE"


class Spool:
    """Checked rows of one load, in LOAD DATA's form, waiting for their commit."""

    def __init__(self, folder, identity, table, columns, **rules):
        self.path = os.path.join(folder, f"spool-{identity}")
        self.file = open(self.path, "wb", buffering=1 << 18)
        self.table, self.columns = table, columns
        """The names that the file has fields for; `__op` and `__part` follow."""
        self.rules = rules
        self.rows = 0
        self.bytes = 0
        self.partitions = {}

    def drop(self):
        self.file.close()
        if os.path.exists(self.path):
            os.unlink(self.path)


class Storage:
    def __init__(self, address, user, password, folder):
        self.address, self.user, self.password, self.folder = address, user, password, folder
        self.idle = queue.SimpleQueue()
        self.locks = {}
        self.guard = threading.Lock()
        self.ready = False

    @contextmanager
    def connection(self):
        try:
            engine = self.idle.get_nowait()
        except queue.Empty:
            engine = self.connect()
        try:
            yield engine
        except BaseException:
            engine.close()
            raise
        self.idle.put(engine)

    def connect(self):
        engine = Engine(self.address, self.user, self.password)
        engine.query("SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin")
        engine.query("CREATE DATABASE IF NOT EXISTS `__double`")
        with self.guard:
            if not self.ready:
                functions.create(engine)
                self.ready = True
        # Some statements want a database though they name every table's.
        engine.query("USE `__double`")
        return engine

    def run(self, sql):
        with self.connection() as engine:
            return engine.query(sql)

    def lock(self, table):
        with self.guard:
            return self.locks.setdefault(table.identity, threading.RLock())

    # --- tables
    def definition(self, table, stage=False):
        lines = []
        for column in table.columns:
            line = f"{quote(column.name)} {column.type.engine()}"
            if column.generated:
                if stage:
                    continue
                line += f" AS ({column.generated}) VIRTUAL"
            elif stage and column.has_default and not column.default_expression and column.default is not None:
                line += f" DEFAULT {literal(column.default)}" if "text" not in line else f" DEFAULT ({literal(column.default)})"
            elif stage and column.default_expression and column.default == "CURRENT_TIMESTAMP":
                line += " DEFAULT (CAST(CURRENT_TIMESTAMP(0) AS DATETIME))"
            lines.append(line)
        if stage:
            lines.append("`__op` tinyint NOT NULL DEFAULT 0 INVISIBLE")
            lines.append("`__seq` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY INVISIBLE")
        lines.append(HIDDEN)
        if not stage:
            lines.append("`__row` bigint NOT NULL AUTO_INCREMENT PRIMARY KEY INVISIBLE")
            lines.append("KEY `__p` (`__part`)")
        keys = []
        for name in table.keys[:8]:
            column = table.column(name)
            kind = column.type.engine()
            prefix = "(64)" if kind.startswith("long") or (kind.startswith("varchar") and column.type.length > 64) else ""
            keys.append(quote(name) + prefix)
        if keys:
            lines.append(f"KEY `__key` ({', '.join(keys)})")
        engine = "MyISAM" if stage else "InnoDB"
        return f"({', '.join(lines)}) ENGINE={engine} CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"

    def name(self, table, prefix=""):
        return f"{quote(table.database)}.{quote(prefix + table.name)}"

    def create(self, table):
        self.run(f"CREATE TABLE {self.name(table)} {self.definition(table)}")

    def drop(self, table):
        self.run(f"DROP TABLE IF EXISTS {self.name(table)}, {self.name(table, '__temp_')}")

    def temporary(self, table):
        """Where the rows of temporary partitions are."""
        self.run(f"CREATE TABLE IF NOT EXISTS {self.name(table, '__temp_')} {self.definition(table)}")
        return self.name(table, "__temp_")

    def counts(self, table, temporary=False):
        """Rows by partition number."""
        if temporary:
            self.temporary(table)
        name = self.name(table, "__temp_" if temporary else "")
        return {int(part): int(count) for part, count in self.run(
            f"SELECT `__part`, COUNT(*) FROM {name} GROUP BY `__part`")}

    def columns(self, table):
        return ", ".join(quote(column.name) for column in table.stored)

    # --- publishing
    @contextmanager
    def stage(self, table, identity):
        name = f"{quote(table.database)}.{quote(f'__stage_{identity}_{threading.get_ident()}')}"
        self.run(f"CREATE TABLE {name} {self.definition(table, stage=True)}")
        try:
            yield name
        finally:
            self.run(f"DROP TABLE IF EXISTS {name}")

    def load(self, engine, spool, into):
        columns = [spool.table.column(name) for name in spool.columns]
        fields, sets = [], []
        for number, column in enumerate(columns):
            if column.type.engine() == "longblob":
                fields.append(f"@f{number}")
                sets.append(f"{quote(column.name)} = UNHEX(@f{number})")
            else:
                fields.append(quote(column.name))
        if spool.rules.get("op", True):
            fields.append("`__op`" if "__stage_" in into else "@op")
        fields.append("`__part`")
        tail = f" SET {', '.join(sets)}" if sets else ""

        def parts():
            spool.file.flush()
            with open(spool.path, "rb") as file:
                while part := file.read(1 << 20):
                    yield part

        engine.query("SET unique_checks=0")
        engine.query(
            f"LOAD DATA LOCAL INFILE 'x' INTO TABLE {into} CHARACTER SET utf8mb4 ({', '.join(fields)}){tail}", parts())

    def publish(self, spools):
        """Makes the rows of a transaction visible, in one transaction of MariaDB for each table."""
        for table, group in _by_table(spools):
            with self.lock(table), self.connection() as engine:
                target = self.temporary(table) if group[0].rules.get("temporary") else self.name(table)
                if table.model == "DUPLICATE":
                    engine.query("START TRANSACTION")
                    for spool in group:
                        self.load(engine, spool, target)
                    engine.query("COMMIT")
                else:
                    for spool in group:
                        with self.stage(table, id(spool)) as stage:
                            self.load(engine, spool, stage)
                            self.merge(engine, table, stage, target, spool.rules, spool.columns)

    def merge(self, engine, table, stage, target, rules=None, filled=None):
        """Brings staged rows into the table as its model says."""
        rules = rules or {}
        keys = [quote(key) for key in table.keys]
        same = " AND ".join(f"s.{key} <=> t.{key}" for key in keys)
        columns = self.columns(table)
        if table.model == "DUPLICATE":
            engine.query(f"INSERT INTO {target} ({columns}, `__part`) SELECT {columns}, `__part` FROM {stage}")
            return
        if table.model == "AGGREGATE":
            self._aggregate(engine, table, stage, target, keys, same)
            return
        listed = ", ".join(keys)
        engine.query(
            f"DELETE s FROM {stage} s JOIN (SELECT {listed}, MAX(`__seq`) AS `__last` FROM {stage} GROUP BY {listed} "
            f"HAVING COUNT(*) > 1) t ON {same} AND s.`__seq` < t.`__last`")
        if rules.get("partial"):
            missing = [quote(c.name) for c in table.stored if c.name not in (filled or ())]
            if missing:
                engine.query(f"UPDATE {stage} s JOIN {target} t ON {same} SET "
                             + ", ".join(f"s.{name} = t.{name}" for name in missing))
            if rules["partial"] == "column":
                engine.query(f"DELETE s FROM {stage} s LEFT JOIN {target} t ON {same} WHERE t.{keys[0]} IS NULL")
        if rules.get("merge_condition"):
            name = quote(rules["merge_condition"])
            engine.query(f"DELETE s FROM {stage} s JOIN {target} t ON {same} WHERE NOT (s.{name} >= t.{name})")
        engine.query("START TRANSACTION")
        engine.query(f"DELETE t FROM {stage} s STRAIGHT_JOIN {target} t ON {same}")
        engine.query(f"INSERT INTO {target} ({columns}, `__part`) SELECT {columns}, `__part` FROM {stage} WHERE `__op` = 0")
        engine.query("COMMIT")

    def _aggregate(self, engine, table, stage, target, keys, same):
        columns = self.columns(table)
        over = f"OVER (PARTITION BY {', '.join(keys)}"
        picked = []
        for column in table.stored:
            name = quote(column.name)
            if not column.aggregate:
                picked.append(name)
            elif column.aggregate in ("SUM", "MIN", "MAX"):
                picked.append(f"{column.aggregate}({name}) {over}) AS {name}")
            elif column.aggregate in ("BITMAP_UNION", "HLL_UNION"):
                picked.append(f"(SELECT {functions.union('u.' + name)} FROM {stage} u WHERE "
                              + " AND ".join(f"u.{key} <=> p.{key}" for key in keys) + f") AS {name}")
            elif column.aggregate == "REPLACE_IF_NOT_NULL":
                picked.append(f"FIRST_VALUE({name}) {over} ORDER BY {name} IS NULL, `__seq` DESC) AS {name}")
            else:
                picked.append(f"FIRST_VALUE({name}) {over} ORDER BY `__seq` DESC) AS {name}")
        # What is there already comes before what was loaded.
        engine.query(f"SET @before = 0")
        engine.query(
            f"INSERT INTO {stage} ({columns}, `__part`, `__seq`) SELECT {', '.join('t.' + quote(c.name) for c in table.stored)}, "
            f"t.`__part`, (@before := @before - 1) FROM {target} t WHERE EXISTS (SELECT 1 FROM {stage} s WHERE {same})")
        engine.query("START TRANSACTION")
        engine.query(f"DELETE t FROM {target} t WHERE EXISTS (SELECT 1 FROM {stage} s WHERE {same})")
        engine.query(
            f"INSERT INTO {target} ({columns}, `__part`) SELECT {columns}, `__part` FROM (SELECT {', '.join(picked)}, `__part`, "
            f"ROW_NUMBER() {over} ORDER BY `__seq` DESC) AS `__rank` FROM {stage} p) x WHERE `__rank` = 1")
        engine.query("COMMIT")


def _by_table(spools):
    groups = {}
    for spool in spools:
        groups.setdefault((spool.table.identity, bool(spool.rules.get("temporary"))), []).append(spool)
    return [(group[0].table, group) for group in groups.values()]
