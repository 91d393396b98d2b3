"""What the FE knows of databases, tables, columns and partitions."""

import itertools
from dataclasses import dataclass, field

IDENTITY = itertools.count(10_001)
MODELS = {"DUPLICATE": "DUP_KEYS", "AGGREGATE": "AGG_KEYS", "UNIQUE": "UNQ_KEYS", "PRIMARY": "PRI_KEYS"}
OPAQUE = ("BITMAP", "HLL", "PERCENTILE")
NESTED = ("ARRAY", "MAP", "STRUCT")


class SQLError(Exception):
    """An error that the SQL port answers."""

    def __init__(self, message, code=1064, state="42000"):
        super().__init__(message)
        self.message, self.code, self.state = message, code, state


@dataclass
class Type:
    base: str
    length: int = 0
    scale: int = 0
    text: str = ""
    """A nested type as it was written."""
    inner: list | None = field(default=None, compare=False)
    """The types within; `nested.inner` fills it."""

    def engine(self):
        """The type that holds it in MariaDB."""
        plain = {
            "BOOLEAN": "tinyint(1)", "TINYINT": "tinyint", "SMALLINT": "smallint", "INT": "int", "BIGINT": "bigint",
            "LARGEINT": "decimal(39,0)", "FLOAT": "double", "DOUBLE": "double", "DATE": "date",
            "DATETIME": "datetime(6)", "VARBINARY": "longblob",
        }.get(self.base)
        if plain:
            return plain
        if self.base == "DECIMAL":
            return f"decimal({min(self.length, 65)},{self.scale})"
        if self.base in OPAQUE:
            return "longblob"
        if self.base in ("CHAR", "VARCHAR") and self.length <= 255:
            return f"varchar({self.length})"
        return "longtext"

    def shown(self, profile):
        """As SHOW CREATE TABLE prints it."""
        if self.base == "BOOLEAN":
            return "boolean"
        width = {"TINYINT": 4, "SMALLINT": 6, "INT": 11, "BIGINT": 20, "LARGEINT": 40}.get(self.base)
        if width:
            return f"{self.base.lower()}({width})"
        if self.base == "DECIMAL":
            name = "decimal"
            if profile.prints_decimal_width:
                name += "32" if self.length <= 9 else "64" if self.length <= 18 else "128"
            return f"{name}({self.length}, {self.scale})"
        if self.base in ("CHAR", "VARCHAR"):
            return f"{self.base.lower()}({self.length})"
        if self.base == "VARBINARY":
            return "varbinary"
        return (self.text or self.base).lower()

    def column_type(self):
        """information_schema.columns.COLUMN_TYPE."""
        if self.base == "BOOLEAN":
            return "tinyint(1)"
        width = {"TINYINT": 4, "SMALLINT": 6, "INT": 11, "BIGINT": 20}.get(self.base)
        if width:
            return f"{self.base.lower()}({width})"
        if self.base == "LARGEINT":
            return "bigint(20) unsigned"
        if self.base == "DECIMAL":
            return f"decimal({self.length},{self.scale})"
        if self.base in ("CHAR", "VARCHAR"):
            return f"{self.base.lower()}({self.length})"
        return (self.text or self.base).lower()

    def data_type(self):
        """information_schema.columns.DATA_TYPE."""
        special = {"BOOLEAN": "tinyint", "LARGEINT": "bigint unsigned"}
        return special.get(self.base, self.base.lower())


@dataclass
class Column:
    name: str
    type: Type
    nullable: bool = True
    aggregate: str = ""
    default: str | None = None
    """The text of the default; `has_default` tells NULL from none."""
    has_default: bool = False
    default_expression: bool = False
    comment: str = ""
    key: bool = False
    generated: str = ""
    auto_increment: bool = False


@dataclass
class Physical:
    """A physical partition: what has an id, a version and tablets. Tables with random buckets grow several in one partition."""

    first: int = 0
    """The smallest `__row` that it holds; it ends where the next one begins."""
    identity: int = field(default_factory=lambda: next(IDENTITY))
    version: int = 1
    version_time: float = 0.0
    compacted: int = 0
    """The version that the last compaction made (shared data)."""
    bytes: int = 0
    tablets: list = field(default_factory=list)
    rollups: dict = field(default_factory=dict)
    """Tablets of rollups (synchronous materialized views) by their names."""

    def bump(self, now, count=1):
        self.version += count
        self.version_time = now

    def tablet_ids(self, count):
        while len(self.tablets) < count:
            self.tablets.append(next(IDENTITY))
        return self.tablets[:count]

    def rollup_ids(self, name, count):
        ids = self.rollups.setdefault(name, [])
        while len(ids) < count:
            ids.append(next(IDENTITY))
        return ids


