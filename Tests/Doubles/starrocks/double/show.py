"""SHOW: tables, columns, CREATE TABLE, partitions, nodes, loads, jobs, variables."""

import re

from . import materialized, partitions, tablets
from .catalog import SQLError
from .engine import quote
from .infoschema import STATES, counts_of
from .shown import moment, size


class Show:
    def __init__(self, session):
        self.session, self.cluster = session, session.cluster

    @property
    def catalog(self):
        return self.cluster.catalog

    def execute(self, words):
        for phrase, name in PHRASES:
            if words.accept(*phrase.split()):
                return getattr(self, name)(words)
        words.fail("the SHOW statement is not known")

    # --- filters that many of them have
    def database(self, words):
        if words.accept("FROM") or words.accept("IN"):
            return words.name()
        return self.session.database

    def like(self, words):
        """A test for names: LIKE 'pattern', or WHERE column = 'value' / LIKE."""
        match = re.search(r"(?i)\b(?:like|=)\s*['\"]([^'\"]*)['\"]", words.sql[words.peek().start :])
        if not match:
            return lambda name: True
        pattern = re.escape(match[1]).replace("%", ".*").replace("_", ".")
        return lambda name: re.fullmatch(pattern, name, re.I | re.S) is not None

    # --- tables
    def databases(self, words):
        fits = self.like(words)
        return ["Database"], [[name] for name in ["_statistics_", "information_schema", *sorted(self.catalog.databases), "sys"] if fits(name)]

    def tables(self, words):
        database = self.database(words)
        fits = self.like(words)
        return [f"Tables_in_{database}"], [[name] for name in sorted(self.catalog.database(database)) if fits(name)]

    def full_tables(self, words):
        database = self.database(words)
        fits = self.like(words)
        names = self.catalog.database(database)
        kinds = re.search(r"(?i)table_type\s*(=|!=|<>)\s*['\"]([^'\"]*)", words.sql)
        if kinds:
            wanted = [name for name in names if (("VIEW" if names[name].view else "BASE TABLE") == kinds[2]) == (kinds[1] == "=")]
            fits = wanted.__contains__
        return [f"Tables_in_{database}", "Table_type"], [
            [name, "VIEW" if names[name].view else "BASE TABLE"] for name in sorted(names) if fits(name)]

    def table_status(self, words):
        database = self.database(words)
        fits = self.like(words)
        counts = counts_of(self.cluster)
        rows = []
        for name, table in sorted(self.catalog.database(database).items()):
            if fits(name):
                rows.append([name, "StarRocks", None, None, sum(counts.get(table.identity, {}).values()), None,
                             sum(part.bytes for part in table.partitions), None, None, None, None, moment(table.created), None, None,
                             "utf8_general_ci", None, None, table.comment])
        return ("Name Engine Version Row_format Rows Avg_row_length Data_length Max_data_length Index_length Data_free Auto_increment "
                "Create_time Update_time Check_time Collation Checksum Create_options Comment").split(), rows

    def find(self, words):
        database, name = words.path()
        return self.catalog.table(database or self.session.database, name)

    def columns_of(self, words):
        words.accept("FROM") or words.accept("IN")
        path = words.path()
        if words.accept("FROM") or words.accept("IN"):
            path = (words.name(), path[1])
        return self.columns(path, full=False, fits=self.like(words))

    def full_columns_of(self, words):
        words.accept("FROM") or words.accept("IN")
        path = words.path()
        if words.accept("FROM") or words.accept("IN"):
            path = (words.name(), path[1])
        return self.columns(path, full=True, fits=self.like(words))

    def columns(self, path, full, fits=lambda name: True):
        table = self.catalog.table(path[0] or self.session.database, path[1])
        rows = []
        for column in table.columns:
            if not fits(column.name):
                continue
            kind = column.type.shown(self.cluster.profile)
            kind = re.sub(r"^decimal\d*\((\d+), (\d+)\)", r"decimal(\1,\2)", kind)
            key = ("PRI" if column.key else "") if full else ("true" if column.key else "false")
            common = ["YES" if column.nullable else "NO", key, column.default]
            extra = column.aggregate or ("auto_increment" if column.auto_increment else "")
            if not full:
                rows.append([column.name, kind, *common, extra])
            else:
                rows.append([column.name, kind, None, *common, extra, "", column.comment])
        if full:
            return ["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"], rows
        return ["Field", "Type", "Null", "Key", "Default", "Extra"], rows

    def create_table(self, words):
        table = self.find(words)
        if table.materialized:
            return (["Materialized View", "Create Materialized View"],
                    [[table.name, f"CREATE MATERIALIZED VIEW {quote(table.name)} {table.partition_text} AS {table.view};"]])
        if table.view:
            return (["View", "Create View", "character_set_client", "collation_connection"],
                    [[table.name, f"CREATE VIEW {quote(table.name)} AS {table.view};", "utf8", "utf8_general_ci"]])
        return ["Table", "Create Table"], [[table.name, statement(table, self.cluster.profile)]]

    def create_database(self, words):
        name = words.name()
        self.catalog.database(name)
        return ["Database", "Create Database"], [[name, f"CREATE DATABASE {quote(name)}"]]

    # --- partitions and tablets
    def partitions(self, words, temporary=False):
        words.accept("FROM") or words.accept("IN")
        table = self.find(words)
        if not table.kept_here:
            raise SQLError(f"Table[{table.name}] is not a OLAP table")
        counts = (self.cluster.storage.counts(table, True) if temporary
                  else counts_of(self.cluster, [table])[table.identity])
        columns, rows = partitions.listed(self.cluster, table, counts, temporary)
        rest = words.rest()
        for name, test, value in re.findall(r"(?i)\b(\w+)\s*(=|like)\s*['\"]([^'\"]*)", rest):
            at = self.place(columns, name)
            pattern = re.escape(value).replace("%", ".*") if test.lower() == "like" else re.escape(value)
            rows = [row for row in rows if re.fullmatch(pattern, str(row[at]), re.I)]
        order = re.search(r"(?i)\bORDER\s+BY\s+`?(\w+)`?(\s+DESC)?", rest)
        if order:
            at = self.place(columns, order[1])
            rows.sort(key=lambda row: (row[at] is not None, row[at]), reverse=bool(order[2]))
        return columns, self.limited(rows, rest)

    def place(self, columns, name):
        """The number of a column that a WHERE or an ORDER BY names."""
        found = next((number for number, column in enumerate(columns) if column.lower() == name.lower()), None)
        if found is None:
            raise SQLError(f"Column {name} does not exist in the result", 1054, "42S22")
        return found

    def limited(self, rows, rest):
        limit = re.search(r"(?i)\bLIMIT\s+(?:(\d+)\s*,\s*)?(\d+)", rest)
        return rows[int(limit[1] or 0) :][: int(limit[2])] if limit else rows

    def temporary_partitions(self, words):
        return self.partitions(words, temporary=True)

    def tablets(self, words):
        profile = self.cluster.profile
        if words.peek().kind == "number":
            return self.tablet(int(words.next().text))
        words.accept("FROM")
        table = self.find(words)
        if not table.kept_here:
            raise SQLError(f"Table[{table.name}] is not a OLAP table")
        chosen = partitions.ordered(table)
        if words.accept("PARTITION") or words.accept("PARTITIONS"):
            names = words.names() if words.peek().text == "(" else [words.name()]
            chosen = []
            for name in names:
                part = table.partition(name) or table.partition(name, True)
                if part is None:
                    raise SQLError(f"Unknown partition: {name}")
                chosen.append(part)
        rest = words.rest()
        index = re.search(r"(?i)\bIndexName\s*=\s*['\"]([^'\"]*)", rest)
        columns, rows = tablets.columns(profile), tablets.listed(self.cluster, table, chosen, index and index[1])
        for name, value in re.findall(r"(?i)\b(BackendId|Version|State)\s*=\s*['\"]?([^'\"\s]+)", rest):
            at = self.place(columns, name)
            rows = [row for row in rows if str(row[at]) == value]
        return columns, self.limited(rows, rest)

    def tablet(self, identity):
        """SHOW TABLET id: where it belongs."""
        for table in self.catalog.tables():
            for part in table.partitions if table.kept_here else ():
                for one in part.physical:
                    if identity in one.tablets:
                        return ("DbName TableName PartitionName IndexName DbId TableId PartitionId IndexId IsSync DetailCmd".split(),
                                [[table.database, table.name, part.name, table.name, self.catalog.identities.get(table.database, 0),
                                  table.identity, one.identity, table.identity + 1, "true", ""]])
        return "DbName TableName PartitionName IndexName DbId TableId PartitionId IndexId IsSync DetailCmd".split(), []

    def data(self, words):
        counts = counts_of(self.cluster)
        rows = [[name, size(sum(part.bytes for part in table.partitions)), sum(counts.get(table.identity, {}).values())]
                for name, table in sorted(self.catalog.database(self.session.database).items())]
        return ["TableName", "Size", "ReplicaCount"], rows

    # --- nodes
    def backends(self, words):
        rows = []
        for number, node in enumerate(self.cluster.backends()):
            rows.append([10_001 + number, node.address, 9050, node.be_port, node.http_port, 8060, None, None, str(node.alive).lower(), "false",
                         "false", 10, size(1 << 30), size(1 << 38), size(1 << 39), "50.00 %", "50.00 %", "", self.cluster.profile.version,
                         '{"lastSuccessReportTabletsTime":"N/A"}', size(1 << 38), "50.00 %", 2])
        return ("BackendId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned "
                "ClusterDecommissioned TabletNum DataUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct ErrMsg Version Status "
                "DataTotalCapacity DataUsedPct CpuCores").split(), rows

    def frontends(self, words):
        rows = []
        for number, node in enumerate(self.cluster.frontends()):
            leads = node.name == self.cluster.leader
            rows.append([number + 1, f"{node.address}_9010", node.address, 9010, node.http_port, node.sql_port, 9020,
                         "LEADER" if leads else "FOLLOWER", 1_234_567, "true", str(node.alive).lower(), 100, None, "true", "", None,
                         self.cluster.profile.version])
        if self.cluster.profile.is_doris:
            columns = ("Name Host EditLogPort HttpPort QueryPort RpcPort Role IsMaster ClusterId Join Alive ReplayedJournalId "
                       "LastHeartbeat IsHelper ErrMsg Version").split()
            return columns, [[r[1], r[2], *r[3:7], "FOLLOWER", str(r[7] == "LEADER").lower(), *r[8:15], r[16]] for r in rows]
        return ("Id Name IP EditLogPort HttpPort QueryPort RpcPort Role ClusterId Join Alive ReplayedJournalId LastHeartbeat IsHelper "
                "ErrMsg StartTime Version").split(), rows

    def nothing(self, words):
        return ["Name", "Value"], []

    # --- loads, transactions, jobs
    def load(self, words):
        database = self.database(words)
        fits = self.like(words)
        rows = [[t.identity, t.label, STATES[t.state], "100%", "INSERT" if t.kind == "INSERT" else "STREAM_LOAD", "NORMAL", t.total,
                 t.filtered, t.unselected, t.loaded, None, "N/A", t.reason or None, moment(t.begun), moment(t.begun), moment(t.begun),
                 moment(t.committed_at), moment(t.finished_at), None, t.error_url or None]
                for t in self.cluster.transactions.all if t.database == database and fits(t.label)]
        return ("JobId Label State Progress Type Priority ScanRows FilteredRows UnselectedRows SinkRows EtlInfo TaskInfo ErrorMsg "
                "CreateTime EtlStartTime EtlFinishTime LoadStartTime LoadFinishTime TrackingSQL URL").split(), rows

    def transaction(self, words):
        match = re.search(r"(?i)\bid\s*=\s*(\d+)", words.sql)
        named = re.search(r"(?i)\blabel\s*=\s*['\"]([^'\"]*)", words.sql)
        rows = [[t.identity, t.label, "FE: " + self.session.node.address, t.state, "BACKEND_STREAMING", moment(t.begun),
                 moment(t.committed_at), moment(t.finished_at), t.reason, 0, -1, int(t.timeout * 1000)]
                for t in self.cluster.transactions.all
                if (match and t.identity == int(match[1])) or (named and t.label == named[1])]
        return ("TransactionId Label Coordinator TransactionStatus LoadJobSourceType PrepareTime CommitTime FinishTime Reason "
                "ErrorReplicasCount ListenerId TimeoutMs").split(), rows

    def alter_jobs(self, words):
        database = self.database(words)
        name = re.search(r"(?i)TableName\s*=\s*['\"]([^'\"]*)", words.sql)
        rows = [[job["identity"], job["table"], moment(job["time"]), moment(job["time"]), job["table"], job["identity"], 1, "0:1",
                 job["identity"], "FINISHED", "", None, 86_400]
                for job in reversed(self.cluster.jobs)
                if job["database"] == database and not job.get("rollup") and (not name or job["table"] == name[1])]
        limit = re.search(r"(?i)\bLIMIT\s+(\d+)", words.sql)
        return ("JobId TableName CreateTime FinishTime IndexName IndexId OriginIndexId SchemaVersion TransactionId State Msg Progress "
                "Timeout").split(), rows[: int(limit[1])] if limit else rows

    def rollup_jobs(self, words):
        database = self.database(words)
        name = re.search(r"(?i)TableName\s*=\s*['\"]([^'\"]*)", words.sql)
        rows = [[job["identity"], job["table"], moment(job["time"]), moment(job["time"]), job["table"], job["rollup"], job["identity"],
                 job["identity"], "FINISHED", "", None, 86_400]
                for job in reversed(self.cluster.jobs)
                if job["database"] == database and job.get("rollup") and (not name or job["table"] == name[1])]
        return ("JobId TableName CreateTime FinishedTime BaseIndexName RollupIndexName RollupId TransactionId State Msg Progress "
                "Timeout").split(), rows

    def materialized_views(self, words):
        database = self.database(words)
        fits = self.like(words)
        rows = [[table.identity, database, name, kind, active, moment(table.created), moment(table.created), "0.100", "SUCCESS", reason, 0,
                 text] for table, name, kind, active, reason, text in materialized.rows(self.cluster, database) if fits(name)]
        return ("id database_name name refresh_type is_active last_refresh_start_time last_refresh_finished_time last_refresh_duration "
                "last_refresh_state inactive_reason rows text").split(), rows

    # --- variables and the rest of what drivers ask
    def variables(self, words):
        fits = self.like(words)
        values = {**self.session.server.globals, **self.session.variables, "version": self.cluster.profile.server_version,
                  "version_comment": self.session.variable("version_comment")}
        if not self.cluster.profile.insert_timeout:
            values.pop("insert_timeout", None)
        return ["Variable_name", "Value"], [[name, value] for name, value in sorted(values.items()) if fits(name)]

    def status(self, words):
        return ["Variable_name", "Value"], []

    def warnings(self, words):
        return ["Level", "Code", "Message"], []

    def processlist(self, words):
        return ("Id User Host Db Command ConnectionStartTime Time State Info".split(),
                [[self.session.identity, self.session.user, "127.0.0.1:0", self.session.database, "Query", None, 0, "OK", words.sql]])

    def grants(self, words):
        return ["UserIdentity", "Catalog", "Grants"], [[f"'{self.session.user}'@'%'", None, "GRANT 'root' TO USER"]]

    def engines(self, words):
        return ["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"], [["OLAP", "YES", "", "NO", "NO", "NO"]]

    def collation(self, words):
        return ["Collation", "Charset", "Id", "Default", "Compiled", "Sortlen"], [["utf8_general_ci", "utf8", "33", "Yes", "Yes", "1"]]

    def repositories(self, words):
        return ["RepoId", "RepoName", "CreateTime", "IsReadOnly", "Location", "Broker", "ErrMsg"], [
            [identity, name, moment(created), "false", location, "-", "NULL"]
            for name, (identity, created, location) in self.catalog.repositories.items()]

    def catalogs(self, words):
        return ["Catalog", "Type", "Comment"], [["default_catalog", "Internal", "An internal catalog contains this cluster's self-managed tables."]]

    def index(self, words):
        words.accept("FROM") or words.accept("IN")
        path = words.path()
        if words.accept("FROM") or words.accept("IN"):
            path = (words.name(), path[1])
        table = self.catalog.table(path[0] or self.session.database, path[1])
        rows = [[f"{table.database}.{table.name}", "", index["name"], "", ",".join(index["columns"]), "", "", "", "", "",
                 index["kind"], index["comment"]] for index in table.indexes]
        return "Table Non_unique Key_name Seq_in_index Column_name Collation Cardinality Sub_part Packed Null Index_type Comment".split(), rows


