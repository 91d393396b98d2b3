"""information_schema: real tables in MariaDB, filled from the catalogue when something has changed."""

import json
import threading

from . import materialized, partitions, tablets
from .catalog import MODELS
from .engine import EngineError, literal, quote
from .rewrite import CATALOGUE
from .shown import moment

_guard = threading.Lock()
KEYS = {"PRIMARY": "PRI", "UNIQUE": "UNI", "DUPLICATE": "DUP", "AGGREGATE": "AGG"}
STATES = {"PREPARE": "LOADING", "PREPARED": "PREPARED", "COMMITTED": "COMMITED", "VISIBLE": "FINISHED", "ABORTED": "CANCELLED"}
NO_SUCH_TABLE = 1146


class View:
    """One table of information_schema."""

    def __init__(self, columns, rows=lambda cluster, counts: (), known=lambda profile: True, costly=False):
        self.columns = columns.split()
        self.rows, self.known = rows, known
        self.costly = costly
        """Filled only when it is asked for itself."""


def counts_of(cluster, tables=None):
    """Rows by table and partition, counted again only where a version has changed."""
    found = {}
    for table in cluster.catalog.tables() if tables is None else tables:
        if not table.kept_here:
            continue
        key = tuple((part.identity, part.version) for part in table.partitions)
        cached = cluster.row_counts.get(table.identity)
        if cached is None or (cached[0] != key and not cluster.config["stale_row_counts"]):
            try:
                cached = (key, cluster.storage.counts(table))
            except EngineError as problem:
                if problem.code != NO_SUCH_TABLE:
                    raise
                # Dropped since the catalogue was listed.
                continue
            cluster.row_counts[table.identity] = cached
        found[table.identity] = {part: count * table.count_factor for part, count in cached[1].items()}
    return found


def tables(cluster, counts):
    for table in cluster.catalog.tables():
        rows = sum(counts.get(table.identity, {}).values())
        size = sum(part.bytes for part in table.partitions) * table.replicas() * table.count_factor
        yield ["def", table.database, table.name,
               "VIEW" if table.view else "EXTERNAL TABLE" if table.external and cluster.profile.is_doris else "BASE TABLE",
               table.external or ("" if table.view and not table.materialized else "Doris" if cluster.profile.is_doris else "StarRocks"), None, "", rows, size // rows if rows else 0, size, None,
               None, None, None, moment(table.created), moment(max((p.version_time for p in table.partitions), default=0)), None,
               "utf8_general_ci", None, "", table.comment]


def columns(cluster, counts):
    for table in cluster.catalog.tables():
        for number, column in enumerate(table.columns, 1):
            kind = column.type
            text = kind.base in ("CHAR", "VARCHAR")
            exact = {"TINYINT": 3, "SMALLINT": 5, "INT": 10, "BIGINT": 19, "LARGEINT": 20, "DECIMAL": kind.length}.get(kind.base)
            yield ["def", table.database, table.name, column.name, number, column.default,
                   "YES" if column.nullable else "NO", kind.data_type(), kind.length if text else None, kind.length if text else None,
                   exact, kind.scale if kind.base == "DECIMAL" else 0 if exact else None, None, "utf8" if text else None, None,
                   kind.column_type(), KEYS[table.model] if column.key else "",
                   "auto_increment" if column.auto_increment else "", "", column.comment, kind.length or None,
                   kind.scale if kind.base == "DECIMAL" else None, column.generated, None]


def tables_config(cluster, counts):
    for table in cluster.catalog.tables():
        if not table.kept_here:
            continue
        listed = ", ".join(quote(key) for key in table.keys)
        yield [table.database, table.name, "OLAP", MODELS[table.model],
               listed if table.model in ("PRIMARY", "UNIQUE") else "", ", ".join(quote(c) for c in table.partition_columns),
               ", ".join(quote(c) for c in table.distribution), "HASH" if table.distribution else "RANDOM", table.bucket_count(),
               ", ".join(quote(c) for c in table.order_by) or listed, json.dumps(table.properties), table.identity]


