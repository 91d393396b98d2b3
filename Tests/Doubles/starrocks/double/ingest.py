"""Rows of a body: parsed, computed, converted, placed, counted, and written to a spool."""

import re
import time

from .compression import CODECS
from .engine import quote
from .functions import translated
from .jsonrows import rows as json_rows
from .readers import READERS
from .readers.common import Filtered, LineTooLong, TooFewLines
from .storage import Spool
from .values import Unfit, cast, converter, from_document, told as text_of

OPS = {"0": "0", "1": "1", "upsert": "0", "delete": "1"}
SPECIAL = re.compile(r"[\\\t\n\r\0]")
ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"}
KEY_LIMIT = 128


class LoadFailed(Exception):
    """The load fails as a whole."""


class Report:
    def __init__(self):
        self.total = self.loaded = self.filtered = self.unselected = self.bytes = 0
        self.lines = []

    def reject(self, why, raw):
        self.filtered += 1
        if len(self.lines) < 50:
            text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
            self.lines.append(f"Error: {why}. Row: {text}")

    def add(self, other):
        for name in ("total", "loaded", "filtered", "unselected", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lines = (self.lines + other.lines)[:50]


def escaped(text):
    return SPECIAL.sub(lambda match: ESCAPES[match[0]], text) if SPECIAL.search(text) else text


def decoded(plan, parts):
    return CODECS[plan.codec](parts) if plan.codec else parts


def counted(plan, parts, report, with_rows):
    """The counting BE: octets, and row delimiters."""
    last = b""
    for part in decoded(plan, parts) if with_rows else parts:
        report.bytes += len(part)
        if with_rows:
            report.total += part.count(plan.row)
        last = part
    if not with_rows:
        report.total = 1
    elif last and not last.endswith(plan.row):
        report.total += 1
    report.loaded = report.total


class Body:
    """The decoded parts of a body, counted; `end` is what it ends with."""

    def __init__(self, parts, report, keep):
        self.parts, self.report, self.keep = parts, report, keep
        self.end = b""

    def __iter__(self):
        for part in self.parts:
            self.report.bytes += len(part)
            self.end = (self.end + part)[-self.keep :] if len(part) < self.keep else part[-self.keep :]
            yield part


def read(plan, body):
    """Rows: (fields as texts or `Filtered`, raw)."""
    if plan.json:
        yield from json_rows(body, plan.sources, plan.headers)
        return
    try:
        for fields, raw in READERS[plan.reader](body, plan.options):
            if not isinstance(fields, Filtered):
                fields = [None if field is None else field.decode("utf-8", "surrogateescape") for field in fields]
            yield fields, raw
    except LineTooLong:
        raise LoadFailed("CSV line length exceed limit 536870912") from None
    except TooFewLines:
        raise LoadFailed("The body has fewer lines than skip_header says") from None


def told(plan, filtered):
    """Why a row was filtered, in the server's words."""
    doris, count = plan.cluster.profile.is_doris, filtered.count
    if count is None:
        return "Invalid file encoding: all CSV files must be UTF-8 encoded" if doris else "Invalid UTF-8 row"
    column, row = (mark.decode("utf-8", "replace").replace("\t", "\\t").replace("\n", "\\n") for mark in (plan.column, plan.row))
    if doris:
        return f"Column count mismatch: expected {len(plan.sources)}, but found {count} (sep:{column} delim:{row})"
    if plan.cluster.profile.old_ragged_message:
        return f"Value count does not match column count. Expect {len(plan.sources)}, but got {count}"
    return (f"Target column count: {len(plan.sources)} doesn't match source value column count: {count}. "
            f"Column separator: '{column}', Row delimiter: '{row}'")


def computed(plan, rows, report):
    """Rows with the results of the expressions behind the fields; MariaDB computes them. `where` is applied, too."""
    names = list(plan.expressions)
    fields = ", ".join(f"{quote(name)} longtext" for name in plan.sources)
    storage = plan.cluster.storage
    with storage.connection() as engine:
        engine.query("CREATE OR REPLACE TEMPORARY TABLE __double.`__source` "
                     f"(`__n` bigint, {fields}) ENGINE=MyISAM CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
        raws, good = [], []

        def data():
            batch = []
            for values, raw in rows:
                if isinstance(values, Filtered):
                    report.total += 1
                    report.reject(told(plan, values), raw)
                    continue
                good.append(values)
                raws.append(raw)
                batch.append("\t".join([str(len(good) - 1)] + ["\\N" if v is None else escaped(v) for v in values]) + "\n")
                if len(batch) == 1000:
                    yield "".join(batch).encode()
                    batch = []
            if batch:
                yield "".join(batch).encode()

        engine.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE __double.`__source` CHARACTER SET utf8mb4", data())
        wanted = [f"{translated(plan.expressions[name])} AS {quote(name)}" for name in names]
        inner = "SELECT *" + "".join(", " + text for text in wanted if text)
        # A computed column that has a field's name takes its place in `where`.
        shadowed = [name for name in names if name.lower() in (s.lower() for s in plan.sources)]
        if shadowed:
            keep = [quote(s) for s in plan.sources if s.lower() not in (n.lower() for n in shadowed)]
            inner = "SELECT " + ", ".join(["`__n`"] + keep + wanted)
        where = translated(plan.where) if plan.where else "1"
        picked = ", ".join(["`__n`"] + [quote(name) for name in names] + [f"({where}) AS `__where`"])
        try:
            answers = engine.query(f"SELECT {picked} FROM ({inner} FROM __double.`__source`) x ORDER BY `__n`")
        finally:
            engine.query("DROP TEMPORARY TABLE __double.`__source`")
    for number, *values, selected in answers:
        if selected in (None, "0"):
            report.total += 1
            report.unselected += 1
        else:
            yield good[int(number)] + values, raws[int(number)]


def ingest(plan, parts, identity, report, filter_first=0):
    """Writes the good rows to a new spool and returns it."""
    table, cluster = plan.table, plan.cluster
    body = Body(decoded(plan, parts), report, 50)
    rows = read(plan, body)
    documents = plan.json and not plan.needs_sql
    if plan.json and plan.needs_sql:
        rows = ((fields if isinstance(fields, Filtered) else [None if value is None else text_of(value) for value in fields], raw)
                for fields, raw in rows)
    width = len(plan.sources)
    lowered = [name.lower() for name in plan.sources]
    at = {name: index for index, name in enumerate(lowered)}
    constants = {}
    if plan.needs_sql:
        rows = computed(plan, rows, report)
        at.update({name.lower(): width + index for index, name in enumerate(plan.expressions)})
        width += len(plan.expressions)
    else:
        for name, text in plan.expressions.items():
            kind, value = plan.simple(text)
            if kind == "field":
                at[name.lower()] = value
            else:
                constants[name.lower()] = value
                at.pop(name.lower(), None)
    columns = plan.targets + plan.defaults
    derived = {name.lower() for name in plan.expressions} if plan.needs_sql else set()
    rules = {"partial": plan.partial, "merge_condition": plan.merge_condition, "temporary": plan.temporary}
    spool = Spool(cluster.storage.folder, identity, table, [column.name for column in columns], **rules)
    steps = []
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(cluster.now()))
    for column in columns:
        name = column.name.lower()
        fixed = name not in at
        value = constants.get(name)
        if column in plan.defaults:
            value = now if column.default_expression else column.default
        if documents and not fixed:
            convert = from_document(column.type, cluster.profile)
        elif fixed or plan.json or name in derived:
            convert = cast(column.type, cluster.profile)
        else:
            convert = converter(column.type, cluster.profile, plan.strict)
        steps.append((column, table.columns.index(column), None if fixed else at[name], value, convert, column.type.engine() == "longblob"))
    operation, constant_op = at.get("__op"), constants.get("__op", "0")
    routed = bool(table.partition_columns)
    single = None if routed else (plan.router.place([]) if plan.router.parts else None)
    keyed = [table.columns.index(table.column(key)) for key in table.keys] if table.model == "PRIMARY" else None
    strict, write = plan.strict, spool.file.write
    for fields, raw in rows:
        report.total += 1
        if isinstance(fields, Filtered):
            report.reject(told(plan, fields), raw)
            continue
        if report.filtered < filter_first:
            report.reject("a row that the double was told to filter", raw)
            continue
        out, values, why = [], [None] * len(table.columns), None
        for column, place, index, fixed, convert, binary in steps:
            text = fixed if index is None else fields[index]
            if text is None and index is None and column.auto_increment:
                text = str(table.auto)
                table.auto += 1
            if text is not None:
                try:
                    text = convert(text)
                except Unfit as problem:
                    if strict or not column.nullable:
                        why = explained(problem, column, place, text)
                        break
                    text = None
            if text is None:
                if not column.nullable:
                    why = f"NULL value in non-nullable column '{column.name}'"
                    break
                out.append("\\N")
                continue
            values[place] = text
            if binary:
                out.append(text.encode("utf-8", "surrogateescape").hex())
            else:
                out.append(escaped(text))
        if why is not None:
            report.reject(why, raw)
            continue
        op = constant_op if operation is None else (fields[operation] if fields[operation] is not None else "0")
        op = OPS.get(str(op).strip().lower())
        if op is None:
            report.reject("Invalid value of __op", raw)
            continue
        part = plan.router.place(values) if routed else single
        if part is None:
            report.reject("The row is out of partition ranges. Please add a new partition", raw)
            continue
        if keyed and sum(_key_bytes(values[place]) for place in keyed) > KEY_LIMIT:
            spool.drop()
            raise LoadFailed("primary key size exceed the limit.")
        out.append(op)
        out.append(str(part.identity))
        write(("\t".join(out) + "\n").encode("utf-8", "surrogateescape"))
        spool.partitions[part.identity] = spool.partitions.get(part.identity, 0) + 1
        report.loaded += 1
        spool.rows += 1
    spool.file.flush()
    spool.bytes = report.bytes
    spool.tail = plan.json or not body.end or body.end.endswith(plan.row)
    return spool


def _key_bytes(text):
    return 0 if text is None else 8 if text.lstrip("-").isdigit() else len(text.encode("utf-8", "surrogateescape"))


def explained(problem, column, place, value):
    told, text = str(problem), text_of(value)
    if told.startswith("String"):
        return told % column.name
    return (f"The field (name = {column.name}, pos = {place}) is out of range. {told}, "
            f"Value length: {len(text.encode('utf-8', 'surrogateescape'))}, Value: {text}")
