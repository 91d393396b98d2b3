"""ALTER TABLE: swap, rename, partitions and temporary partitions, columns, properties; and the jobs that SHOW ALTER lists."""

import copy
import itertools
import re

from . import ddl, materialized
from .catalog import IDENTITY, Partition, SQLError
from .engine import literal, quote
from .lexer import Words


def copy_of(table, database, name):
    """A table of the same form without rows."""
    made = copy.deepcopy(table)
    made.database, made.name, made.identity, made.temporary = database, name, next(IDENTITY), []
    if not made.partition_kind:
        made.partitions = [Partition(name)]
    made.partitions = [part.again() for part in made.partitions]
    return made


def only_partition(table):
    """The partition of a table that has none has the table's name, whatever that becomes."""
    if not table.partition_kind:
        for part in table.partitions:
            part.name = table.name


class Alter:
    def __init__(self, statements):
        self.statements, self.session, self.cluster = statements, statements.session, statements.cluster
        self.storage = self.cluster.storage

    def execute(self, words):
        if words.accept("SYSTEM") or words.accept("DATABASE") or words.accept("RESOURCE"):
            return None
        if words.accept("MATERIALIZED", "VIEW"):
            return materialized.alter(self.session, words)
        words.expect("TABLE")
        database, name = words.path()
        table = self.cluster.catalog.table(database or self.session.database, name)
        if table.view or (table.external and words.peek().upper != "RENAME"):
            raise SQLError(f"{name} is not a table of this cluster")
        self.cluster.settle(table)
        with self.storage.lock(table):
            while True:
                self.clause(words, table)
                if not words.accept(","):
                    break
        if words.more:
            words.fail("a clause of ALTER TABLE is expected")
        self.cluster.catalog.touch()
        return None

    def clause(self, words, table):
        if words.accept("SWAP", "WITH"):
            self.swap(table, words.path()[1])
        elif words.accept("REPLACE", "WITH", "TABLE"):
            # Doris' form, which exchanges the names unless told otherwise.
            other = words.path()[1]
            self.swap(table, other)
            if words.accept("PROPERTIES") and words.properties().get("swap", "true").lower() == "false":
                self.statements.execute(f"DROP TABLE {quote(table.database)}.{quote(other)}")
        elif words.accept("RENAME", "COLUMN"):
            self.rename_column(table, words)
        elif words.accept("RENAME", "PARTITION"):
            self.statements.partition(table, words.name()).name = words.name()
        elif words.accept("RENAME"):
            self.rename(table, words.name())
        elif words.accept("ADD", "TEMPORARY", "PARTITION") or words.accept("ADD", "TEMPORARY", "PARTITIONS"):
            self.add_partition(table, words, True)
        elif words.accept("ADD", "PARTITION") or words.accept("ADD", "PARTITIONS"):
            self.add_partition(table, words, False)
        elif words.accept("DROP", "TEMPORARY", "PARTITION"):
            self.drop_partition(table, words, True)
        elif words.accept("DROP", "PARTITION"):
            self.drop_partition(table, words, False)
        elif words.accept("REPLACE", "PARTITION"):
            self.replace_partition(table, words)
        elif words.accept("ADD", "ROLLUP"):
            while True:
                name, columns = words.name(), [self._column(table, one) for one in words.names()]
                if words.accept("FROM"):
                    words.name()
                if words.accept("PROPERTIES"):
                    words.properties()
                materialized.add_rollup(self.cluster, table, name, [(column, column.aggregate) for column in columns])
                if not words.accept(","):
                    break
        elif words.accept("DROP", "ROLLUP"):
            present = words.accept("IF", "EXISTS")
            materialized.drop_rollup(self.cluster, table, words.name(), present)
        elif words.accept("ADD", "INDEX"):
            index = materialized.read_index(words)
            materialized.check_index(table, index, self.cluster.profile)
            table.indexes.append(index)
        elif words.accept("DROP", "INDEX"):
            materialized.drop_index(table, words.name())
        elif words.accept("ADD", "COLUMN"):
            self.add_column(table, words)
        elif words.accept("DROP", "COLUMN"):
            self.drop_column(table, words)
        elif words.accept("MODIFY", "COLUMN"):
            self.modify_column(table, words)
        elif words.accept("SET"):
            table.properties.update(words.properties())
        elif words.accept("COMMENT"):
            words.accept("=")
            table.comment = words.literal()
        else:
            words.fail("the clause of ALTER TABLE is not known")

    # --- names
    def swap(self, table, other_name):
        """Both names change hands at once."""
        names = self.cluster.catalog.database(table.database)
        other = names.get(other_name)
        if other is None or not other.kept_here:
            raise SQLError(f"Unknown table '{table.database}.{other_name}'", 5502, "42S02")
        if other is table:
            raise SQLError("new table name is the same as the old one")
        self.cluster.settle(other)
        with self.storage.lock(other):
            first, second = self.storage.name(table), self.storage.name(other)
            between = f"{quote(table.database)}.`__swap`"
            pairs = [f"{first} TO {between}", f"{second} TO {first}", f"{between} TO {second}"]
            for one in (table, other):
                self.storage.temporary(one)
            first, second = self.storage.name(table, "__temp_"), self.storage.name(other, "__temp_")
            between = f"{quote(table.database)}.`__swap_temp`"
            pairs += [f"{first} TO {between}", f"{second} TO {first}", f"{between} TO {second}"]
            self.storage.run("RENAME TABLE " + ", ".join(pairs))
            for one in (table, other):
                materialized.changed(self.cluster, one, f"base-table swapped: {one.name}")
            names[table.name], names[other.name] = other, table
            table.name, other.name = other.name, table.name
            for one in (table, other):
                only_partition(one)

    def rename(self, table, name):
        names = self.cluster.catalog.database(table.database)
        if name in names:
            raise SQLError(f"Table name[{name}] is already used")
        materialized.changed(self.cluster, table, f"base-table renamed: {table.name}")
        if table.external:
            names[name] = names.pop(table.name)
            table.name = name
            return
        self.storage.temporary(table)
        old, old_temporary = self.storage.name(table), self.storage.name(table, "__temp_")
        del names[table.name]
        table.name = name
        only_partition(table)
        names[name] = table
        self.storage.run(f"RENAME TABLE {old} TO {self.storage.name(table)}, "
                         f"{old_temporary} TO {self.storage.name(table, '__temp_')}")

    # --- partitions
    def add_partition(self, table, words, temporary):
        if not table.partition_kind:
            raise SQLError("Only support adding partition to range or list partitioned table")
        absent = words.peek().upper == "IF"
        among = table.temporary if temporary else table.partitions
        ranged = [part for part in among if part.upper is not None]
        if words.peek().upper == "START":
            made = ddl.read_series(words)
        else:
            made = [ddl.read_partition(words, ranged[-1] if ranged else None)]
        for part in made:
            if table.partition(part.name, temporary):
                if absent:
                    continue
                raise SQLError(f"Duplicate partition name {part.name}", 1517, "HY000")
            if part.upper is not None and any(_overlap(part, other) for other in ranged):
                if absent:
                    continue
                raise SQLError(f"Range {_bounds(part)} is intersected with range {_bounds(ranged[0])}")
            part.version_time = self.cluster.now()
            among.append(part)
        if words.peek().text == "(":
            words.properties()
        if words.accept("DISTRIBUTED"):
            while words.more:
                words.next()

    def drop_partition(self, table, words, temporary):
        present = words.accept("IF", "EXISTS")
        name = words.name()
        words.accept("FORCE")
        part = table.partition(name, temporary)
        if part is None:
            if present:
                return
            self.statements.partition(table, name, temporary)
        if not temporary and not table.partition_kind:
            raise SQLError(f"Table [{table.name}] is not a partitioned table")
        (table.temporary if temporary else table.partitions).remove(part)
        place = self.storage.temporary(table) if temporary else self.storage.name(table)
        self.storage.run(f"DELETE FROM {place} WHERE `__part` = {part.identity}")

    def replace_partition(self, table, words):
        """REPLACE PARTITION (a, b) WITH TEMPORARY PARTITION (x, y): both sides cover the same range, unless told otherwise."""
        old = [self.statements.partition(table, name) for name in words.names()]
        words.expect("WITH", "TEMPORARY", "PARTITION")
        new = [self.statements.partition(table, name, True) for name in words.names()]
        rules = words.properties() if words.accept("PROPERTIES") else {}
        strict = rules.get("strict_range", "true").lower() == "true"
        keep = rules.get("use_temp_partition_name", "false").lower() == "true" or len(old) != len(new)
        if strict and _covered(old) != _covered(new):
            raise SQLError("2 range lists are not stricly matched. "
                           f"{[_bounds(p) for p in old]} vs. {[_bounds(p) for p in new]}")
        place = self.storage.temporary(table)
        columns = self.storage.columns(table)
        before = ",".join(str(part.identity) for part in old)
        after = ",".join(str(part.identity) for part in new)
        with self.storage.connection() as engine:
            engine.query("START TRANSACTION")
            engine.query(f"DELETE FROM {self.storage.name(table)} WHERE `__part` IN ({before})")
            engine.query(f"INSERT INTO {self.storage.name(table)} ({columns}, `__part`) "
                         f"SELECT {columns}, `__part` FROM {place} WHERE `__part` IN ({after}) ORDER BY `__row`")
            engine.query(f"DELETE FROM {place} WHERE `__part` IN ({after})")
            engine.query("COMMIT")
        for part in new:
            # The rows have other numbers now.
            part.physical = part.physical[:1]
        at = table.partitions.index(old[0])
        names = [part.name for part in old]
        table.partitions = [part for part in table.partitions if part not in old]
        table.temporary = [part for part in table.temporary if part not in new]
        for part, name in itertools.zip_longest(new, names):
            if not keep and part is not None:
                part.name = name
        table.partitions[at:at] = new

    # --- columns
    def job(self, table):
        self.cluster.jobs.append({"table": table.name, "database": table.database, "identity": next(IDENTITY),
                                  "time": self.cluster.now()})

    def add_column(self, table, words):
        added = []
        if words.peek().text == "(":
            words.expect("(")
            while not words.accept(")"):
                added.append((ddl.read_column(words, self.cluster.profile), None))
                words.accept(",")
        else:
            text = words.sql[words.peek().start :]
            match = re.search(r"(?is)\s+(?:(FIRST)|AFTER\s+([`\w]+))\s*\Z", text)
            inner = Words(text[: match.start()] if match else text)
            column = ddl.read_column(inner, self.cluster.profile)
            words.rest()
            added.append((column, 0 if match and match[1] else match[2].strip("`") if match else None))
        for column, place in added:
            if table.column(column.name):
                raise SQLError(f"Can not add column which already exists in base table: {column.name}")
            if not column.nullable and not column.has_default:
                raise SQLError(f"Can't add a NOT NULL column {column.name} without default value")
            position = " FIRST" if place == 0 else f" AFTER {quote(place)}" if place else f" AFTER {quote(table.columns[-1].name)}"
            at = 0 if place == 0 else (table.columns.index(table.column(place)) + 1 if place else len(table.columns))
            for prefix in self._places(table):
                self.storage.run(f"ALTER TABLE {self.storage.name(table, prefix)} ADD COLUMN {quote(column.name)} "
                                 f"{column.type.engine()}{position}")
                if column.default is not None and not column.default_expression:
                    self.storage.run(f"UPDATE {self.storage.name(table, prefix)} SET {quote(column.name)} = {literal(column.default)}")
            table.columns.insert(at, column)
        self.job(table)

    def _places(self, table):
        self.storage.temporary(table)
        return ("", "__temp_")

    def drop_column(self, table, words):
        column = self._column(table, words.name())
        if column.key:
            raise SQLError(f"Can not drop key column {column.name} in {table.model.lower()} key table")
        for prefix in self._places(table):
            self.storage.run(f"ALTER TABLE {self.storage.name(table, prefix)} DROP COLUMN {quote(column.name)}")
        table.columns.remove(column)
        self.job(table)

    def modify_column(self, table, words):
        column = ddl.read_column(words, self.cluster.profile)
        before = self._column(table, column.name)
        column.key = before.key
        for part in table.partitions + table.temporary:
            for one in part.physical:
                # A change of a type is written into new tablets.
                one.tablets = []
        for prefix in self._places(table):
            self.storage.run(f"ALTER TABLE {self.storage.name(table, prefix)} MODIFY COLUMN {quote(column.name)} {column.type.engine()}")
        table.columns[table.columns.index(before)] = column
        self.job(table)

    def rename_column(self, table, words):
        column = self._column(table, words.name())
        words.accept("TO")
        name = words.name()
        for prefix in self._places(table):
            self.storage.run(f"ALTER TABLE {self.storage.name(table, prefix)} CHANGE COLUMN {quote(column.name)} {quote(name)} "
                             f"{column.type.engine()}")
        table.keys = [name if key == column.name else key for key in table.keys]
        column.name = name
        self.job(table)

    def _column(self, table, name):
        column = table.column(name)
        if column is None:
            raise SQLError(f"Column does not exist: {name}")
        return column


def _bounds(part):
    return str(part.values) if part.values is not None else f"[{part.lower}, {part.upper})"


def _covered(parts):
    """What ranges or values these partitions cover together."""
    if any(part.values is not None for part in parts):
        return sorted(value for part in parts for value in part.values or [])
    merged = []
    for part in sorted(parts, key=lambda p: _order(p.lower)):
        if merged and _order(merged[-1][1]) == _order(part.lower):
            merged[-1] = (merged[-1][0], part.upper)
        else:
            merged.append((part.lower, part.upper))
    return merged


def _order(bound):
    """Bounds of ISO dates or whole numbers in their order; MAXVALUE last, no bound first."""
    if bound is None:
        return (0,)
    return (1,) + tuple((2, 0, "") if v is None else (0, int(v), "") if v.lstrip("-").isdigit() else (1, 0, v) for v in bound)


def _overlap(one, other):
    return _order(one.lower) < _order(other.upper) and _order(other.lower) < _order(one.upper)
