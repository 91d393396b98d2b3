"""StarRocks' SELECT as MariaDB runs it: partitions, the catalogue's database, functions and types under other names."""

import re

from . import tablets
from . import functions
from .catalog import SQLError
from .engine import literal, quote
from .lexer import Words

AFTER_TABLE = {"WHERE", "GROUP", "ORDER", "LIMIT", "JOIN", "LEFT", "RIGHT", "INNER", "CROSS", "FULL", "ON", "UNION", "HAVING",
               "USING", "INTERSECT", "EXCEPT", "SET", "STRAIGHT_JOIN", "NATURAL", "FOR", "INTO"}
RESERVED = {"SQL", "ROWS", "KEYS", "RANK", "MASTER"}
"""Words that MariaDB keeps for itself and StarRocks takes as names."""
CASTS = {"STRING": "CHAR", "VARCHAR": "CHAR", "BIGINT": "SIGNED", "INT": "SIGNED", "SMALLINT": "SIGNED", "TINYINT": "SIGNED",
         "BOOLEAN": "SIGNED", "LARGEINT": "DECIMAL(39,0)"}
FORMATS = {"year": "%Y-01-01 00:00:00", "month": "%Y-%m-01 00:00:00", "day": "%Y-%m-%d 00:00:00", "hour": "%Y-%m-%d %H:00:00",
           "minute": "%Y-%m-%d %H:%i:00"}
CATALOGUE = "__is"


def name_of(token):
    return token.text[1:-1].replace("``", "`") if token.kind == "quoted" else token.text


