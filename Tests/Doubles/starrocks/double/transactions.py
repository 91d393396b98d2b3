"""Transactions and labels: states, limits, timeouts, and how labels are forgotten."""

import itertools
import re
import threading
import uuid
from dataclasses import dataclass, field

from . import tablets

LABEL = re.compile(r"[-\w]{1,128}\Z", re.ASCII)
RUNNING, DONE = ("PREPARE", "PREPARED"), ("COMMITTED", "VISIBLE")


class LabelUsed(Exception):
    def __init__(self, transaction):
        super().__init__(f"Label [{transaction.label}] has already been used.")
        self.transaction = transaction


class Refused(Exception):
    """A load or transaction that is not let in."""


@dataclass
class Transaction:
    identity: int
    database: str
    label: str
    table: str
    backend: str = ""
    kind: str = "STREAM"
    state: str = "PREPARE"
    reason: str = ""
    begun: float = 0.0
    touched: float = 0.0
    timeout: float = 600.0
    idle_timeout: float = 0.0
    prepared_timeout: float = 86_400.0
    prepared_at: float = 0.0
    committed_at: float = 0.0
    finished_at: float = 0.0
    multi: bool = False
    two_phase: bool = False
    counted: bool = False
    """Rows were counted and not kept."""
    spools: list = field(default_factory=list)
    parameters: tuple | None = None
    busy: bool = False
    total: int = 0
    loaded: int = 0
    filtered: int = 0
    unselected: int = 0
    bytes: int = 0
    sent: int = 0
    """The sum of the loads' Content-Lengths."""
    error_url: str = ""
    visible: threading.Event = field(default_factory=threading.Event)

    @property
    def existing(self):
        """ExistingJobStatus."""
        return "RUNNING" if self.state in RUNNING else "FINISHED"

    def describe(self):
        return {key: getattr(self, key) for key in (
            "identity", "database", "label", "table", "backend", "kind", "state", "reason", "total", "loaded", "filtered",
            "unselected", "bytes")}


class Transactions:
    def __init__(self, cluster):
        self.cluster = cluster
        self.numbers = itertools.count(1001)
        self.labels = {}
        self.all = []
        self.lock = threading.RLock()

    def begin(self, database, label, table, **rules):
        """A new transaction in PREPARE; raises LabelUsed or Refused."""
        label = label or str(uuid.uuid4())
        if not LABEL.match(label):
            raise Refused(f"Label format error. regex: ^[-\\w]{{1,128}}$, label: {label}")
        with self.lock:
            self.sweep()
            before = self.labels.get((database, label))
            if before and before.state != "ABORTED":
                raise LabelUsed(before)
            running = sum(1 for t in self.all if t.database == database and t.state in RUNNING)
            limit = self.cluster.config["max_running_txn_num_per_db"] or self.cluster.profile.running_transactions
            if running >= limit or self.cluster.faults.take("running_txn_limit", database=database, table=table, label=label):
                identity = self.cluster.catalog.identities.get(database, 0)
                raise Refused(f"current running txns on db {identity} is {max(running, limit)}, larger than limit {limit}")
            now = self.cluster.now()
            found = Transaction(next(self.numbers), database, label, table, begun=now, touched=now, **rules)
            self.labels[(database, label)] = found
            self.all.append(found)
            return found

    def find(self, database, label):
        with self.lock:
            self.sweep()
            return self.labels.get((database, label))

    def number(self, identity):
        with self.lock:
            self.sweep()
            return next((t for t in self.all if t.identity == identity), None)

    def forget(self, transaction):
        """Evicts the label; the rows stay."""
        with self.lock:
            if self.labels.get((transaction.database, transaction.label)) is transaction:
                del self.labels[(transaction.database, transaction.label)]

    def sweep(self):
        """Timeouts, and eviction by age and by count."""
        now = self.cluster.now()
        with self.lock:
            for t in self.all:
                if t.state == "PREPARE" and now - t.begun > t.timeout:
                    self.abort(t, f"transaction is aborted by timeout {int(t.timeout)} seconds."
                               if t.kind == "TRANSACTION" else "timeout by txn manager")
                elif t.state == "PREPARE" and t.idle_timeout and not t.busy and now - t.touched > t.idle_timeout:
                    self.abort(t, f"transaction is aborted by idle timeout {int(t.idle_timeout)} seconds.")
                elif t.state == "PREPARED" and now - t.prepared_at > t.prepared_timeout:
                    self.abort(t, "timeout by txn manager")
            finished = {}
            for t in self.labels.values():
                if t.state in ("VISIBLE", "ABORTED"):
                    finished.setdefault(t.database, []).append(t)
            for group in finished.values():
                group.sort(key=lambda t: t.finished_at)
                surplus = len(group) - self.cluster.config["label_keep_max_num"]
                for place, t in enumerate(group):
                    if place < surplus or now - t.finished_at > self.cluster.config["label_keep_max_second"]:
                        self.forget(t)

    def prepare(self, transaction):
        with self.lock:
            transaction.state, transaction.prepared_at = "PREPARED", self.cluster.now()

    def abort(self, transaction, reason):
        with self.lock:
            if transaction.state in DONE:
                return False
            if transaction.state != "ABORTED":
                transaction.state, transaction.reason = "ABORTED", reason
                transaction.finished_at = self.cluster.now()
                for spool in transaction.spools:
                    spool.drop()
                transaction.spools = []
                transaction.visible.set()
            return True

    def commit(self, transaction, delay=None):
        """COMMITTED, then VISIBLE at once or after a delay. True when it is visible on return."""
        with self.lock:
            if transaction.state not in RUNNING:
                return transaction.state == "VISIBLE"
            transaction.state, transaction.committed_at = "COMMITTED", self.cluster.now()
        delay = self.cluster.config["publish_delay"] if delay is None else delay
        if delay:
            timer = threading.Timer(delay, self.publish, (transaction,))
            timer.daemon = True
            timer.start()
            return False
        self.publish(transaction)
        return True

    def publish(self, transaction):
        cluster = self.cluster
        try:
            if not cluster.config["count_only"]:
                cluster.storage.publish([spool for spool in transaction.spools if spool.rows])
        except Exception as problem:
            cluster.violation("publish failed", label=transaction.label, problem=str(problem))
            raise
        now = cluster.now()
        with self.lock:
            touched = {}
            for spool in transaction.spools:
                for part, count in spool.partitions.items():
                    among = spool.table.temporary if spool.rules.get("temporary") else spool.table.partitions
                    part = next((p for p in among if p.identity == part), None)
                    if part:
                        touched[part.identity] = (spool.table, part)
                        part.bytes += spool.bytes * count // max(1, spool.rows)
            for table, part in touched.values():
                cluster.bump(part)
                tablets.grow_when_full(cluster, table, part)
            transaction.state, transaction.finished_at = "VISIBLE", now
            cluster.catalog.touch()
        for spool in transaction.spools:
            spool.drop()
        transaction.spools = []
        transaction.visible.set()
