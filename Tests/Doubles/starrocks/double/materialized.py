"""Materialized views: asynchronous ones, which changes of their base tables make inactive, and synchronous ones, which are rollups."""

import re

from .catalog import SQLError
from .engine import quote
from .rewrite import Rewriting
from .shown import moment


def bases_of(cluster, rewriting):
    """The ids of the tables that a query reads, those behind plain views too."""
    found = []
    for database, name in rewriting.tables:
        table = cluster.catalog.find(database, name)
        if table is not None:
            found.append(table.identity)
            if table.view and not table.materialized:
                found += table.bases
    return list(dict.fromkeys(found))


def changed(cluster, table, why):
    """A base table was swapped, renamed or dropped: the materialized views on it, and those on them, are inactive."""
    for view in cluster.catalog.tables():
        if view.materialized and not view.inactive and table.identity in view.bases:
            view.inactive = why
            changed(cluster, view, f"base-mv inactive: {view.name}")


def alter(session, words):
    """ALTER MATERIALIZED VIEW name ACTIVE, INACTIVE, and what changes nothing here."""
    database, name = words.path()
    view = session.cluster.catalog.table(database or session.database, name)
    if not view.materialized:
        raise SQLError(f"{name} is not a materialized view")
    if words.accept("INACTIVE"):
        view.inactive = view.inactive or "user use alter materialized view set status to inactive"
    elif words.accept("ACTIVE"):
        if view.inactive:
            activate(session, view)
    session.cluster.catalog.touch()


def activate(session, view):
    before, session.database = session.database, view.database
    try:
        view.bases = bases_of(session.cluster, Rewriting(session, view.view))
    except SQLError as problem:
        raise SQLError(f"Can not active materialized view [{view.name}] because analyze materialized view define sql: \n\n{view.view}\n\n"
                       f"Cause an error: {problem.message}") from None
    finally:
        session.database = before
    view.inactive = ""


def refresh(session, words):
    database, name = words.path()
    view = session.cluster.catalog.table(database or session.database, name)
    if not view.materialized:
        raise SQLError(f"Can not refresh non materialized view: {name}")
    if view.inactive:
        raise SQLError(f"Refresh materialized view failed because [{name}] is not active. You can try to active it with ALTER MATERIALIZED "
                       f"VIEW {name} ACTIVE. ")


def rows(cluster, database=None):
    """What SHOW MATERIALIZED VIEWS says, asynchronous ones and rollups: (table, name, refresh type, active, reason, text)."""
    for table in cluster.catalog.tables():
        if database is not None and table.database != database:
            continue
        if table.materialized:
            yield table, table.name, "ASYNC", "false" if table.inactive else "true", table.inactive, table.view
        for name, rollup in table.rollups.items():
            if rollup["query"]:
                yield table, name, "ROLLUP", "true", "", rollup["query"]


def catalogue(cluster, counts):
    """The rows of information_schema.materialized_views."""
    for table, name, kind, active, reason, text in rows(cluster):
        task = f"mv-{table.identity}" if table.materialized else None
        yield [table.identity, table.database, name, kind, active, reason or None, "UNPARTITIONED" if table.materialized else None, None, task,
               moment(table.created), moment(table.created), "0.100", "SUCCESS", "false", "", "", "", "", "", None, text]


# --- rollups
def is_synchronous(clauses):
    """No refresh and no distribution: a rollup of its one base table."""
    return not re.search(r"(?i)\b(REFRESH|DISTRIBUTED|PARTITION)\b", clauses)


def create_rollup(session, database, name, query):
    """CREATE MATERIALIZED VIEW without REFRESH."""
    rewriting = Rewriting(session, query)
    if len(rewriting.tables) != 1 or rewriting.tables[0][0] != database:
        raise SQLError("The materialized view only support one table in from clause.")
    table = session.cluster.catalog.table(*rewriting.tables[0])
    if not table.kept_here:
        raise SQLError("The materialized view only support olap table.")
    if any(name in one.rollups for one in session.cluster.catalog.tables() if one.database == database):
        raise SQLError(f"Materialized view[{name}] already exists in the db {database}")
    listed = re.search(r"(?is)\bSELECT\b(.*?)\bFROM\b", query)[1]
    columns = []
    for item in re.split(r",(?![^()]*\))", listed):
        item = re.sub(r"(?is)\s+AS\s+[`\w]+\s*$", "", item.strip())
        call = re.fullmatch(r"(?is)(\w+)\s*\(\s*(?:\w+\s*\(\s*)?`?(\w+)`?\s*\)?\s*\)", item)
        column = table.column((call[2] if call else item).strip("`"))
        if column is None:
            raise SQLError(f"Column '{item}' cannot be resolved")
        columns.append((column, call[1].upper() if call else column.aggregate))
    add_rollup(session.cluster, table, name, columns, query)


