"""Which partition a row belongs to, for rows of a load and, as SQL, for rows of an INSERT."""

import bisect
import datetime
import threading

from .catalog import Partition, SQLError
from .engine import literal, quote
from .values import Unfit, scalar

INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "LARGEINT", "BOOLEAN")
_growing = threading.Lock()


class _Last:
    """MAXVALUE."""

    def __lt__(self, other):
        return False

    def __gt__(self, other):
        return not isinstance(other, _Last)

    def __eq__(self, other):
        return isinstance(other, _Last)


LAST = _Last()


def truncated(text, unit):
    """The beginning of the unit that a date lies in, in the date's own form."""
    if unit == "HOUR":
        return text[:13] + ":00:00"
    if unit == "MINUTE":
        return text[:16] + ":00"
    date = {"YEAR": text[:4] + "-01-01", "MONTH": text[:7] + "-01"}.get(unit, text[:10])
    if unit == "QUARTER":
        date = f"{text[:5]}{(int(text[5:7]) - 1) // 3 * 3 + 1:02d}-01"
    elif unit == "WEEK":
        day = datetime.date.fromisoformat(date)
        date = (day - datetime.timedelta(days=day.weekday())).isoformat()
    return date + (" 00:00:00" if len(text) > 10 else "")


class Router:
    """Places rows of one table; `names` limits it to some partitions, as the header of a load may."""

    def __init__(self, table, names=None, temporary=False, catalog=None):
        self.table, self.catalog, self.temporary = table, catalog, temporary
        among = table.temporary if temporary else table.partitions
        if names:
            among = []
            for name in names:
                part = table.partition(name, temporary)
                if part is None:
                    raise SQLError(f"unknown partition: {name}" if not temporary else f"unknown temporary partition: {name}")
                among.append(part)
        self.parts = list(among)
        self.limited = bool(names)
        self.columns = [table.column(name) for name in table.partition_columns]
        self.at = [table.columns.index(column) for column in self.columns]
        self._sort()

    def key(self, column, text):
        if text is None:
            return LAST
        if column.type.base in INTEGERS:
            return int(text)
        try:
            return scalar(column.type)(text)
        except Unfit:
            return text

    def keys(self, values):
        return tuple(None if value is None else self.key(column, value) for column, value in zip(self.columns, values))

    def _sort(self):
        self.lists = {}
        self.ranges = []
        for part in self.parts:
            if part.values is not None:
                for values in part.values:
                    self.lists[self.keys(values)] = part
            elif part.upper is not None:
                lower = () if part.lower is None else tuple(self.key(c, v) for c, v in zip(self.columns, part.lower))
                upper = tuple(self.key(c, v) for c, v in zip(self.columns, part.upper))
                self.ranges.append((upper, lower, part))
        self.ranges.sort(key=lambda item: item[0])
        self.uppers = [item[0] for item in self.ranges]

    def place(self, row):
        """The partition for a row of converted texts, in the order of the table's columns; None if there is none."""
        if not self.columns:
            return self.parts[0] if self.parts else None
        values = [row[at] for at in self.at]
        if self.table.partition_kind == "EXPRESSION":
            return self._grown(values)
        if any(value is None for value in values):
            if self.table.partition_kind == "LIST":
                return None
            return self.ranges[0][2] if self.ranges and not self.ranges[0][1] else None
        key = tuple(self.key(column, value) for column, value in zip(self.columns, values))
        if self.lists:
            return self.lists.get(key)
        at = bisect.bisect_right(self.uppers, key)
        if at == len(self.ranges) or key < self.ranges[at][1]:
            return None
        return self.ranges[at][2]

    def _grown(self, values):
        """Expression partitions appear when a row needs them."""
        unit = self.table.partition_unit
        if any(value is None for value in values):
            key, name = (None,), "pNULL"
        elif unit:
            start = truncated(values[0].split(".")[0], unit)
            digits = {"YEAR": 4, "MONTH": 6, "QUARTER": 6, "DAY": 8, "HOUR": 10, "MINUTE": 12}.get(unit, 8)
            compact = start.replace("-", "").replace(" ", "").replace(":", "")
            key, name = (start,), "p" + compact[:digits]
        else:
            key = tuple(values)
            name = "p" + "_".join("".join(c for c in value if c.isalnum()) for value in values)
        # As _sort writes them down: a DATETIME has its fraction there.
        known = self.keys(key)
        found = self.lists.get(known)
        if found is None and not self.limited:
            with _growing:
                found = self.table.partition(name)
                if found is None:
                    found = Partition(name, values=[key])
                    if self.catalog:
                        found.version_time = self.catalog.clock()
                        self.catalog.touch()
                    self.table.partitions.append(found)
            self.lists[known] = found
        return found

    def sql(self):
        """An expression over the columns' names that gives the partition's number, 0 for none."""
        if not self.columns:
            return str(self.parts[0].identity if self.parts else 0)
        column = quote(self.columns[0].name)
        cases = []
        if self.lists:
            names = "(" + ",".join(quote(c.name) for c in self.columns) + ")"
            for values, part in self.lists.items():
                tuple_ = "(" + ",".join(literal(value) for value in values) + ")"
                cases.append(f"WHEN {names} = {tuple_} THEN {part.identity}")
        for upper, lower, part in self.ranges:
            if len(self.columns) > 1:
                raise SQLError("The double places INSERTs into ranges over one column only")
            tests = []
            if upper[0] is not LAST:
                tests.append(f"{column} < {literal(upper[0])}")
            if lower and lower[0] is not LAST:
                tests.append(f"{column} >= {literal(lower[0])}")
            cases.append(f"WHEN {' AND '.join(tests) or '1'} THEN {part.identity}")
        return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"
