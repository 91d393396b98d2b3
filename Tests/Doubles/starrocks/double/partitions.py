"""SHOW PARTITIONS and partitions_meta: one row for each physical partition, in the columns of the version."""

from . import tablets
from .ddl import step
from .shown import moment, size

SMALLEST = {"DATE": "0000-01-01", "DATETIME": "0000-01-01 00:00:00", "INT": "-2147483648", "BIGINT": "-9223372036854775808",
            "TINYINT": "-128", "SMALLINT": "-32768"}
OWN_DISKS = ("PartitionId PartitionName VisibleVersion VisibleVersionTime VisibleVersionHash State PartitionKey {} DistributionKey Buckets "
             "ReplicationNum StorageMedium CooldownTime LastConsistencyCheckTime DataSize IsInMemory RowCount")
SHARED = ("PartitionId PartitionName CompactVersion VisibleVersion NextVersion State PartitionKey {} DistributionKey Buckets DataSize "
          "RowCount EnableDataCache AsyncWrite AvgCS P50CS MaxCS")
DORIS = ("PartitionId PartitionName VisibleVersion VisibleVersionTime State PartitionKey {} DistributionKey Buckets ReplicationNum "
         "StorageMedium CooldownTime RemoteStoragePolicy LastConsistencyCheckTime DataSize IsInMemory ReplicaAllocation IsMutable "
         "SyncWithBaseTables UnsyncTables CommittedVersion RowCount")


def is_list(table):
    """Expression partitions over columns are a list; those over date_trunc are ranges."""
    return table.partition_kind == "LIST" or (table.partition_kind == "EXPRESSION" and not table.partition_unit)


def bounds(table, part):
    """(lower, upper) of a range partition as texts; `None` in them is MAXVALUE."""
    if part.values is not None:
        start = part.values[0][0]
        if start is None:
            start = SMALLEST[table.column(table.partition_columns[0]).type.base]
            return [start], [start.replace("01-01", "01-02", 1)]
        return [start], [step(start.split(".")[0], table.partition_unit, 1)]
    lower = part.lower or [SMALLEST.get(table.column(name).type.base, "") for name in table.partition_columns]
    return lower, part.upper


def text_of(table, part):
    """The column Range or List."""
    if part.values is not None and is_list(table):
        return "(" + ", ".join("(" + ", ".join(f"'{v}'" for v in values) + ")" for values in part.values) + ")"
    if part.upper is None and part.values is None:
        return ""
    kinds = ", ".join(table.column(name).type.base for name in table.partition_columns)
    sides = [", ".join("MAXVALUE" if value is None else value for value in side) for side in bounds(table, part)]
    return f"[types: [{kinds}]; keys: [{sides[0]}]; ..types: [{kinds}]; keys: [{sides[1]}]; )"


def ordered(table, temporary=False):
    """Ranges in their order; lists in none."""
    among = list(table.temporary if temporary else table.partitions)
    if is_list(table):
        return sorted(among, key=lambda part: part.identity * 2_654_435_761 % (1 << 32))
    if table.partition_kind == "EXPRESSION":
        return sorted(among, key=lambda part: part.values[0][0] or "")
    return among


def rows_of(cluster, table, part, one, counts, temporary):
    """RowCount of a physical partition."""
    if len(part.physical) == 1:
        return counts.get(part.identity, 0)
    held = tablets.counts(cluster, table, temporary)
    return sum(held.get(identity, 0) for identity in one.tablet_ids(table.bucket_count())) * table.count_factor


def listed(cluster, table, counts, temporary=False):
    """(columns, rows) of SHOW [TEMPORARY] PARTITIONS."""
    profile = cluster.profile
    layout = DORIS if profile.is_doris else SHARED if profile.shared else OWN_DISKS
    columns = layout.format("List" if is_list(table) and not profile.is_doris else "Range").split()
    keys = ", ".join(table.partition_columns)
    spread = ", ".join(table.distribution) or ("RANDOM" if profile.is_doris else "ALL KEY")
    replicas = str(table.replicas())
    rows = []
    for part in ordered(table, temporary):
        for one in part.physical:
            if profile.shared and cluster.config["compact_on_show"]:
                compact(cluster, one)
            count, range_ = rows_of(cluster, table, part, one, counts, temporary), text_of(table, part)
            stored = size(one.bytes * table.count_factor)
            if profile.is_doris:
                rows.append([one.identity, part.name, one.version, moment(one.version_time), "NORMAL", keys, range_, spread,
                             table.bucket_count(), replicas, "HDD", "9999-12-31 23:59:59", "", None, stored, "false",
                             f"tag.location.default: {replicas}", "true", "true", None, one.version, count])
            elif profile.shared:
                score = f"{max(1, round(part.versions)):.2f}"
                rows.append([one.identity, part.name, one.compacted, one.version, one.version + 1, "NORMAL", keys, range_, spread,
                             table.bucket_count(), stored, count, "true", "false", score, score, score])
            else:
                rows.append([one.identity, part.name, one.version, moment(one.version_time), 0, "NORMAL", keys, range_, spread,
                             table.bucket_count(), replicas, "HDD", "9999-12-31 23:59:59", None, stored, "false", count])
    return columns, rows


def compact(cluster, one):
    """Shared data: a compaction is a version of its own, with the same rows."""
    one.bump(cluster.now())
    one.compacted = one.version


def meta(cluster, table, counts):
    """The rows of information_schema.partitions_meta."""
    shared = cluster.profile.shared
    for temporary in (False, True):
        among = ordered(table, temporary)
        if temporary and among:
            counts = cluster.storage.counts(table, True)
        for part in among:
            for one in part.physical:
                yield [table.database, table.name, part.name, one.identity, one.compacted if shared else None, one.version,
                       moment(one.version_time), one.version + 1, one.version, 0, int(temporary), ", ".join(table.partition_columns),
                       text_of(table, part), ", ".join(table.distribution) or "ALL KEY", table.bucket_count(), table.replicas(), "HDD",
                       "9999-12-31 23:59:59", None, 0, size(one.bytes * table.count_factor),
                       rows_of(cluster, table, part, one, counts, temporary), 0, part.versions, part.versions, part.versions, "", None]