class Rewriting:
    """One statement, rewritten, with what was found in it."""

    def __init__(self, session, sql):
        self.session, self.cluster = session, session.cluster
        self.words = Words(sql)
        self.tables = []
        """(database, name) of what is read."""
        self.hints = {}
        self.sql = self._run()

    def _run(self):
        words, out, at = self.words, [], 0
        sql, tokens = words.sql, words.tokens

        def until(position, text=""):
            nonlocal at
            out.append(sql[at:position])
            out.append(text)

        index = 0
        while index < len(tokens):
            token = tokens[index]
            following = tokens[index + 1] if index + 1 < len(tokens) else None
            upper = token.upper
            if token.kind == "hint":
                for key, value in re.findall(r"(\w+)\s*=\s*('[^']*'|\"[^\"]*\"|[\w.]+)", token.text):
                    self.hints[key.lower()] = value.strip("'\"")
                until(token.start)
                at = token.end
            elif following and following.text == "." and name_of(token).lower() == "information_schema":
                until(token.start, quote(CATALOGUE))
                at = token.end
                if index + 2 < len(tokens):
                    self.session.check_catalogue(name_of(tokens[index + 2]))
            elif upper in ("FROM", "JOIN") and following and following.kind in ("word", "quoted"):
                index, span, text = self._table(index + 1)
                if text is not None:
                    until(span[0], text)
                    at = span[1]
                continue
            elif token.kind == "word" and token.text.startswith("@@"):
                names, end = [token.text[2:]], token.end
                while index + 2 < len(tokens) and tokens[index + 1].text == ".":
                    names.append(tokens[index + 2].text)
                    end = tokens[index + 2].end
                    index += 2
                value = self.session.variable(names[-1])
                until(token.start, literal(int(value) if str(value).isdigit() else value))
                at = end
            elif token.kind == "word" and following and following.text == "(":
                text, steps = self._function(index)
                if text is not None:
                    until(token.start, text)
                    at = tokens[index + steps].end
                    index += steps
            elif upper == "AS" and following and following.upper in RESERVED:
                until(following.start, quote(following.text))
                at = following.end
            elif upper == "AS" and following and following.upper in CASTS and self._closes_cast(index):
                until(following.start, CASTS[following.upper])
                at = following.end
            index += 1
        out.append(sql[at:])
        return "".join(out)

    def _closes_cast(self, index):
        tokens = self.words.tokens
        after = tokens[index + 2].text if index + 2 < len(tokens) else ""
        return after == ")" or (after == "(" and tokens[index + 1].upper == "VARCHAR")

    def _function(self, index):
        """(text, tokens to step over) of a call that MariaDB spells otherwise."""
        tokens = self.words.tokens
        name = tokens[index].text.lower()
        empty = index + 2 < len(tokens) and tokens[index + 2].text == ")"
        profile = self.cluster.profile
        if empty:
            told = {"current_version": profile.version, "version": profile.server_version,
                    "connection_id": self.session.identity, "current_user": f"'{self.session.user}'@'%'",
                    "user": f"'{self.session.user}'@'127.0.0.1'", "database": self.session.database or None,
                    "schema": self.session.database or None}
            if name in told:
                return literal(told[name]), 2
        if name == "date_trunc" and index + 3 < len(tokens) and tokens[index + 2].kind == "string":
            unit = tokens[index + 2].text.strip("'\"").lower()
            depth, end = 0, index + 1
            while end < len(tokens):
                depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
                if depth == 0:
                    break
                end += 1
            inside = self.words.sql[tokens[index + 4].start : tokens[end].start]
            return f"CAST(DATE_FORMAT({inside}, '{FORMATS.get(unit, FORMATS['day'])}') AS DATETIME)", end - index
        if name in functions.NAMES or name in functions.UNIONS:
            depth, end = 0, index + 1
            while end < len(tokens):
                depth += {"(": 1, ")": -1}.get(tokens[end].text, 0)
                if depth == 0:
                    break
                end += 1
            inside = self.words.sql[tokens[index + 1].end : tokens[end].start]
            return functions.call(name, Rewriting(self.session, inside).sql if "(" in inside else inside), end - index
        return None, 0

    def _table(self, index):
        """Reads a table after FROM or JOIN: (next index, span, replacement or None)."""
        tokens = self.words.tokens
        start = index
        names = [name_of(tokens[index])]
        while index + 2 < len(tokens) and tokens[index + 1].text == ".":
            names.append(name_of(tokens[index + 2]))
            index += 2
        index += 1
        database = names[-2] if len(names) > 1 else self.session.database
        path_end = tokens[index - 1].end
        if (database or "").lower() == "information_schema":
            self.session.check_catalogue(names[-1])
            return index, (tokens[start].start, path_end), f"{quote(CATALOGUE)}.{quote(names[-1].lower())}"
        table = self.cluster.catalog.find(database, names[-1])
        if table is None:
            if names[-1].upper() == "DUAL" or tokens[start - 1].upper not in ("FROM", "JOIN"):
                return index, (0, 0), None
            if len(names) == 1 and re.search(rf"(?i)\bWITH\b.*\b{re.escape(names[0])}\b\s*(\([^)]*\))?\s+AS\b", self.words.sql, re.S):
                return index, (0, 0), None
            self.cluster.catalog.table(database, names[-1])
        if table.external:
            raise SQLError(f"get data of the external table '{table.name}' failed: its server cannot be reached")
        self.tables.append((database, table.name))
        temporary = index + 1 < len(tokens) and tokens[index].upper == "TEMPORARY" and tokens[index + 1].upper in (
            "PARTITION", "PARTITIONS")
        at = index + 1 if temporary else index

        def follows(*names):
            return at + 1 < len(tokens) and tokens[at].upper in names and (tokens[at + 1].text == "(" or names[0] == "PARTITION")

        parts = ids = None
        if follows("PARTITION", "PARTITIONS"):
            chosen, at = self._list(at + 1)
            parts = []
            for name in chosen:
                part = table.partition(name, temporary)
                if part is None:
                    raise SQLError(f"Unknown partition '{name}' in table '{table.name}'")
                parts.append(part)
        if follows("TABLET", "TABLETS"):
            chosen, at = self._list(at + 1)
            ids = [int(text) for text in chosen]
        if parts is None and ids is None:
            full = f"{quote(database)}.{quote(table.name)}"
            return index, (tokens[start].start, path_end), full + self._alias(index, table)
        if temporary:
            self.cluster.storage.temporary(table)
        place = self.cluster.storage.name(table, "__temp_" if temporary else "")
        columns = ", ".join(quote(column.name) for column in table.columns)
        if ids is None:
            where = f"`__part` IN ({','.join(str(part.identity) for part in parts)})"
        else:
            among = table.partitions if parts is None else parts
            where = tablets.condition(table, among, ids, self.cluster.profile)
        return at, (tokens[start].start, tokens[at - 1].end), (
            f"(SELECT {columns} FROM {place} WHERE {where})" + self._alias(at, table, always=True))

    def _list(self, at):
        """(a, b) or a: (the names, the index behind them)."""
        tokens = self.words.tokens
        if tokens[at].text != "(":
            return [name_of(tokens[at])], at + 1
        chosen = []
        at += 1
        while tokens[at].text != ")":
            if tokens[at].text != ",":
                chosen.append(name_of(tokens[at]))
            at += 1
        return chosen, at + 1

    def _alias(self, index, table, always=False):
        """The name the rest of the statement calls the table by, unless it gives one itself."""
        tokens = self.words.tokens
        token = tokens[index] if index < len(tokens) else None
        given = token is not None and (
            token.upper == "AS" or token.kind == "quoted" or (token.kind == "word" and token.upper not in AFTER_TABLE))
        return f" AS {quote(table.name)}" if always and not given else ""


def scan_cost(session, rewriting):
    """How many rows a single-table SELECT has to scan, or None if the catalogue can answer it."""
    sql = rewriting.sql
    depth, at = 0, None
    words = Words(sql)
    first, last = None, len(sql)
    aggregates = True
    for number, token in enumerate(words.tokens):
        if token.text == "(":
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif depth == 0 and token.upper == "FROM" and first is None:
            first = token.start
            at = number
        elif depth == 0 and first is not None and token.upper in ("GROUP", "ORDER", "LIMIT", "HAVING"):
            last = token.start
            break
    if first is None:
        return None
    listed = sql[words.tokens[0].end : first]
    aggregates = bool(re.fullmatch(r"(?is)\s*(?:(?:count|min|max)\s*\([^()]*\)(?:\s+(?:as\s+)?[`\w]+)?\s*,?\s*)+", listed))
    scanned = sql[first:last].strip().rstrip(";")
    # An empty set by its LIMIT needs no scan.
    if re.search(r"(?i)\blimit\s+0\s*\Z", sql.strip().rstrip(";")):
        return None
    if aggregates and not re.search(r"(?i)\bwhere\b", scanned):
        return None
    del at
    return int(session.engine.value(f"SELECT COUNT(*) {scanned}"))