def add_rollup(cluster, table, name, columns, query=""):
    if name in table.rollups or name == table.name:
        raise SQLError(f"Rollup index[{name}] already exists")
    table.rollups[name] = {"columns": columns, "query": query}
    job(cluster, table, name)


def drop_rollup(cluster, table, name, present=False):
    if name not in table.rollups:
        if present:
            return
        raise SQLError(f"Rollup index[{name}] does not exist in table[{table.name}]")
    del table.rollups[name]
    for part in table.partitions:
        for one in part.physical:
            one.rollups.pop(name, None)


def drop_view(session, database, name):
    """DROP MATERIALIZED VIEW of a synchronous one; False if there is none of that name."""
    for table in session.cluster.catalog.tables():
        if table.database == database and name in table.rollups:
            drop_rollup(session.cluster, table, name)
            session.cluster.catalog.touch()
            return True
    return False


def job(cluster, table, rollup):
    from .catalog import IDENTITY
    cluster.jobs.append({"table": table.name, "database": table.database, "identity": next(IDENTITY), "time": cluster.now(),
                         "rollup": rollup})


def describe_all(table, profile, base):
    """DESC t ALL: the base table, then each rollup behind an empty row."""
    kinds = {"DUPLICATE": "DUP_KEYS", "AGGREGATE": "AGG_KEYS", "UNIQUE": "UNIQUE_KEYS", "PRIMARY": "PRIMARY_KEYS"}
    found = [[table.name if not number else "", kinds[table.model] if not number else "", *row] for number, row in enumerate(base)]
    for name, rollup in table.rollups.items():
        found.append([""] * 8)
        grouped = any(aggregate for _, aggregate in rollup["columns"])
        for number, (column, aggregate) in enumerate(rollup["columns"]):
            key = "false" if aggregate or (not grouped and not column.key) else "true"
            found.append([name if not number else "", ("AGG_KEYS" if grouped else kinds[table.model]) if not number else "", column.name,
                          column.type.shown(profile), "YES" if column.nullable else "NO", key, column.default, aggregate])
    return ["IndexName", "IndexKeysType", "Field", "Type", "Null", "Key", "Default", "Extra"], found


# --- indexes
def read_index(words):
    """What follows INDEX: name (columns) [USING kind] [(properties)] [COMMENT 'text']."""
    name, columns, kind, rules, comment = words.name(), words.names(), "BITMAP", {}, ""
    if words.accept("USING"):
        kind = words.name().upper()
    if words.peek().text == "(":
        rules = words.properties()
    elif words.accept("PROPERTIES"):
        rules = words.properties()
    if words.accept("COMMENT"):
        comment = words.literal()
    return {"name": name, "columns": columns, "kind": kind, "properties": rules, "comment": comment}


def index_text(index):
    """An index as SHOW CREATE TABLE prints it."""
    rules = ", ".join(f'"{key}" = "{value}"' for key, value in index["properties"].items())
    return (f"  INDEX {index['name']} ({', '.join(quote(name) for name in index['columns'])}) USING {index['kind']}"
            + (f"({rules})" if rules else "") + f" COMMENT '{index['comment']}'")


def check_index(table, index, profile):
    known = {"BITMAP": True, "NGRAMBF": profile.since(3, 3) and not profile.is_doris, "GIN": profile.since(3, 3) and not profile.is_doris,
             "VECTOR": profile.since(3, 4) and not profile.is_doris, "INVERTED": profile.is_doris, "NGRAM_BF": profile.is_doris}
    if not known.get(index["kind"], False):
        raise SQLError(f"Unsupported index type: {index['kind']}")
    for name in index["columns"]:
        if table.column(name) is None:
            raise SQLError(f"{index['kind']} index column does not exist in table. invalid column: {name}")
    if any(other["name"].lower() == index["name"].lower() for other in table.indexes if other is not index):
        raise SQLError(f"index `{index['name']}` already exist.")


def drop_index(table, name):
    found = next((index for index in table.indexes if index["name"].lower() == name.lower()), None)
    if found is None:
        raise SQLError(f"index {name} does not exist")
    table.indexes.remove(found)
