"""What the headers of a load mean for a table; everything that can be refused before the body is read."""

import re

from .compression import CODECS
from .readers.common import Unusable, options
from .routing import Router
from .catalog import OPAQUE, SQLError
from .functions import refusal
from .nested import inner

COMPRESSED_FORMATS = {"gzip": "GZIP", "bzip2": "BZIP2", "lz4": "LZ4_FRAME", "deflate": "DEFLATE", "zstd": "ZSTD"}
DORIS_CODECS = {"gz": "GZIP", "bz2": "BZIP2", "lz4": "LZ4_FRAME", "deflate": "DEFLATE"}


SHARED = ("columns", "where", "column_separator", "row_delimiter", "partitions", "temporary_partitions", "negative", "strict_mode",
          "timezone", "load_mem_limit", "jsonpaths", "json_root", "strip_outer_array", "partial_update", "partial_update_mode",
          "merge_condition", "transmission_compression_type", "load_dop", "compression", "content-encoding", "max_filter_ratio", "format")
"""Headers that all loads of one transaction have to have alike."""


class Refusal(Exception):
    """The load fails before a row was looked at."""


def pieces(text):
    """The parts of a `columns` header, split at commas outside of brackets, quotes and backquotes."""
    found, depth, quoted, part = [], 0, "", ""
    for sign in text:
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "'\"`":
            quoted = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        if sign == "," and not depth and not quoted:
            found.append(part.strip())
            part = ""
        else:
            part += sign
    return [piece for piece in found + [part.strip()] if piece]


def named(text):
    return text.strip().strip("`")


def flag(headers, name):
    return headers.get(name, "").strip().lower() == "true"


def _without_converter(kind):
    """MAP and STRUCT, also within an ARRAY."""
    return kind.base in ("MAP", "STRUCT") or (kind.base == "ARRAY" and _without_converter(inner(kind)[0]))