def statement(table, profile):
    """SHOW CREATE TABLE, in the layout of StarRocks."""
    lines = []
    for column in table.columns:
        line = f"  {quote(column.name)} {column.type.shown(profile)}"
        if column.aggregate:
            line += f" {column.aggregate}"
        line += " NULL" if column.nullable else " NOT NULL"
        if column.auto_increment:
            line += " AUTO_INCREMENT"
        if column.generated:
            line += f" AS {column.generated}"
        elif column.has_default and column.default is not None:
            line += f" DEFAULT {column.default}" if column.default == "CURRENT_TIMESTAMP" else f" DEFAULT ({column.default})" \
                if column.default_expression else ' DEFAULT "' + column.default.replace('"', '\\"') + '"'
        comment = column.comment.replace('"', '\\"')
        lines.append(line + f' COMMENT "{comment}"')
    lines += [materialized.index_text(index) for index in table.indexes]
    if table.external:
        rules = ",\n".join(f'"{key}" = "{value}"' for key, value in table.properties.items())
        return (f"CREATE EXTERNAL TABLE {quote(table.name)} (\n" + ",\n".join(lines) + f"\n) ENGINE={table.external.upper()} \n"
                + (f'COMMENT "{table.comment}"\n' if table.comment else "") + f"PROPERTIES (\n{rules}\n);")
    text = f"CREATE TABLE {quote(table.name)} (\n" + ",\n".join(lines) + "\n) ENGINE=OLAP \n"
    text += f"{table.model} KEY({', '.join(quote(key) for key in table.keys)})\n"
    if table.comment:
        text += 'COMMENT "' + table.comment.replace('"', '\\"') + '"\n'
    if table.partition_kind == "EXPRESSION":
        text += f"PARTITION BY {table.partition_text}\n"
    elif table.partition_kind:
        text += f"PARTITION BY {table.partition_text}\n(" + ",\n".join(_clause(table, part) for part in table.partitions) + ")\n"
    text += f"DISTRIBUTED BY HASH({', '.join(quote(name) for name in table.distribution)})" if table.distribution else "DISTRIBUTED BY RANDOM"
    text += f" BUCKETS {table.buckets} \n" if table.buckets else "\n"
    if table.order_by:
        text += f"ORDER BY({', '.join(quote(name) for name in table.order_by)})\n"
    properties = {"replication_num": "3", "in_memory": "false", "enable_persistent_index": "true", "replicated_storage": "true",
                  "compression": "LZ4"}
    if table.model != "PRIMARY":
        del properties["enable_persistent_index"]
    properties.update(table.properties)
    return text + "PROPERTIES (\n" + ",\n".join(f'"{key}" = "{value}"' for key, value in properties.items()) + "\n);"


