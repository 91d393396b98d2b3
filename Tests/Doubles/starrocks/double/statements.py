"""Statements of the SQL port: which one it is, and what it does to the catalogue and the rows."""

import re
import threading
import uuid
from contextlib import contextmanager

from . import alter, ddl, insert, materialized, show
from .catalog import Column, SQLError, Table, Type
from .engine import quote
from .lexer import Words
from .rewrite import Rewriting
from .transactions import Refused

_creating = threading.Lock()


class Statements:
    def __init__(self, session):
        self.session, self.cluster = session, session.cluster

    @property
    def catalog(self):
        return self.cluster.catalog

    def execute(self, sql):
        """None or a number for OK, (columns, rows) for a result; a SELECT answers by itself and raises nothing here."""
        words = Words(sql)
        if not words.more:
            raise SQLError("Getting syntax error. Detail message: empty statement.")
        first = words.peek().upper or words.peek().text
        if first in ("SELECT", "WITH", "("):
            self.session.select(sql)
            return ANSWERED
        handler = getattr(self, "do_" + first.lower(), None)
        if handler is None:
            words.fail("the statement is not known")
        words.next()
        return handler(words)

    # --- session
    def do_use(self, words):
        self.session.use(words.path()[1])

    def do_set(self, words):
        scope = words.peek().upper
        if scope in ("NAMES", "CHARACTER", "PASSWORD", "TRANSACTION", "DEFAULT", "ROLE"):
            return None
        if words.accept("GLOBAL", "TRANSACTION") or words.accept("SESSION", "TRANSACTION"):
            return None
        while words.more:
            everywhere = False
            if words.accept("GLOBAL"):
                everywhere = True
            elif not words.accept("SESSION"):
                words.accept("LOCAL")
            name = words.name()
            while words.accept("."):
                everywhere = name.lower() == "@@global"
                name = words.name()
            if not words.accept("="):
                words.accept(":")
                words.expect("=")
            start = words.peek()
            if start.kind == "word" and start.text.startswith("@@"):
                words.next()
                while words.accept("."):
                    start = words.next()
                value = str(self.session.variable(start.text.lstrip("@")))
            else:
                value = words.literal()
            while words.more and words.peek().text != ",":
                words.next()
            if name.startswith("@") and not name.startswith("@@"):
                continue
            value = {"ON": "1", "OFF": "0", "DEFAULT": None}.get(value.upper(), value)
            name = name.lstrip("@")
            if value is None:
                self.session.variables.pop(name.lower(), None)
            else:
                self.session.assign(name, value, everywhere)
            if not words.accept(","):
                break
        return None

    def do_kill(self, words):
        return None

    def do_begin(self, words):
        return None

    do_start = do_commit = do_rollback = do_unlock = do_lock = do_analyze = do_begin

    def do_explain(self, words):
        Rewriting(self.session, words.rest())
        return ["Explain String"], [["PLAN FRAGMENT 0"], [" OUTPUT EXPRS:"], ["  PARTITION: UNPARTITIONED"]]

    def do_show(self, words):
        return show.Show(self.session).execute(words)

    def do_desc(self, words):
        words.accept("TABLE")
        path = words.path()
        columns, rows = show.Show(self.session).columns(path, full=False)
        if words.accept("ALL"):
            return materialized.describe_all(self.catalog.table(path[0] or self.session.database, path[1]), self.cluster.profile, rows)
        return columns, rows

    do_describe = do_desc

    def do_admin(self, words):
        if words.accept("SET", "FRONTEND", "CONFIG"):
            for key, value in words.properties().items():
                if key in self.cluster.config:
                    kind = type(self.cluster.config[key])
                    self.cluster.config[key] = kind(float(value)) if kind in (int, float) else value.lower() == "true"
            return None
        if words.accept("SHOW", "FRONTEND", "CONFIG"):
            rows = [[key, "[]", str(value), type(value).__name__, "true", ""] for key, value in self.cluster.config.items()]
            match = re.search(r"(?i)like\s+'([^']*)'", words.sql)
            pattern = match[1].replace("%", ".*").replace("_", ".") if match else ".*"
            return (["Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"],
                    [row for row in rows if re.fullmatch(pattern, row[0])])
        words.fail("the ADMIN statement is not known")

    # --- databases and tables
    def do_create(self, words):
        if words.accept("DATABASE") or words.accept("SCHEMA"):
            absent = words.accept("IF", "NOT", "EXISTS")
            name = words.path()[1]
            if name in self.catalog.databases:
                if absent:
                    return None
                raise SQLError(f"Can't create database '{name}'; database exists", 1007, "HY000")
            self.cluster.storage.run(f"CREATE DATABASE {quote(name)} CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
            self.catalog.create_database(name)
            return None
        if words.accept("MATERIALIZED", "VIEW"):
            return self.create_view(words, is_materialized=True)
        if words.accept("OR", "REPLACE", "VIEW") or words.accept("VIEW"):
            return self.create_view(words)
        if words.accept("REPOSITORY"):
            return self.create_repository(words)
        if words.accept("INDEX"):
            words.accept("IF", "NOT", "EXISTS")
            return self.create_index(words)
        words.accept("EXTERNAL")
        words.accept("TEMPORARY")
        words.expect("TABLE")
        return self.create_table(words)

    def create_repository(self, words):
        """A place of backups: it is listed, nothing is written to it."""
        name = words.name()
        match = re.match(r"(?is)\s*WITH\s+BROKER\b.*?\bON\s+LOCATION\s+(['\"])(.*?)\1", words.sql[words.peek().start :])
        if not match:
            words.fail("expecting WITH BROKER ON LOCATION")
        if name in self.catalog.repositories:
            raise SQLError(f"Repository with same name already exist: {name}")
        self.catalog.repositories[name] = (len(self.catalog.repositories) + 12_001, self.cluster.now(), match[2])
        return None

    def create_index(self, words):
        """CREATE INDEX name ON table (columns) …, and DROP INDEX name ON table."""
        name = words.name()
        words.expect("ON")
        database, table = words.path()
        found = self.catalog.table(database or self.session.database, table)
        index = materialized.read_index(Words(f"{quote(name)} " + words.rest()))
        materialized.check_index(found, index, self.cluster.profile)
        found.indexes.append(index)
        self.catalog.touch()
        return None

    def create_as(self, sql, table, absent, query):
        """CREATE TABLE … AS SELECT: the query's columns, then its rows as an INSERT."""
        if absent and self.catalog.find(table.database, table.name):
            return None
        described = self.session.engine.query(f"SELECT * FROM ({Rewriting(self.session, query).sql}) x LIMIT 0").definitions
        columns = ", ".join(f"{quote(column['name'])} {self.type_of(column)}" for column in described)
        head = sql[: sql.rindex(query)].rstrip()[:-2]
        match = re.search(r"(?is)\bTABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:`[^`]+`|\w+)(?:\s*\.\s*(?:`[^`]+`|\w+))?", head)
        rest = head[match.end() :]
        path = f"{quote(table.database)}.{quote(table.name)}"
        self.execute(f"CREATE TABLE {path} ({columns}) {rest}{'' if table.distribution else ' DISTRIBUTED BY RANDOM'}")
        try:
            return self.execute(f"INSERT INTO {path} {query}")
        except SQLError:
            self.execute(f"DROP TABLE {path}")
            raise

    def type_of(self, column):
        """The type of a query's column: the table's, or what the result has."""
        table = self.catalog.find(column["database"], column["original_table"])
        known = table.column(column["original"]) if table else None
        if known:
            return known.type.shown(self.cluster.profile)
        kind = {1: "TINYINT", 2: "SMALLINT", 3: "INT", 4: "FLOAT", 5: "DOUBLE", 8: "BIGINT", 10: "DATE", 12: "DATETIME"}.get(column["kind"])
        return kind or (f"DECIMAL(38, {column['decimals']})" if column["kind"] in (0, 246) else "STRING")

    def create_table(self, words):
        like = re.match(r"(?is)CREATE\s+(?:EXTERNAL\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?(.+?)\s+LIKE\s+(.+)\Z", words.sql)
        if like and "(" not in like[2]:
            target, source = Words(like[2]).path(), Words(like[3]).path()
            table = alter.copy_of(self.catalog.table(source[0] or self.session.database, source[1]),
                                  target[0] or self.session.database, target[1])
            absent = bool(like[1])
        else:
            table, absent, query = ddl.create_table(words, self.session.database, self.cluster.profile)
            if query is not None:
                return self.create_as(words.sql, table, absent, query)
        names = self.catalog.database(table.database)
        # Two sessions may make the same table IF NOT EXISTS at the same time, and both are told that it is there.
        with _creating:
            if table.name in names:
                if absent:
                    return None
                raise SQLError(f"Table '{table.name}' already exists", 1050, "42S01")
            table.created = self.cluster.now()
            for part in table.partitions:
                part.version_time = table.created
            if not table.external:
                self.cluster.storage.create(table)
            names[table.name] = table
        self.catalog.touch()
        return None

    def create_view(self, words, is_materialized=False):
        absent = words.accept("IF", "NOT", "EXISTS")
        database, name = words.path()
        database = database or self.session.database
        names = self.catalog.database(database)
        if name in names:
            if absent:
                return None
            raise SQLError(f"Table '{name}' already exists", 1050, "42S01")
        start = words.peek().start
        while words.more and not words.accept("AS"):
            words.next()
        clauses = words.sql[start : words.tokens[words.at - 1].start]
        body = words.rest()
        if is_materialized and materialized.is_synchronous(clauses):
            materialized.create_rollup(self.session, database, name, body)
            self.catalog.touch()
            return None
        rewriting = Rewriting(self.session, body)
        rewritten = rewriting.sql
        table = Table(database, name, [], view=body, materialized=is_materialized, created=self.cluster.now())
        table.bases = materialized.bases_of(self.cluster, rewriting)
        table.partition_text = words.sql[start:].split(" AS ")[0] if is_materialized else ""
        self.session.engine.query(f"CREATE VIEW {quote(database)}.{quote(name)} AS {rewritten}")
        for row in self.session.engine.query(f"SHOW COLUMNS FROM {quote(database)}.{quote(name)}"):
            table.columns.append(Column(row[0], Type("VARCHAR", 65_533)))
        names[name] = table
        self.catalog.touch()
        return None

    def do_refresh(self, words):
        words.expect("MATERIALIZED", "VIEW")
        return materialized.refresh(self.session, words)

    def do_drop(self, words):
        if words.accept("DATABASE") or words.accept("SCHEMA"):
            present = words.accept("IF", "EXISTS")
            name = words.path()[1]
            if name not in self.catalog.databases:
                if present:
                    return None
                raise SQLError(f"Can't drop database '{name}'; database doesn't exist", 1008, "HY000")
            self.cluster.storage.run(f"DROP DATABASE {quote(name)}")
            del self.catalog.databases[name]
            self.catalog.touch()
            return None
        if words.accept("REPOSITORY"):
            name = words.name()
            if self.catalog.repositories.pop(name, None) is None:
                raise SQLError(f"Repository does not exist: {name}")
            return None
        if words.accept("INDEX"):
            name = words.name()
            words.expect("ON")
            database, table = words.path()
            materialized.drop_index(self.catalog.table(database or self.session.database, table), name)
            return None
        view = words.accept("MATERIALIZED", "VIEW") or words.accept("VIEW")
        if not view:
            words.accept("TEMPORARY")
            words.expect("TABLE")
        present = words.accept("IF", "EXISTS")
        database, name = words.path()
        database = database or self.session.database
        table = self.catalog.find(database, name)
        if view and table is None and materialized.drop_view(self.session, database, name):
            return None
        if table is None or bool(table.view) != bool(view):
            if present:
                return None
            self.catalog.database(database)
            raise SQLError(f"Unknown table '{name}'", 1051, "42S02")
        materialized.changed(self.cluster, table, f"base-table dropped: {name}")
        self.cluster.settle(table)
        if view:
            self.cluster.storage.run(f"DROP VIEW {quote(database)}.{quote(name)}")
        else:
            self.cluster.storage.drop(table)
        del self.catalog.databases[database][name]
        self.catalog.touch()
        return None

    def do_truncate(self, words):
        words.accept("TABLE")
        database, name = words.path()
        table = self.catalog.table(database or self.session.database, name)
        if not table.kept_here:
            raise SQLError(f"Table '{table.name}' is not a table of this cluster")
        chosen = table.partitions
        if words.accept("PARTITION"):
            chosen = [self.partition(table, part) for part in words.names()]
        numbers = ",".join(str(part.identity) for part in chosen)
        if numbers:
            with self.cluster.storage.lock(table):
                self.cluster.storage.run(f"DELETE FROM {self.cluster.storage.name(table)} WHERE `__part` IN ({numbers})")
        now = self.cluster.now()
        for part in chosen:
            made = part.again()
            made.version_time = now
            table.partitions[table.partitions.index(part)] = made
        self.catalog.touch()
        return None

    def partition(self, table, name, temporary=False):
        part = table.partition(name, temporary)
        if part is None:
            raise SQLError(f"Error in list of partitions to {table.name}: partition {name} does not exist", 1493, "HY000")
        return part

    def do_alter(self, words):
        return alter.Alter(self).execute(words)

    # --- rows
    def do_insert(self, words):
        return insert.Insert(self.session).execute(words)

    def do_delete(self, words):
        words.expect("FROM")
        database, name = words.path()
        database = database or self.session.database
        table = self.catalog.table(database, name)
        if not table.kept_here:
            raise SQLError(f"Table '{table.name}' is not a table of this cluster")
        match = re.match(r"(?is)\s*(?:PARTITIONS?\s*\(([^)]*)\)|PARTITION\s+([`\w]+))?\s*(?:WHERE\s+(.*))?\Z",
                         words.sql[words.peek().start :])
        if not match or not match[3]:
            raise SQLError("Where clause is not set")
        chosen = [part.strip().strip("`") for part in (match[1] or match[2] or "").split(",") if part.strip()]
        parts = [self.partition(table, part) for part in chosen] or table.partitions
        where = f"({Rewriting(self.session, match[3]).sql})"
        if chosen:
            where += f" AND `__part` IN ({','.join(str(part.identity) for part in parts)})"
        with self.label(table, "delete"), self.cluster.storage.lock(table):
            self.session.engine.query(f"DELETE FROM {quote(database)}.{quote(name)} WHERE {where}")
        for part in parts:
            self.cluster.bump(part, everywhere=True)
        self.catalog.touch()
        return 0

    @contextmanager
    def label(self, table, kind):
        """Every statement that changes rows spends a label of its database."""
        transactions = self.cluster.transactions
        try:
            spent = transactions.begin(table.database, f"{kind}_{uuid.uuid4()}", table.name, kind=kind.upper())
        except Refused as refused:
            raise SQLError(str(refused)) from None
        try:
            yield
        except BaseException as problem:
            transactions.abort(spent, str(problem)[:200])
            raise
        transactions.commit(spent, 0)

    def do_update(self, words):
        database, name = words.path()
        table = self.catalog.table(database or self.session.database, name)
        if table.model != "PRIMARY":
            raise SQLError("only support updating primary key table")
        rest = words.sql[words.peek().start :]
        if not re.search(r"(?i)\bwhere\b", rest):
            raise SQLError("must specify where clause to prevent full table update")
        with self.label(table, "update"), self.cluster.storage.lock(table):
            done = self.session.engine.query(
                f"UPDATE {quote(table.database)}.{quote(table.name)} {Rewriting(self.session, rest).sql}")
        self.cluster.bump_all(table)
        return done.affected


class _Answered:
    """The session has sent the answer."""


ANSWERED = _Answered()
