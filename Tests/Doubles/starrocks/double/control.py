"""The control API on 127.0.0.1: faults, clock, nodes, configuration, and everything that was seen."""

import json
import os
import signal

from . import partitions, tablets
from .catalog import SQLError
from .faults import NAMES
from .httpwire import Connection, Server, answer
from .profile import PROFILES


class Control:
    def __init__(self, cluster, services):
        self.cluster, self.services = cluster, services
        self.server = Server("127.0.0.1", 0, self.serve)

    def start(self):
        self.server.start()
        return self.server.port

    def serve(self, raw):
        connection = Connection(raw)
        while connection.open:
            request = connection.request()
            body = b"".join(request.body())
            try:
                given = json.loads(body) if body else {}
                name = f"{request.method.lower()}_{request.path.strip('/').replace('/', '_')}"
                handler = getattr(self, name, None)
                if handler is None:
                    status, told = 404, {"error": f"no {request.method} {request.path}", "see": "README.md"}
                else:
                    status, told = 200, handler(given, request.query)
            except (ValueError, KeyError, TypeError, SQLError) as problem:
                status, told = 400, {"error": f"{type(problem).__name__}: {problem}"}
            connection.send(answer(status, json.dumps(told, default=str), kind="application/json"))

    # --- faults
    def get_faults(self, given, query):
        return {"active": [fault.describe() for fault in self.cluster.faults.all], "history": self.cluster.faults.history,
                "names": {name: {"where": told[0], "what": told[1], "parameters": told[2]} for name, told in NAMES.items()}}

    def post_faults(self, given, query):
        added = [self.cluster.faults.add(**spec).describe() for spec in (given if isinstance(given, list) else [given])]
        self.cluster.tell_scan()
        return {"added": added}

    def delete_faults(self, given, query):
        self.cluster.faults.clear()
        self.cluster.tell_scan()
        return {}

    # --- what was seen
    def get_requests(self, given, query):
        after = int(query.get("after", 0))
        return [request for request in self.cluster.requests[after:] if query.get("path", "") in request["path"]]

    def delete_requests(self, given, query):
        with self.cluster.lock:
            self.cluster.requests.clear()
            self.cluster.violations.clear()
            self.cluster.statements.clear()
            self.cluster.scans.clear()
            self.cluster.counters.clear()
        return {}

    def get_statements(self, given, query):
        return list(self.cluster.statements)

    def get_scans(self, given, query):
        return self.cluster.scans

    def post_scanned(self, given, query):
        """The scanners' process tells of one that was opened."""
        with self.cluster.lock:
            self.cluster.scans.append(given)
        return {}

    def post_take(self, given, query):
        """The scanners' process asks whether a fault strikes."""
        name = given.pop("name")
        for operation in ("open", "next"):
            if name == f"scan_memory_limit_{operation}":
                return self.cluster.faults.take("scan_memory_limit", hop=operation, **given)
        return self.cluster.faults.take(name, **given)

    def get_violations(self, given, query):
        return self.cluster.violations

    def get_transactions(self, given, query):
        return [t.describe() for t in self.cluster.transactions.all]

    def get_counters(self, given, query):
        return dict(self.cluster.counters)

    def get_state(self, given, query):
        cluster = self.cluster
        return {"profile": cluster.profile.name, "leader": cluster.leader, "now": cluster.now(), "config": cluster.config,
                "nodes": [node.describe() for node in cluster.nodes.values()],
                "tables": [{"database": t.database, "name": t.name, "model": t.model,
                            "partitions": [{"name": p.name, "version": p.version, "versions": p.versions,
                                            "physical": [{"id": o.identity, "version": o.version, "tablets": o.tablets}
                                                         for o in p.physical]} for p in t.partitions]}
                           for t in cluster.catalog.tables()]}

    # --- what can be changed
    def post_clock(self, given, query):
        self.cluster.advance(float(given["advance"]))
        return {"now": self.cluster.now()}

    def table(self, given):
        return self.cluster.catalog.table(given["database"], given["table"])

    def chosen(self, table, given):
        return [table.partition(given["partition"])] if given.get("partition") else table.partitions

    def post_physical(self, given, query):
        """{"database": "d", "table": "t", "partition": "p", "count": 3}: so many physical partitions in that one, or in all."""
        table = self.table(given)
        with self.cluster.storage.lock(table):
            for part in self.chosen(table, given):
                tablets.grow(self.cluster, table, part, int(given["count"]))
        return {part.name: [one.identity for one in part.physical] for part in table.partitions}

    def post_compact(self, given, query):
        """Shared data: versions are raised by a compaction, in one table and partition or everywhere."""
        if not self.cluster.profile.shared:
            raise ValueError("only in shared data does a compaction raise VisibleVersion")
        for table in [self.table(given)] if given.get("table") else [t for t in self.cluster.catalog.tables() if t.kept_here]:
            for part in self.chosen(table, given):
                for one in part.physical:
                    partitions.compact(self.cluster, one)
        self.cluster.catalog.touch()
        return {}

    def post_counts(self, given, query):
        """{"database": "d", "table": "t", "factor": 11000}: RowCount, TABLE_ROWS and COUNT(*) are that many times the rows."""
        self.table(given).count_factor = int(given["factor"])
        self.cluster.catalog.touch()
        return {}

    def post_profile(self, given, query):
        self.cluster.profile = PROFILES[given["name"]]
        return {"profile": given["name"]}

    def post_config(self, given, query):
        for key, value in given.items():
            if key not in self.cluster.config:
                raise ValueError(f"no setting {key!r}; there are {sorted(self.cluster.config)}")
            self.cluster.config[key] = type(self.cluster.config[key])(value)
        return self.cluster.config

    def post_leader(self, given, query):
        self.cluster.leader = self.cluster.nodes[given["name"]].name
        return {"leader": self.cluster.leader}

    def post_nodes(self, given, query):
        """{"name": "fe1", "up": false}: the node's ports are closed, its connections ended."""
        node = self.cluster.nodes[given["name"]]
        for service in self.services[node.name]:
            service.start() if given["up"] else service.stop()
        node.alive = bool(given["up"])
        self.cluster.tell_scan()
        return node.describe()

    def post_restart(self, given, query):
        """{"name": "be1"}: the BE forgets its open transactions."""
        for service in self.services[given["name"]]:
            if hasattr(service, "contexts"):
                service.contexts.clear()
        if self.cluster.scan and given["name"].startswith("be"):
            self.cluster.scan.ask({"do": "restart", "name": given["name"]})
        return {}

    def post_users(self, given, query):
        self.cluster.users.update(given)
        return sorted(self.cluster.users)

    def post_stop(self, given, query):
        os.kill(os.getpid(), signal.SIGTERM)
        return {}