def partitions_meta(cluster, counts):
    for table in cluster.catalog.tables():
        if table.kept_here:
            yield from partitions.meta(cluster, table, counts.get(table.identity, {}))


def loads(cluster, counts):
    for t in list(cluster.transactions.all):
        if t.kind in ("DELETE", "UPDATE"):
            continue
        yield [t.identity, t.label, t.database, t.table, "root", None, STATES[t.state], "100%" if t.state == "VISIBLE" else "0%",
               "INSERT" if t.kind == "INSERT" else "STREAM_LOAD", "NORMAL", t.total, t.filtered,
               t.unselected, t.loaded, None, moment(t.begun), moment(t.begun), moment(t.committed_at), moment(t.finished_at), "{}",
               t.reason or None, t.error_url or None, None, None]


def load_tracking_logs(cluster, counts):
    for t in list(cluster.transactions.all):
        if t.error_url:
            log = cluster.error_logs.get(t.error_url.split("file=")[-1], "")
            yield [t.identity, t.label, t.database, log, t.kind]


def be_tablets(cluster, counts):
    for table in cluster.catalog.tables():
        if not table.kept_here:
            continue
        for part, one, identity, rows, size, _, backend, _ in tablets.replicas(cluster, table, table.partitions):
            versions = int(part.versions)
            yield [backend, table.identity, one.identity, identity, versions, one.version, 0, rows, versions, size, "RUNNING"]


def be_txns(cluster, counts):
    for t in list(cluster.transactions.all):
        if t.state == "VISIBLE":
            yield [10_001, 0, t.identity, 0, t.identity, moment(t.committed_at), moment(t.finished_at), t.loaded, 1, t.bytes, 0, 0, 0, 0, 0]


def views(cluster, counts):
    for table in cluster.catalog.tables():
        if table.view and not table.materialized:
            yield ["def", table.database, table.name, table.view, "NONE", "NO", None, "NONE", "utf8", "utf8_general_ci"]


def schemata(cluster, counts):
    for name in ["information_schema", *sorted(cluster.catalog.databases)]:
        yield ["def", name, "utf8", "utf8_general_ci", None]


def only_starrocks(profile):
    return not profile.is_doris


def since_three(profile):
    return profile.partitions_meta