class Plan:
    def __init__(self, cluster, table, headers, transaction=False):
        self.cluster, self.table, self.headers = cluster, table, headers
        profile = cluster.profile
        self.strict = flag(headers, "strict_mode")
        self.log_limit = 50
        self.where = headers.get("where", "").strip()
        self._format(profile)
        self._ratio()
        self._rules(profile)
        self._columns()
        self._reader(profile, transaction)
        self._types(profile)
        names = headers.get("partitions")
        temporary = headers.get("temporary_partitions")
        if names and temporary:
            raise Refusal("Can not specify both partitions and temporary partitions")
        try:
            self.router = Router(
                table, [named(n) for n in (names or temporary or "").split(",") if n.strip()], bool(temporary), cluster.catalog)
        except SQLError as problem:
            raise Refusal(problem.message) from None
        self.temporary = bool(temporary)
        self.fingerprint = (table.identity, {name: headers[name] for name in SHARED if name in headers})

    def _format(self, profile):
        kind = self.headers.get("format", "csv").strip().lower()
        self.codec = COMPRESSED_FORMATS.get(kind)
        self.json = kind == "json"
        if kind not in ("csv", "json") and not self.codec:
            raise Refusal(f"unknown data format, format={self.headers['format']}")
        by_name = self.headers.get("compress_type" if profile.is_doris else "compression")
        by_encoding = self.headers.get("content-encoding")
        if by_name and by_encoding:
            raise Refusal("Only one of http header content-encoding and compression can be set")
        chosen = by_name or by_encoding
        if not chosen:
            return
        codec = DORIS_CODECS.get(chosen.lower()) if profile.is_doris else chosen.upper()
        if codec == "LZ4":
            codec = "LZ4_FRAME"
        if codec not in CODECS:
            raise Refusal(f"Unsupported compression type: {chosen}")
        if self.json and not profile.json_compression:
            raise Refusal(f"compress data of JSON format is not supported, compression={chosen}")
        self.codec = codec

    def _reader(self, profile, transaction):
        """Which of the server's readers gets the body, and the headers that it sees; others are ignored in silence."""
        self.reader, seen = profile.interface(transaction).choose(self.headers)
        if seen.get("trim_space", "false").strip().lower() not in ("true", "false"):
            raise Refusal("Invalid trim space format. Must be bool type")
        try:
            self.options = options(
                seen, len(self.sources), profile.is_doris, self.cluster.config, profile.doris_mark_every)
        except Unusable as problem:
            raise Refusal(str(problem)) from None
        self.column, self.row = self.options.column, self.options.row

    def _ratio(self):
        try:
            self.ratio = float(self.headers.get("max_filter_ratio", "0"))
        except ValueError:
            raise Refusal("Invalid max_filter_ratio format") from None
        if not 0 <= self.ratio <= 1:
            raise Refusal("max_filter_ratio should in range [0, 1]")

    def _rules(self, profile):
        primary = self.table.model == "PRIMARY"
        self.partial = ""
        if flag(self.headers, "partial_update") or flag(self.headers, "partial_columns"):
            if not primary and not (profile.is_doris and self.table.model == "UNIQUE"):
                raise Refusal("Only primary key table support partial update")
            mode = self.headers.get("partial_update_mode", "row").lower()
            if mode not in ("row", "auto", "column"):
                raise Refusal(f"unknown partial update mode {mode}")
            self.partial = "column" if mode == "column" else "row"
        self.merge_condition = self.headers.get("merge_condition", "").strip()
        if self.merge_condition and (not primary or self.table.column(self.merge_condition) is None):
            raise Refusal(f"Conditional update only support primary key table, or column {self.merge_condition} does not exist")

    def _columns(self):
        """Where each column of the table comes from: a field, an expression, or a default."""
        table = self.table
        header = self.headers.get("columns", "").strip()
        header = re.sub(r"(?i)^columns\s*\((.*)\)$", r"\1", header, flags=re.S)
        self.sources, self.expressions = [], {}
        if header:
            for piece in pieces(header):
                match = re.match(r"\s*(`[^`]+`|[\w$@]+)\s*=(?!=)(.*)\Z", piece, re.S)
                if match:
                    self.expressions[named(match[1])] = match[2].strip()
                else:
                    self.sources.append(named(piece))
        if not self.sources:
            self.sources = [column.name for column in table.stored if column.name not in self.expressions]
            if self.json and table.model == "PRIMARY" and not header:
                self.sources.append("__op")
        doris = self.cluster.profile.is_doris
        sign = {"__DORIS_DELETE_SIGN__": "__op"} if doris else {}
        self.sources = [sign.get(name, name) for name in self.sources]
        if doris and self.headers.get("hidden_columns"):
            self.sources += [sign.get(named(n), named(n)) for n in self.headers["hidden_columns"].split(",")]
        merge = self.headers.get("merge_type", "APPEND").upper() if doris else "APPEND"
        if merge not in ("APPEND", "DELETE", "MERGE"):
            raise Refusal(f"Invalid merge type {merge}")
        if merge == "DELETE":
            self.expressions["__op"] = "'delete'"
        elif merge == "MERGE":
            if not self.headers.get("delete"):
                raise Refusal("Excepted DELETE ON clause when merge type is MERGE.")
            self.expressions["__op"] = f"IF({self.headers['delete']}, 1, 0)"
        if "__op" in self.sources + list(self.expressions):
            if table.model != "PRIMARY" and not (doris and table.model == "UNIQUE"):
                raise Refusal("unknown column '__op': only primary key tables have it")
        lowered = {name.lower(): name for name in self.sources}
        if len(lowered) != len(self.sources):
            raise Refusal("Duplicate column in the columns header")
        self.targets, self.defaults = [], []
        derived = {name.lower(): name for name in self.expressions}
        for name, text in self.expressions.items():
            if name != "__op" and table.column(name) is None:
                raise Refusal(f"Unknown column '{name}' in '{table.name}'")
            why = refusal(text, self.cluster.profile)
            if why:
                raise Refusal(why)
        for column in table.stored:
            if column.name.lower() in derived or column.name.lower() in lowered:
                self.targets.append(column)
            elif self.partial:
                if column.key:
                    raise Refusal(f"partial update must specify all the key columns, missing: {column.name}")
            elif not column.nullable and not column.has_default and not column.auto_increment:
                raise Refusal(f"Column has no default value. column: {column.name}")
            else:
                self.defaults.append(column)

    def _types(self, profile):
        """Types that no field can be: those without a converter, and those that only functions make."""
        for column in self.targets:
            base = column.type.base
            if column.name.lower() in {name.lower() for name in self.expressions}:
                continue
            if base in OPAQUE:
                like = {"BITMAP": "to_bitmap", "HLL": "hll_hash", "PERCENTILE": "percentile_hash"}[base]
                raise Refusal(f"{base} column must use {like} function, like {column.name}={like}(xxx)")
            if not self.json and not profile.is_doris and not profile.nested_csv and _without_converter(column.type):
                raise Refusal(f"Unsupported CSV type {column.type.text.upper()}")

    @property
    def needs_sql(self):
        """Expressions other than a constant or a renaming, or a `where`."""
        return bool(self.where) or any(self.simple(text) is None for text in self.expressions.values())

    def simple(self, text):
        """("field", index) or ("constant", text), None for an expression."""
        lowered = [name.lower() for name in self.sources]
        if named(text).lower() in lowered:
            return "field", lowered.index(named(text).lower())
        match = re.fullmatch(r"'([^'\\]*)'|\"([^\"\\]*)\"|(-?\d+(?:\.\d+)?)", text)
        if match:
            return "constant", next(group for group in match.groups() if group is not None)
        if text.upper() == "NULL":
            return "constant", None
        return None
