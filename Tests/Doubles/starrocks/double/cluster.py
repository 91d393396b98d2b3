"""The cluster: its nodes, its configuration, its clock, and what it has seen."""

import collections
import random
import socket
import threading
import time

from .catalog import Catalog
from .faults import Faults
from .profile import PROFILES
from .transactions import Transactions

CONFIG = {
    "streaming_load_max_mb": 0,           # 0: the profile's
    "streaming_load_max_batch_size_mb": 100,  # of a JSON body
    "be_decodes_urls": True,              # StarRocks#59721: some BEs look for a table named as in the path
    "keep_carriage_return": "false",      # Doris: a session variable
    "max_running_txn_num_per_db": 0,      # 0: the profile's
    "label_keep_max_second": 259_200,
    "label_keep_max_num": 1000,
    "tablet_max_versions": 1000,
    "compactions_per_second": 5.0,        # versions a tablet loses in a second
    "publish_delay": 0.0,                 # seconds between COMMITTED and VISIBLE
    "publish_timeout": 10.0,              # a load waits so long for VISIBLE
    "count_only": False,                  # a BE decodes and counts; it stores nothing
    "count_rows": True,                   # counting BE: also decompress and count row delimiters
    "enforce_expect": True,
    "compact_on_show": False,             # shared data: each SHOW PARTITIONS finds the versions raised by a compaction
    "stale_row_counts": False,            # RowCount and TABLE_ROWS stay what they were first, as late reports of BEs do
}


class Node:
    def __init__(self, name, kind, address):
        self.name, self.kind, self.address = name, kind, address
        self.http = self.sql = None
        self.http_port = self.sql_port = 0
        self.be_port = 9060
        """Where scanners are; nothing listens there unless the double was started with `--scan`."""
        self.alive = True

    @property
    def place(self):
        return f"{self.address}:{self.http_port}"

    def describe(self):
        told = {"name": self.name, "kind": self.kind, "host": self.address, "http_port": self.http_port, "alive": self.alive}
        if self.sql_port:
            told["sql_port"] = self.sql_port
        if self.kind == "be":
            told["be_port"] = self.be_port
        return told


def free_port(addresses):
    """One port that is free on all of these addresses, as a cluster has one port for all FEs."""
    for _ in range(200):
        port = random.randrange(20_000, 60_000)
        held = []
        try:
            for address in addresses:
                held.append(socket.create_server((address, port)))
            return port
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise SystemExit("no free port")


class Cluster:
    def __init__(self, profile, storage, user="root", password=""):
        self.profile = PROFILES[profile]
        self.storage = storage
        self.users = {user: password}
        self.config = dict(CONFIG)
        self.offset = 0.0
        self.catalog = Catalog(self.now)
        self.faults = Faults()
        self.transactions = Transactions(self)
        self.lock = threading.RLock()
        self.requests = []
        self.violations = []
        self.statements = collections.deque(maxlen=20_000)
        self.error_logs = {}
        self.jobs = []
        self.row_counts = {}
        self.tablet_counts = {}
        self.scan = None
        self.scans = []
        """Every scanner that was opened."""
        self.shown_state = {}
        self.counters = collections.Counter()
        self.next_backend = 0
        first, second = random.randrange(10, 250), random.randrange(0, 250)
        self.subnet = f"127.{first}.{second}."
        self.nodes = {
            "fe1": Node("fe1", "fe", self.subnet + "1"), "fe2": Node("fe2", "fe", self.subnet + "2"),
            "be1": Node("be1", "be", self.subnet + "11"), "be2": Node("be2", "be", self.subnet + "12"),
        }
        self.leader = "fe1"
        self.black_hole = None

    # --- time
    def now(self):
        """The cluster's clock: the machine's, moved forward by the control API."""
        return time.time() + self.offset

    def advance(self, seconds):
        self.offset += seconds
        self.tell_scan()
        self.transactions.sweep()

    def tell_scan(self):
        if self.scan:
            self.scan.tell_world()

    def settle(self, table):
        """Plans on a table that is about to change are read now, as long as their rows are where they were."""
        if self.scan:
            self.scan.ask({"do": "settle", "database": table.database, "table": table.name})

    # --- nodes
    def frontends(self):
        return [node for node in self.nodes.values() if node.kind == "fe"]

    def backends(self):
        return [node for node in self.nodes.values() if node.kind == "be"]

    def pick_backend(self):
        alive = [node for node in self.backends() if node.alive]
        if not alive:
            return None
        self.next_backend += 1
        return alive[self.next_backend % len(alive)]

    def change_leader(self):
        with self.lock:
            self.leader = next(node.name for node in self.frontends() if node.name != self.leader)

    def dead_place(self):
        """An address of this cluster's network where nothing listens."""
        return f"{self.subnet}99:{free_port([self.subnet + '99'])}"

    def hanging_place(self):
        """An address that accepts and then says nothing."""
        if self.black_hole is None:
            self.black_hole = socket.create_server((self.subnet + "98", 0), backlog=64)
        return f"{self.subnet}98:{self.black_hole.getsockname()[1]}"

    # --- what was seen
    def record(self, **request):
        with self.lock:
            request["seq"] = len(self.requests) + 1
            request["time"] = round(self.now(), 3)
            self.requests.append(request)
            return request

    def violation(self, what, **where):
        """Something no client should do, or that the double could not do."""
        with self.lock:
            self.violations.append({"what": what, "time": round(self.now(), 3), **where})

    def authorized(self, credentials):
        return credentials is not None and self.users.get(credentials[0]) == credentials[1]

    # --- versions
    def bump(self, partition, count=1, everywhere=False):
        """A new visible version: of the newest physical partition, which loads go to, or of all."""
        now = self.now()
        partition.drain(now, self.config["compactions_per_second"])
        partition.versions += count
        for one in partition.physical if everywhere else partition.physical[-1:]:
            one.bump(now, count)

    def bump_all(self, table):
        for partition in table.partitions:
            self.bump(partition, everywhere=True)
        self.catalog.touch()

    def crowded(self, table):
        """The version count that is over the limit, if one is."""
        now = self.now()
        for partition in table.partitions:
            count = partition.drain(now, self.config["compactions_per_second"])
            if count > self.config["tablet_max_versions"]:
                return partition, count
        return None
