"""Tablets: which of them a row belongs to, how many rows each holds, and how they are listed."""

from .catalog import SQLError
from .engine import quote
from .shown import size

LOCAL = ("TabletId ReplicaId BackendId SchemaHash Version VersionHash LstSuccessVersion LstSuccessVersionHash LstFailedVersion "
         "LstFailedVersionHash LstFailedTime DataSize RowCount State LstConsistencyCheckTime CheckVersion CheckVersionHash VersionCount "
         "PathHash MetaUrl CompactionStatus DiskRootPath").split()
SHARED = "TabletId BackendId DataSize RowCount".split()
DORIS = ("TabletId ReplicaId BackendId SchemaHash Version LstSuccessVersion LstFailedVersion LstFailedTime LocalDataSize RemoteDataSize "
         "RowCount State LstConsistencyCheckTime CheckVersion VersionCount QueryHits PathHash Path MetaUrl CompactionStatus "
         "CooldownReplicaId CooldownMetaId").split()
FIRST_BACKEND = 10_001


def columns(profile):
    if profile.is_doris:
        return DORIS
    if profile.shared:
        return SHARED
    return LOCAL + ["IsConsistent", "Checksum"] if profile.since(3, 1) else LOCAL


def bucket(table):
    """The number of a row's tablet within its physical partition, as SQL over the table's columns."""
    if not table.distribution:
        return f"`__row` % {table.bucket_count()}"
    names = ", ".join(f"IFNULL({quote(table.column(name).name)}, '\\\\N')" for name in table.distribution)
    return f"CRC32(CONCAT_WS(0x01, {names})) % {table.bucket_count()}"


def spans(part):
    """(physical partition, condition on `__row` or nothing) of one partition."""
    for number, one in enumerate(part.physical):
        tests = [f"`__row` >= {one.first}"] if number else []
        if number + 1 < len(part.physical):
            tests.append(f"`__row` < {part.physical[number + 1].first}")
        yield one, " AND ".join(tests)


def counts(cluster, table, temporary=False):
    """Rows by tablet id, counted again only where a version has changed."""
    among = table.temporary if temporary else table.partitions
    key = (temporary, table.bucket_count(), tuple((one.identity, one.version, one.first) for part in among for one in part.physical))
    cached = cluster.tablet_counts.get((table.identity, temporary))
    if cached and cached[0] == key:
        return cached[1]
    place = cluster.storage.temporary(table) if temporary else cluster.storage.name(table)
    found = {}
    for part in among:
        for one, rows in spans(part):
            where = f"`__part` = {part.identity}" + (f" AND {rows}" if rows else "")
            ids = one.tablet_ids(table.bucket_count())
            for number, count in cluster.storage.run(f"SELECT {bucket(table)}, COUNT(*) FROM {place} WHERE {where} GROUP BY 1"):
                found[ids[int(number)]] = int(count)
    cluster.tablet_counts[(table.identity, temporary)] = (key, found)
    return found


def condition(table, parts, wanted, profile):
    """The rows of some tablets, in some partitions, as SQL."""
    wanted, tests, known = set(wanted), [], set()
    for part in parts:
        for one, rows in spans(part):
            ids = one.tablet_ids(table.bucket_count())
            numbers = [number for number, identity in enumerate(ids) if identity in wanted]
            known.update(ids)
            if not numbers:
                continue
            test = f"`__part` = {part.identity}" + (f" AND {rows}" if rows else "")
            if len(numbers) < len(ids):
                test += f" AND {bucket(table)} IN ({','.join(map(str, numbers))})"
            tests.append(f"({test})")
    strange = sorted(wanted - known)
    if strange and not profile.is_doris:
        # OlapScanNode finds no partition for it. Doris keeps those that it knows and reads nothing of the others.
        raise SQLError(f"Invalid tablet id: '{strange[0]}'")
    return " OR ".join(tests) or "FALSE"


