"""Faults by name: what can be told to go wrong, how often, and for which table or label."""

import random
import re
import threading

# name: (where, what happens, its own parameters)
NAMES = {
    # an FE and its redirects
    "location_dead": ("FE", "the 307 leads to an address where nothing listens", ""),
    "location_hang": ("FE", "the 307 leads to an address that accepts and never answers", ""),
    "location_foreign": ("FE", "the 307 names a host that this network does not know", "host"),
    "follower_to_dead_leader": ("follower", "the follower's 307 leads to a leader that cannot be reached", ""),
    "leader_change": ("FE", "the other FE becomes leader before the request is answered", ""),
    "late_307": ("FE", "the 307 comes late; a client that does not wait sends its body to the FE", "seconds=1.5"),
    "http_401": ("FE, BE", "401 whatever the password is", "hop=fe|be"),
    "http_500": ("FE, BE", "500 with a text that is no JSON", "hop=fe|be"),
    # a BE while it takes a body
    "early_fail": ("BE", "Fail at header time: no 100, the body is not read", "message"),
    "early_fail_in_body": ("BE", "100, then Fail after some octets; the rest is not read", "bytes=65536"),
    "reset_mid_body": ("BE", "the connection is reset while the body is read; the transaction is aborted", "bytes=65536"),
    "hang_mid_body": ("BE", "the BE stops reading for a while, then goes on", "bytes=65536, seconds=5"),
    "reset_before_commit": ("BE", "reset after the whole body, nothing was committed", ""),
    "reset_after_commit": ("BE", "committed and visible, then reset instead of an answer", ""),
    "commit_in_background": ("BE", "reset after the body; the label is RUNNING and commits later", "seconds=1"),
    "abort_in_background": ("BE", "reset after the body; the label is RUNNING and is aborted later", "seconds=1"),
    "publish_timeout": ("BE", "`Publish Timeout`: committed, visible later", "seconds=1"),
    "commit_unknown": ("BE", "Fail `Transaction status unknown` after a commit that happened", ""),
    # labels
    "label_running": ("BE", "the request came twice: this answer is `Label Already Exists`, RUNNING; the other one commits later", "seconds=1"),
    "label_finished": ("BE", "the request came twice: the other one is committed, this answer is `Label Already Exists`, FINISHED", ""),
    "label_as_fail": ("BE", "a used label is answered with `Fail` instead of `Label Already Exists`", ""),
    "label_evicted": ("BE", "committed, reset, and the label is forgotten: state UNKNOWN", ""),
    "label_state_unknown": ("FE", "get_load_state answers UNKNOWN whatever is true", ""),
    # the transaction interface
    "txn_in_processing": ("BE", "`TXN_IN_PROCESSING`", "op=load|prepare|commit|rollback"),
    "be_restart": ("BE", "the BE forgets its open transactions: `TXN_NOT_EXISTS`", ""),
    "txn_timeout": ("BE", "the transaction is aborted by its timeout before this request", ""),
    "idle_timeout": ("BE", "the transaction is aborted by its idle timeout before this request", ""),
    # refusals under load
    "too_many_versions": ("BE", "Fail `… because of too many versions …` after the body", ""),
    "running_txn_limit": ("FE/BE", "Fail `current running txns on db … larger than limit …`", ""),
    "memory_limit": ("BE", "Fail `Memory of process exceed limit …`", ""),
    "shutting_down": ("BE", "Fail `Service is shutting down, please retry later!`", ""),
    "too_many_requests": ("BE", "Fail `Stream Load exceed http cuncurrent limit …`", ""),
    # rejected rows
    "filtered_rows": ("BE", "the first rows of the body are filtered though they are good", "rows=1"),
    "error_url_dead": ("BE", "ErrorURL leads to an address where nothing listens", ""),
    "error_url_gone": ("BE", "ErrorURL answers 404", ""),
    # scans
    "query_plan_error": ("FE", "`_query_plan` answers this HTTP status and exception", "status=500, message"),
    "scan_refused": ("BE", "the BE closes the connection at open_scanner", ""),
    "scan_memory_limit": ("BE", "open_scanner or get_next answers MEM_LIMIT_EXCEEDED", "op=open|next, message"),
    "scan_expired": ("BE", "the scanner's context is gone, as after its keep-alive: NOT_FOUND", ""),
    "scan_offset": ("BE", "the context's offset is not the client's any more: NOT_FOUND", ""),
    "scan_reset": ("BE", "the connection ends at get_next", ""),
    # SQL
    "slow_scan": ("SQL", "a table is scanned at so many rows a second of the virtual clock; a query that would take longer "
                  "than query_timeout ends with the error of the version", "rows_per_second=1000, real=0.001, mid_result=false"),
    "kill_mid_result": ("SQL", "the connection is closed in the middle of a result", "bytes=4096"),
    "sql_refused": ("SQL", "the SQL port closes new connections", "node"),
    "sql_error": ("SQL", "the statement fails: every one, those that name the `table`, or those that `statement` (a regular "
                  "expression) is found in", "message, code, statement"),
    "overwrite_loses_rows": ("SQL", "INSERT OVERWRITE answers all rows and keeps fewer", "rows=1"),
    "write_during_read": ("SQL", "the source is written to right after a read of it began", "sql"),
}


class Fault:
    def __init__(self, name, times=1, skip=0, chance=1.0, seed=0, database="", table="", label="", node="", statement="", **rules):
        if name not in NAMES:
            raise ValueError(f"no fault {name!r}")
        self.name, self.times, self.skip, self.chance = name, times, skip, chance
        self.filters = {"database": database, "table": table, "label": label, "node": node}
        self.statement = re.compile(statement, re.I | re.S) if statement else None
        self.rules = rules
        self.random = random.Random(seed)
        self.taken = 0

    def fits(self, **where):
        if self.statement and not self.statement.search(where.get("statement", "")):
            return False
        return all(not wanted or re.fullmatch(wanted, str(where.get(key) or "")) for key, wanted in self.filters.items())

    def describe(self):
        return {"name": self.name, "times": self.times, "skip": self.skip, "chance": self.chance, "taken": self.taken,
                **{key: value for key, value in self.filters.items() if value}, **self.rules}


class Faults:
    def __init__(self):
        self.all = []
        self.lock = threading.Lock()
        self.history = []

    def add(self, **spec):
        fault = Fault(**spec)
        with self.lock:
            self.all.append(fault)
        return fault

    def clear(self):
        with self.lock:
            self.all, self.history = [], []

    def take(self, name, **where):
        """The rules of the fault if it strikes here and now, else None."""
        with self.lock:
            for fault in self.all:
                if fault.name != name or not fault.fits(**where):
                    continue
                hop = fault.rules.get("hop") or fault.rules.get("op")
                if hop and where.get("hop") and where["hop"] != hop:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times == 0 or fault.random.random() >= fault.chance:
                    continue
                if fault.times > 0:
                    fault.times -= 1
                fault.taken += 1
                self.history.append({"name": name, **{key: value for key, value in where.items() if value and key != "statement"}})
                return {"name": name, **fault.rules}
        return None