@dataclass
class Partition:
    name: str
    lower: list | None = None
    upper: list | None = None
    """Bounds of a range, `None` inside of them is MAXVALUE (or no lower bound)."""
    values: list | None = None
    """Tuples of a list partition."""
    identity: int = field(default_factory=lambda: next(IDENTITY))
    """The number in the rows' `__part`; the id that is shown is the physical partition's."""
    versions: float = 1.0
    """How many rowset versions a tablet holds now; compaction drains them."""
    drained_at: float = 0.0
    physical: list = field(default_factory=list)

    def __post_init__(self):
        if not self.physical:
            self.physical = [Physical(identity=self.identity)]

    @property
    def version(self):
        return max(one.version for one in self.physical)

    @property
    def version_time(self):
        return max(one.version_time for one in self.physical)

    @version_time.setter
    def version_time(self, seconds):
        for one in self.physical:
            one.version_time = seconds

    @property
    def bytes(self):
        return sum(one.bytes for one in self.physical)

    @bytes.setter
    def bytes(self, count):
        """Loads go to the newest part; 0 empties all."""
        if not count:
            for one in self.physical:
                one.bytes = 0
        else:
            self.physical[-1].bytes += count - self.bytes

    def again(self, name=None):
        """A new and empty partition in this one's place: other ids, and its version starts again at 1."""
        return Partition(name or self.name, lower=self.lower, upper=self.upper, values=self.values)

    def drain(self, now, per_second):
        self.versions = max(1.0, self.versions - max(0.0, now - self.drained_at) * per_second)
        self.drained_at = now
        return round(self.versions)


@dataclass
class Table:
    database: str
    name: str
    columns: list
    model: str = "DUPLICATE"
    keys: list = field(default_factory=list)
    partition_kind: str = ""
    """`RANGE`, `LIST`, `EXPRESSION` or nothing."""
    partition_columns: list = field(default_factory=list)
    partition_text: str = ""
    partition_unit: str = ""
    partitions: list = field(default_factory=list)
    temporary: list = field(default_factory=list)
    distribution: list = field(default_factory=list)
    buckets: int = 0
    order_by: list = field(default_factory=list)
    properties: dict = field(default_factory=dict)
    comment: str = ""
    identity: int = field(default_factory=lambda: next(IDENTITY))
    created: float = 0.0
    view: str = ""
    materialized: bool = False
    inactive: str = ""
    """Why a materialized view is not active."""
    bases: list = field(default_factory=list)
    """(database, table) that a view reads."""
    external: str = ""
    """The engine of an external table."""
    rollups: dict = field(default_factory=dict)
    """Columns of rollups and synchronous materialized views by their names."""
    indexes: list = field(default_factory=list)
    auto: int = 1
    count_factor: int = 1
    """Counts that are shown are the rows times this."""

    def column(self, name):
        lowered = name.lower()
        return next((column for column in self.columns if column.name.lower() == lowered), None)

    def partition(self, name, temporary=False):
        among = self.temporary if temporary else self.partitions
        return next((part for part in among if part.name.lower() == name.lower()), None)

    @property
    def stored(self):
        """The columns a load can fill."""
        return [column for column in self.columns if not column.generated]

    @property
    def kept_here(self):
        """Neither a view nor another server's table."""
        return not self.view and not self.external

    def bucket_count(self):
        return self.buckets or 2

    def replicas(self):
        return int(self.properties.get("replication_num", 3))


class Catalog:
    def __init__(self, clock):
        self.databases = {}
        self.identities = {}
        self.repositories = {}
        """(id, creation, location) by name."""
        self.clock = clock
        self.revision = 0

    def touch(self):
        self.revision += 1

    def create_database(self, name):
        self.databases[name] = {}
        self.identities[name] = next(IDENTITY)
        self.touch()

    def database(self, name):
        if not name:
            raise SQLError("No database selected", 1046, "3D000")
        if name not in self.databases:
            raise SQLError(f"Unknown database '{name}'", 1049, "42000")
        return self.databases[name]

    def find(self, database, name):
        return self.databases.get(database, {}).get(name)

    def table(self, database, name):
        found = self.database(database).get(name)
        if found is None:
            raise SQLError(f"Unknown table '{database}.{name}'", 5502, "42S02")
        return found

    def tables(self):
        return [table for name in sorted(self.databases) for _, table in sorted(self.databases[name].items())]
