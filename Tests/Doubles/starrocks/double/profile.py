"""What differs between the versions that the double can play."""

from dataclasses import dataclass, replace

from . import readers


@dataclass(frozen=True)
class Profile:
    name: str
    version: str
    """What `current_version()` says."""
    server_version: str
    """What the handshake of the SQL port says."""
    release: tuple
    dialect: str = "starrocks"
    csv: readers.Interface = readers.STARROCKS_A
    """Stream Load's reader of CSV; transactions of StarRocks have the plain one on every version."""
    doris_mark_every: int = 0
    """Rows of a block at whose front a byte order mark is dropped; 0: only at the front of the body."""
    nested_csv: bool = False
    """MAP and STRUCT have CSV converters."""
    shared: bool = False
    """Shared data: rows lie in an object store."""

    def since(self, *release):
        return self.release >= release

    @property
    def is_doris(self):
        return self.dialect == "doris"

    # --- Stream Load
    def interface(self, transaction):
        return readers.STARROCKS_TRANSACTION if transaction and not self.is_doris else self.csv

    @property
    def new_error_shape(self):
        """An FE's refusal is `{"Status":"FAILED","Message":"class …"}`."""
        return not self.is_doris and self.since(3, 3)

    @property
    def plan_time_key(self):
        return "StreamLoadPutTimeMs" if self.is_doris or not self.since(3, 0) else "StreamLoadPlanTimeMs"

    @property
    def old_ragged_message(self):
        return not self.is_doris and not self.since(3, 0)

    @property
    def base64_first(self):
        """CSV tries Base64 for VARBINARY before it takes the bytes as they are. From which release on is not known."""
        return not self.is_doris and self.since(3, 3)

    def casts_json(self, base):
        """Whether JSON can be cast to this nested type: STRUCT from 3.4 on (StarRocks#43101), MAP from 3.5 on (#58045)."""
        return self.is_doris or {"ARRAY": True, "STRUCT": self.since(3, 4), "MAP": self.since(3, 5)}[base]

    @property
    def json_compression(self):
        return self.is_doris or self.since(3, 3)

    @property
    def max_load_megabytes(self):
        return 102_400 if self.since(3, 0) else 10_240

    @property
    def running_transactions(self):
        return 1000 if self.since(3, 1) else 100

    @property
    def merge_commit(self):
        return not self.is_doris and self.since(3, 4)

    @property
    def multi_table_transactions(self):
        return not self.is_doris and self.since(4, 0)

    # --- SQL
    @property
    def prepared_statements(self):
        return not self.is_doris and self.since(3, 2)

    @property
    def partitions_meta(self):
        return not self.is_doris and self.since(3, 0)

    @property
    def loads_table(self):
        return not self.is_doris and self.since(3, 1)

    @property
    def maps_and_structs(self):
        return self.is_doris or self.since(3, 1)

    @property
    def varbinary(self):
        return not self.is_doris and self.since(3, 0)

    @property
    def list_partitions(self):
        return self.is_doris or self.since(3, 1)

    @property
    def random_buckets(self):
        return self.is_doris or self.since(3, 1)

    @property
    def physical_partitions(self):
        """Tables with random buckets grow further physical partitions by themselves."""
        return not self.is_doris and self.since(3, 2)

    @property
    def insert_timeout(self):
        """The variable is known, and INSERT keeps to it instead of `query_timeout`."""
        return self.is_doris or self.since(3, 4)

    @property
    def decimal_digits(self):
        return 76 if not self.is_doris and self.since(4, 0) else 38

    @property
    def prints_decimal_width(self):
        """`decimal64(10, 2)` in SHOW CREATE TABLE."""
        return not self.is_doris and not self.since(3, 0)


_SR = Profile("3.3", "3.3.14-6c8a7ba", "8.0.33", (3, 3))

_DORIS = replace(_SR, name="doris", version="doris-2.1.7-rc03-443e87e203", server_version="5.7.99", release=(3, 0), dialect="doris",
                 csv=readers.DORIS_A)

PROFILES = {
    profile.name: profile
    for profile in (
        replace(_SR, name="2.5", version="2.5.18-e5a2fb1", server_version="5.1.0", release=(2, 5), csv=readers.STARROCKS_25),
        replace(_SR, name="3.1", version="3.1.15-6ea0cb9", release=(3, 1)),
        _SR,
        replace(_SR, name="3.3-shared", shared=True),
        replace(_SR, name="3.5", version="3.5.3-7dd3e8b", release=(3, 5)),
        replace(_SR, name="3.5-shared", version="3.5.3-7dd3e8b", release=(3, 5), shared=True),
        replace(_SR, name="4.0", version="4.0.1-0a9b8c7", release=(4, 0)),
        replace(_SR, name="4.1", version="4.1.0-b7d2f1e", release=(4, 1), csv=readers.STARROCKS_B, nested_csv=True),
        _DORIS,
        replace(_DORIS, name="doris-3", version="doris-3.0.8-rc01-a0b3c1d2e4", csv=readers.DORIS_B, doris_mark_every=4064),
    )
}