def _clause(table, part):
    if part.values is not None:
        listed = ", ".join("(" + ", ".join(f"'{v}'" for v in values) + ")" if len(values) > 1 else f"'{values[0]}'" for values in part.values)
        return f"  PARTITION {part.name} VALUES IN ({listed})"
    lower = re.search(r"keys: \[(.*?)\]; \.\.", partitions.text_of(table, part))[1].split(", ")
    sides = [", ".join("MAXVALUE" if value in (None, "MAXVALUE") else f'"{value}"' for value in side) for side in (lower, part.upper)]
    return f"PARTITION {part.name} VALUES [({sides[0]}), ({sides[1]}))"


PHRASES = (
    ("DATABASES", "databases"), ("SCHEMAS", "databases"), ("TABLES", "tables"), ("FULL TABLES", "full_tables"),
    ("TABLE STATUS", "table_status"), ("COLUMNS", "columns_of"), ("FIELDS", "columns_of"), ("FULL COLUMNS", "full_columns_of"),
    ("FULL FIELDS", "full_columns_of"), ("CREATE TABLE", "create_table"), ("CREATE MATERIALIZED VIEW", "create_table"),
    ("CREATE VIEW", "create_table"), ("CREATE DATABASE", "create_database"), ("PARTITIONS", "partitions"),
    ("TEMPORARY PARTITIONS", "temporary_partitions"), ("TABLET", "tablets"), ("TABLETS", "tablets"), ("DATA", "data"),
    ("BACKENDS", "backends"), ("FRONTENDS", "frontends"), ("COMPUTE NODES", "nothing"), ("LOAD", "load"),
    ("TRANSACTION", "transaction"), ("ALTER TABLE COLUMN", "alter_jobs"), ("ALTER TABLE OPTIMIZE", "alter_jobs"),
    ("ALTER TABLE ROLLUP", "rollup_jobs"), ("ALTER MATERIALIZED VIEW", "rollup_jobs"),
    ("MATERIALIZED VIEWS", "materialized_views"), ("MATERIALIZED VIEW", "materialized_views"), ("GLOBAL VARIABLES", "variables"),
    ("SESSION VARIABLES", "variables"), ("VARIABLES", "variables"), ("STATUS", "status"), ("SESSION STATUS", "status"),
    ("GLOBAL STATUS", "status"), ("WARNINGS", "warnings"), ("ERRORS", "warnings"), ("PROCESSLIST", "processlist"),
    ("FULL PROCESSLIST", "processlist"), ("GRANTS", "grants"), ("ENGINES", "engines"), ("COLLATION", "collation"),
    ("CHARSET", "collation"), ("CATALOGS", "catalogs"), ("REPOSITORIES", "repositories"), ("INDEX", "index"), ("KEYS", "index"),
)