def replicas(cluster, table, parts, temporary=False):
    """(physical partition, tablet, its rows and bytes, number of the replica, backend, name of the index) of each replica."""
    held = counts(cluster, table, temporary)
    shared = cluster.profile.shared
    for part in parts:
        for one in part.physical:
            ids = one.tablet_ids(table.bucket_count())
            total = sum(held.get(identity, 0) for identity in ids)
            listed = [(identity, table.name) for identity in ids]
            listed += [(identity, name) for name in table.rollups for identity in one.rollup_ids(name, table.bucket_count())]
            for number, (identity, index) in enumerate(listed):
                rows = held.get(ids[number % len(ids)], 0)
                bytes_ = one.bytes * rows // total if total else 0
                for replica in range(1 if shared else table.replicas()):
                    yield (part, one, identity, rows * table.count_factor, bytes_ * table.count_factor, replica,
                           FIRST_BACKEND + (number + replica) % max(2, table.replicas()), index)


def listed(cluster, table, parts, index=None):
    """The rows of SHOW TABLET."""
    profile, rows = cluster.profile, []
    for part, one, identity, count, bytes_, replica, backend, name in replicas(cluster, table, parts):
        if index and name != index:
            continue
        shown, versions = size(bytes_), int(part.versions)
        if profile.shared:
            rows.append([identity, f"[{backend}]", shown, count])
            continue
        number, meta = identity * 10 + replica, f"http://{cluster.subnet}11/api/meta/header/{identity}"
        status = f"http://{cluster.subnet}11/api/compaction/show?tablet_id={identity}"
        if profile.is_doris:
            rows.append([identity, number, backend, 0, one.version, one.version, -1, None, bytes_, 0, count, "NORMAL", None, -1, versions, 0,
                         -1, "/data", meta, status, -1, ""])
        else:
            rows.append([identity, number, backend, 0, one.version, 0, one.version, 0, -1, 0, None, shown, count, "NORMAL", None, -1, -1,
                         versions, -1, meta, status, "/data", "true", -1][: len(columns(profile))])
    return sorted(rows, key=lambda row: (row[0], row[1]))


def grow(cluster, table, part, count):
    """Makes a partition of a table with random buckets have so many physical partitions; what is there is parted among the new ones."""
    if table.distribution:
        raise ValueError(f"{table.name} is distributed by hash: only tables with random buckets have several physical partitions")
    from .catalog import Physical
    rows = int(cluster.storage.run(f"SELECT COUNT(*) FROM {cluster.storage.name(table)} WHERE `__part` = {part.identity}")[0][0])
    now = cluster.now()
    while len(part.physical) < count:
        part.physical.append(Physical(version_time=now))
    for number, one in enumerate(part.physical):
        found = cluster.storage.run(
            f"SELECT `__row` FROM {cluster.storage.name(table)} WHERE `__part` = {part.identity} ORDER BY `__row` "
            f"LIMIT 1 OFFSET {rows * number // len(part.physical)}") if number else [[0]]
        one.first = int(found[0][0]) if found else _next(cluster, table)
        if rows and one.version == 1:
            one.bump(now)
    whole = part.bytes
    for one in part.physical:
        one.bytes = whole // len(part.physical)
    cluster.catalog.touch()


def grow_when_full(cluster, table, part):
    """`bucket_size` (3.2 and later): the next load finds a new physical partition where the newest is full."""
    limit = int(table.properties.get("bucket_size", 0) or 0)
    if limit <= 0 or table.distribution or not cluster.profile.physical_partitions:
        return
    if part.physical[-1].bytes >= limit * table.bucket_count():
        from .catalog import Physical
        part.physical.append(Physical(first=_next(cluster, table), version_time=cluster.now()))
        cluster.catalog.touch()


def _next(cluster, table):
    return int(cluster.storage.run(f"SELECT COALESCE(MAX(`__row`), 0) + 1 FROM {cluster.storage.name(table)}")[0][0])
