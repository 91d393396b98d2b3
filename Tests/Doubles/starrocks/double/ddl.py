"""Reads CREATE TABLE and partition clauses; checks what StarRocks checks of them."""

import datetime

from . import materialized
from .catalog import OPAQUE, Column, Partition, SQLError, Table, Type

ALIASES = {"INTEGER": "INT", "BOOL": "BOOLEAN", "TEXT": "STRING", "DECIMALV2": "DECIMAL", "DECIMALV3": "DECIMAL",
           "DECIMAL32": "DECIMAL", "DECIMAL64": "DECIMAL", "DECIMAL128": "DECIMAL", "DECIMAL256": "DECIMAL",
           "NUMERIC": "DECIMAL", "DATEV2": "DATE", "DATETIMEV2": "DATETIME", "JSONB": "JSON", "BINARY": "VARBINARY"}
BASES = {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "FLOAT", "DOUBLE", "DECIMAL", "CHAR", "VARCHAR",
         "STRING", "DATE", "DATETIME", "JSON", "VARBINARY", *OPAQUE}
AGGREGATES = {"SUM", "MIN", "MAX", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "PERCENTILE_UNION"}
ENGINES = {"MYSQL": "MySQL", "HIVE": "Hive", "ICEBERG": "Iceberg", "HUDI": "Hudi", "JDBC": "JDBC", "ELASTICSEARCH": "ElasticSearch",
           "BROKER": "Broker", "ODBC": "Odbc"}
"""How information_schema spells the engines of external tables."""
KEY_BASES = {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "STRING", "VARCHAR", "DATE", "DATETIME"}


def read_type(words, profile):
    start = words.peek().start
    base = words.next().upper
    base = ALIASES.get(base, base)
    if base in ("ARRAY", "MAP", "STRUCT"):
        if base != "ARRAY" and not profile.maps_and_structs:
            raise SQLError(f"Unsupported data type: {base}")
        words.expect("<")
        depth = 1
        while depth:
            token = words.next()
            if token.kind == "end":
                words.fail("a type is open")
            depth += {"<": 1, ">": -1}.get(token.text, 0)
        return Type(base, text=words.sql[start : words.tokens[words.at - 1].end])
    if base not in BASES or (base == "VARBINARY" and not profile.varbinary):
        raise SQLError(f"Unsupported data type: {base}")
    numbers = []
    if words.accept("("):
        while not words.accept(")"):
            token = words.next()
            if token.kind == "number":
                numbers.append(int(token.text))
    if base == "DECIMAL":
        precision, scale = (numbers + [10, 0][len(numbers) :])[:2] if numbers else (10, 0)
        if not 1 <= precision <= profile.decimal_digits or scale > precision:
            raise SQLError(f"DECIMAL's precision should range from 1 to {profile.decimal_digits}")
        return Type(base, precision, scale)
    if base == "CHAR":
        length = numbers[0] if numbers else 1
        if not 1 <= length <= 255:
            raise SQLError("Char size must be <= 255")
        return Type(base, length)
    if base == "VARCHAR":
        length = numbers[0] if numbers else 1
        if not 1 <= length <= 1_048_576:
            raise SQLError("Varchar size must be <= 1048576")
        return Type(base, length)
    return Type("VARCHAR", 65_533) if base == "STRING" else Type(base)


def read_column(words, profile):
    column = Column(words.name(), read_type(words, profile))
    if column.name.lower() in ("__op", "__row"):
        raise SQLError(f"Column name [{column.name}] is a system reserved name. Please choose a different one.")
    while words.peek().text not in (",", ")") and words.more:
        if words.accept("NOT", "NULL"):
            column.nullable = False
        elif words.accept("NULL"):
            column.nullable = True
        elif words.accept("KEY"):
            column.key = True
        elif words.accept("AUTO_INCREMENT"):
            column.auto_increment, column.nullable = True, False
        elif words.accept("COMMENT"):
            column.comment = words.literal()
        elif words.accept("DEFAULT"):
            column.has_default = True
            if words.peek().text == "(":
                column.default, column.default_expression = words.balanced(), True
            elif words.accept("NULL"):
                column.default = None
            elif words.accept("CURRENT_TIMESTAMP"):
                if words.peek().text == "(":
                    words.balanced()
                column.default, column.default_expression = "CURRENT_TIMESTAMP", True
            else:
                column.default = words.literal()
        elif words.accept("AS"):
            column.generated = words.balanced() if words.peek().text == "(" else words.name() + "(" + words.balanced() + ")"
        elif words.peek().upper in AGGREGATES:
            column.aggregate = words.next().upper
        else:
            words.fail("a column's attribute is expected")
    return column