TABLES = {
    "schemata": View("CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH", schemata),
    "tables": View("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION ROW_FORMAT TABLE_ROWS AVG_ROW_LENGTH DATA_LENGTH "
                   "MAX_DATA_LENGTH INDEX_LENGTH DATA_FREE AUTO_INCREMENT CREATE_TIME UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM "
                   "CREATE_OPTIONS TABLE_COMMENT", tables),
    "columns": View("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE "
                    "CHARACTER_MAXIMUM_LENGTH CHARACTER_OCTET_LENGTH NUMERIC_PRECISION NUMERIC_SCALE DATETIME_PRECISION "
                    "CHARACTER_SET_NAME COLLATION_NAME COLUMN_TYPE COLUMN_KEY EXTRA PRIVILEGES COLUMN_COMMENT COLUMN_SIZE "
                    "DECIMAL_DIGITS GENERATION_EXPRESSION SRS_ID", columns),
    "tables_config": View("TABLE_SCHEMA TABLE_NAME TABLE_ENGINE TABLE_MODEL PRIMARY_KEY PARTITION_KEY DISTRIBUTE_KEY DISTRIBUTE_TYPE "
                          "DISTRIBUTE_BUCKET SORT_KEY PROPERTIES TABLE_ID", tables_config, only_starrocks),
    "partitions_meta": View("DB_NAME TABLE_NAME PARTITION_NAME PARTITION_ID COMPACT_VERSION VISIBLE_VERSION VISIBLE_VERSION_TIME "
                            "NEXT_VERSION DATA_VERSION VERSION_EPOCH IS_TEMP PARTITION_KEY PARTITION_VALUE DISTRIBUTION_KEY BUCKETS "
                            "REPLICATION_NUM STORAGE_MEDIUM COOLDOWN_TIME LAST_CONSISTENCY_CHECK_TIME IS_IN_MEMORY DATA_SIZE ROW_COUNT "
                            "ENABLE_DATACACHE AVG_CS P50_CS MAX_CS STORAGE_PATH TABLET_BALANCED", partitions_meta, since_three),
    "loads": View("ID LABEL DB_NAME TABLE_NAME USER WAREHOUSE STATE PROGRESS TYPE PRIORITY SCAN_ROWS FILTERED_ROWS UNSELECTED_ROWS "
                  "SINK_ROWS RUNTIME_DETAILS CREATE_TIME LOAD_START_TIME LOAD_COMMIT_TIME LOAD_FINISH_TIME PROPERTIES ERROR_MSG "
                  "TRACKING_SQL REJECTED_RECORD_PATH JOB_ID", loads, lambda profile: profile.loads_table),
    "load_tracking_logs": View("JOB_ID LABEL DATABASE_NAME TRACKING_LOG TYPE", load_tracking_logs, since_three),
    "be_tablets": View("BE_ID TABLE_ID PARTITION_ID TABLET_ID NUM_VERSION MAX_VERSION MIN_VERSION NUM_ROW NUM_ROWSET DATA_SIZE STATE",
                       be_tablets, since_three, costly=True),
    "be_txns": View("BE_ID LOAD_ID TXN_ID PARTITION_ID TABLET_ID CREATE_TIME COMMIT_TIME NUM_ROW NUM_SEGMENT DATA_SIZE NUM_ROWSET "
                    "NUM_DELFILE PUBLISH_TIME VERSION NUM_DEL", be_txns, since_three),
    "be_configs": View("BE_ID NAME VALUE TYPE DEFAULT MUTABLE", known=since_three),
    "be_compactions": View("BE_ID CANDIDATES_NUM BASE_COMPACTION_CONCURRENCY CUMULATIVE_COMPACTION_CONCURRENCY LATEST_COMPACTION_SCORE",
                           known=since_three),
    "views": View("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE DEFINER SECURITY_TYPE "
                  "CHARACTER_SET_CLIENT COLLATION_CONNECTION", views),
    "materialized_views": View(
        "MATERIALIZED_VIEW_ID TABLE_SCHEMA TABLE_NAME REFRESH_TYPE IS_ACTIVE INACTIVE_REASON PARTITION_TYPE TASK_ID TASK_NAME "
        "LAST_REFRESH_START_TIME LAST_REFRESH_FINISHED_TIME LAST_REFRESH_DURATION LAST_REFRESH_STATE LAST_REFRESH_FORCE_REFRESH "
        "LAST_REFRESH_START_PARTITION LAST_REFRESH_END_PARTITION LAST_REFRESH_BASE_REFRESH_PARTITIONS "
        "LAST_REFRESH_MV_REFRESH_PARTITIONS LAST_REFRESH_ERROR_CODE TABLE_ROWS MATERIALIZED_VIEW_DEFINITION",
        materialized.catalogue, only_starrocks),
    "tasks": View("TASK_NAME CREATE_TIME SCHEDULE DATABASE DEFINITION EXPIRE_TIME", known=only_starrocks),
    "task_runs": View("QUERY_ID TASK_NAME CREATE_TIME FINISH_TIME STATE DATABASE DEFINITION EXPIRE_TIME ERROR_CODE ERROR_MESSAGE "
                      "PROGRESS EXTRA_MESSAGE", known=only_starrocks),
    "statistics": View("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME NON_UNIQUE INDEX_SCHEMA INDEX_NAME SEQ_IN_INDEX COLUMN_NAME COLLATION "
                       "CARDINALITY SUB_PART PACKED NULLABLE INDEX_TYPE COMMENT INDEX_COMMENT"),
    "key_column_usage": View("CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME "
                             "ORDINAL_POSITION POSITION_IN_UNIQUE_CONSTRAINT REFERENCED_TABLE_SCHEMA REFERENCED_TABLE_NAME "
                             "REFERENCED_COLUMN_NAME"),
    "table_constraints": View("CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_SCHEMA TABLE_NAME CONSTRAINT_TYPE"),
    "referential_constraints": View("CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME UNIQUE_CONSTRAINT_NAME UPDATE_RULE "
                                    "DELETE_RULE TABLE_NAME REFERENCED_TABLE_NAME"),
    "triggers": View("TRIGGER_CATALOG TRIGGER_SCHEMA TRIGGER_NAME EVENT_OBJECT_TABLE"),
    "routines": View("SPECIFIC_NAME ROUTINE_CATALOG ROUTINE_SCHEMA ROUTINE_NAME ROUTINE_TYPE"),
}
NUMBERS = {"ORDINAL_POSITION", "TABLE_ROWS", "DATA_LENGTH", "AVG_ROW_LENGTH", "VISIBLE_VERSION", "NEXT_VERSION", "DATA_VERSION",
           "ROW_COUNT", "BUCKETS", "REPLICATION_NUM", "PARTITION_ID", "TABLE_ID", "DISTRIBUTE_BUCKET", "IS_TEMP", "ID", "SCAN_ROWS",
           "FILTERED_ROWS", "UNSELECTED_ROWS", "SINK_ROWS", "CHARACTER_MAXIMUM_LENGTH", "CHARACTER_OCTET_LENGTH", "NUMERIC_PRECISION",
           "NUMERIC_SCALE", "NUM_VERSION", "NUM_ROWSET", "NUM_ROW", "TABLET_ID", "BE_ID", "TXN_ID", "COLUMN_SIZE", "DECIMAL_DIGITS"}


def create(storage):
    storage.run(f"CREATE DATABASE IF NOT EXISTS {quote(CATALOGUE)} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    for name, view in TABLES.items():
        fields = ", ".join(
            f"{quote(column)} " + ("bigint" if column in NUMBERS else "double" if column.endswith("_CS") else
                                   "datetime" if column.endswith("_TIME") and column != "COOLDOWN_TIME" else
                                   "longtext" if column in ("VIEW_DEFINITION", "MATERIALIZED_VIEW_DEFINITION", "TRACKING_LOG", "PROPERTIES",
                                                            "COLUMN_TYPE", "ERROR_MSG", "PARTITION_VALUE", "DEFINITION")
                                   else "varchar(512)") for column in view.columns)
        storage.run(f"CREATE TABLE IF NOT EXISTS {quote(CATALOGUE)}.{quote(name)} ({fields}) ENGINE=InnoDB "
                    "CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")


def refresh(cluster, asked=""):
    """Fills the tables again when the catalogue or a transaction has changed since."""
    asked = asked.lower()
    with _guard:
        state = (cluster.catalog.revision, tuple((t.identity, t.state) for t in cluster.transactions.all[-200:]),
                 len(cluster.transactions.all), cluster.profile.name)
        stale = [name for name, view in TABLES.items()
                 if cluster.shown_state.get(name) != state and (not view.costly or name == asked)]
        if not stale:
            return
        counts = counts_of(cluster)
        with cluster.storage.connection() as writer:
            writer.query("START TRANSACTION")
            for name in stale:
                view = TABLES[name]
                writer.query(f"DELETE FROM {quote(CATALOGUE)}.{quote(name)}")
                batch = ["(" + ",".join(literal(value) for value in row) + ")" for row in view.rows(cluster, counts)]
                for at in range(0, len(batch), 500):
                    writer.query(f"INSERT INTO {quote(CATALOGUE)}.{quote(name)} VALUES {','.join(batch[at:at + 500])}")
                cluster.shown_state[name] = state
            writer.query("COMMIT")