def read_bounds(words):
    """(…): the values of one bound; MAXVALUE is None."""
    words.expect("(")
    bound = []
    while not words.accept(")"):
        bound.append(None if words.accept("MAXVALUE") else words.literal())
        words.accept(",")
    return bound


def read_partition(words, previous=None):
    """One PARTITION clause after that word."""
    words.accept("IF", "NOT", "EXISTS")
    name = words.name()
    words.expect("VALUES")
    if words.accept("LESS", "THAN"):
        upper = [None] if words.accept("MAXVALUE") else read_bounds(words)
        return Partition(name, lower=list(previous.upper) if previous else None, upper=upper)
    if words.accept("IN"):
        words.expect("(")
        values = []
        while not words.accept(")"):
            values.append(tuple(read_bounds(words)) if words.peek().text == "(" else (words.literal(),))
            words.accept(",")
        return Partition(name, values=values)
    words.expect("[")
    lower = read_bounds(words)
    words.expect(",")
    upper = read_bounds(words)
    words.expect(")")
    return Partition(name, lower=lower, upper=upper)


def step(text, unit, count):
    """The date that many units later; text keeps its form."""
    kind = "%Y-%m-%d %H:%M:%S" if " " in text else "%Y-%m-%d"
    day = datetime.datetime.strptime(text, kind)
    if unit in ("MONTH", "QUARTER", "YEAR"):
        months = day.year * 12 + day.month - 1 + count * {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
        day = day.replace(year=months // 12, month=months % 12 + 1)
    else:
        day += datetime.timedelta(**{{"MINUTE": "minutes", "HOUR": "hours", "DAY": "days", "WEEK": "weeks"}[unit]: count})
    return day.strftime(kind)


def read_series(words):
    """START ("a") END ("b") EVERY (INTERVAL 1 DAY)"""
    words.expect("START")
    at = read_bounds(words)[0]
    words.expect("END")
    end = read_bounds(words)[0]
    words.expect("EVERY")
    words.expect("(")
    unit = None
    if words.accept("INTERVAL"):
        count, unit = int(words.literal()), words.next().upper
    else:
        count = int(words.literal())
    words.expect(")")
    found = []
    while (at < end) if unit else (int(at) < int(end)):
        upper = step(at, unit, count) if unit else str(int(at) + count)
        compact = at.replace("-", "").replace(" ", "").replace(":", "")
        name = {"MONTH": compact[:6], "YEAR": compact[:4]}.get(unit, compact)
        found.append(Partition(f"p{name}", lower=[at], upper=[upper]))
        at = upper
    return found


def read_partitioning(words, table, profile):
    start = words.peek().start
    if words.peek().upper in ("RANGE", "LIST") and words.peek(1).text == "(":
        table.partition_kind = words.next().upper
        if table.partition_kind == "LIST" and not profile.list_partitions:
            raise SQLError("Do not support create list partition yet.")
        table.partition_columns = words.names()
        table.partition_text = f"{table.partition_kind}({', '.join('`' + n + '`' for n in table.partition_columns)})"
        words.expect("(")
        while not words.accept(")"):
            if words.accept("PARTITION"):
                previous = table.partitions[-1] if table.partitions else None
                table.partitions.append(read_partition(words, previous))
            else:
                table.partitions += read_series(words)
            words.accept(",")
        return
    if not profile.since(3, 0):
        words.fail("expecting RANGE")
    table.partition_kind = "EXPRESSION"
    if words.peek().text == "(":
        table.partition_columns = words.names()
    elif words.peek(1).text == "(":
        words.name()
        inside = words.balanced()
        pieces = [piece.strip() for piece in inside.split(",")]
        table.partition_unit = pieces[0].strip("'\"").upper() if len(pieces) > 1 else "DAY"
        table.partition_columns = [pieces[-1].strip("`")]
    else:
        table.partition_columns = [words.name()]
        while words.accept(","):
            table.partition_columns.append(words.name())
    table.partition_text = words.sql[start : words.tokens[words.at - 1].end]


def create_table(words, database, profile):
    """Reads what follows CREATE TABLE; returns (table, if_not_exists, query or None)."""
    absent = words.accept("IF", "NOT", "EXISTS")
    chosen, name = words.path()
    table = Table(chosen or database, name, [])
    if words.peek().text == "(":
        words.expect("(")
        while not words.accept(")"):
            if words.peek().upper in ("INDEX", "KEY") and words.peek(2).text == "(":
                words.next()
                table.indexes.append(materialized.read_index(words))
            else:
                table.columns.append(read_column(words, profile))
            words.accept(",")
    query, stated = None, False
    while words.more and not words.accept(";"):
        if words.accept("ENGINE"):
            words.accept("=")
            engine = words.name()
            table.external = "" if engine.upper() == "OLAP" else ENGINES.get(engine.upper(), engine)
        elif words.peek().upper in ("DUPLICATE", "AGGREGATE", "UNIQUE", "PRIMARY") and words.peek(1).upper == "KEY":
            table.model, stated = words.next().upper, True
            words.next()
            table.keys = words.names()
        elif words.accept("COMMENT"):
            table.comment = words.literal()
        elif words.accept("AUTO", "PARTITION", "BY") or words.accept("PARTITION", "BY"):
            read_partitioning(words, table, profile)
        elif words.accept("DISTRIBUTED", "BY"):
            if words.accept("RANDOM"):
                if not profile.random_buckets:
                    words.fail("expecting HASH")
            else:
                words.expect("HASH")
                table.distribution = words.names()
            if words.accept("BUCKETS"):
                count = words.next()
                table.buckets = int(count.text) if count.kind == "number" else 0
        elif words.accept("ORDER", "BY"):
            table.order_by = words.names()
        elif words.accept("PROPERTIES"):
            table.properties = words.properties()
        elif words.accept("AS"):
            query = words.rest()
        else:
            words.fail("a clause of CREATE TABLE is expected")
    if table.external:
        return table, absent, query
    if query is None:
        check(table, stated)
        for index in table.indexes:
            materialized.check_index(table, index, profile)
    return table, absent, query


def check(table, stated=True):
    if not table.columns:
        raise SQLError("Table must have at least one column")
    names = [column.name.lower() for column in table.columns]
    if len(set(names)) != len(names):
        raise SQLError("Duplicate column name", 1060, "42S21")
    if not stated and not table.keys:
        if any(column.aggregate for column in table.columns):
            table.model = "AGGREGATE"
            table.keys = [column.name for column in table.columns if not column.aggregate]
        else:
            table.keys = [column.name for column in table.columns[:3]][:1]
    lowered = [key.lower() for key in table.keys]
    if names[: len(lowered)] != lowered:
        raise SQLError("Key columns must be the first few columns of the schema and the order of the key columns must be "
                       "consistent with the order of the schema")
    for column in table.columns[: len(lowered)]:
        column.key = True
        if table.model == "PRIMARY":
            if column.type.base not in KEY_BASES:
                raise SQLError(f"primary key column[{column.name}] type not supported: {column.type.base}")
            column.nullable = False
    for name in table.partition_columns + table.distribution + table.order_by:
        column = table.column(name)
        if column is None:
            raise SQLError(f"Column '{name}' does not exist")
        if table.model != "DUPLICATE" and name not in table.order_by and not column.key:
            raise SQLError(f"The partition and bucket columns must be key columns: `{name}`")
    if table.model == "AGGREGATE":
        for column in table.columns[len(lowered) :]:
            if not column.aggregate:
                raise SQLError(f"AGG_KEYS table should specify aggregate type for non-key column[{column.name}]")
    elif any(column.aggregate for column in table.columns):
        raise SQLError(f"{table.model} KEY table should not specify aggregate type for column")
    if not table.partition_kind:
        table.partitions = [Partition(table.name)]
