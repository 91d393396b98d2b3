"""The FEs' HTTP port: redirects of loads and transactions, label states, health, refusals."""

import re
import time
import urllib.parse

from . import queryplan
from .service import Service
from .transactions import DONE, RUNNING, LabelUsed, Refused

NAME = r"[^/]+"


class Frontend(Service):
    hop = "fe"
    routes = tuple((method, re.compile(pattern), name) for method, pattern, name in (
        ("PUT", rf"/api/(?P<database>{NAME})/(?P<table>{NAME})/_stream_load/?", "stream_load"),
        ("POST", r"/api/transaction/(?P<operation>\w+)", "transaction"),
        ("PUT", r"/api/transaction/(?P<operation>load)", "transaction"),
        ("PUT", rf"/api/(?:(?P<database>{NAME})/)?(?:(?P<table>{NAME})/)?_stream_load_2pc", "two_phase"),
        ("GET", rf"/api/(?P<database>{NAME})/get_load_state", "load_state"),
        ("POST", rf"/api/(?P<database>{NAME})/(?P<label>{NAME})/_cancel", "cancel"),
        ("GET", rf"/api/(?P<database>{NAME})/(?P<table>{NAME})/_stream_load_meta", "load_meta"),
        ("POST", rf"/api/(?P<database>{NAME})/(?P<table>{NAME})/_query_plan", "query_plan"),
        ("GET", r"/api/health", "health"),
        ("GET", r"/api/bootstrap", "bootstrap"),
    ))

    # --- who answers
    @property
    def is_leader(self):
        return self.cluster.leader == self.node.name

    def admitted(self, exchange, body_allowed=False):
        """Authorization; then the leader, if this is the follower. False when an answer was given."""
        credentials = exchange.request.credentials()
        if credentials is None:
            exchange.reply(401, {"status": "FAILED", "code": "1", "msg": "Need auth information."},
                           [("WWW-Authenticate", 'Basic realm=""')])
            return False
        if not self.cluster.authorized(credentials):
            self.refuse(exchange)
            return False
        if exchange.take("leader_change"):
            self.cluster.change_leader()
        if not self.is_leader:
            leader = self.cluster.nodes[self.cluster.leader]
            place = self.cluster.dead_place() if exchange.take("follower_to_dead_leader") else leader.place
            self.redirect(exchange, place)
            return False
        return True

    def redirect(self, exchange, place, secret=""):
        late = exchange.take("late_307", table=exchange.headers.get("table", ""))
        if late is not None:
            time.sleep(float(late.get("seconds", 1.5)))
        target = exchange.request.target
        if exchange.take("location_decoded") is not None:
            target = urllib.parse.unquote(target).encode("latin-1", "replace").decode("latin-1")
        location = f"http://{secret}{place}{target}"
        came = exchange.reply(307, "", [("Location", location)], close=True)
        if came:
            self.cluster.violation("a body was sent to an FE", node=self.node.name, path=exchange.path, bytes=came,
                                   late=late is not None)

    def failed(self, exchange, message):
        """A refusal, in the shape of the version. HTTP says 200 all the same."""
        if self.cluster.profile.new_error_shape:
            body = {"Status": "FAILED", "Message": f"class com.starrocks.common.DdlException: {message}"}
        else:
            body = {"status": "FAILED", "code": "1", "msg": message, "message": message}
        exchange.reply(200, body)

    def to_backend(self, exchange, database, table, chosen=None):
        label = exchange.headers.get("label", "")
        where = {"database": database, "table": table, "label": label}
        backend = chosen or self.cluster.pick_backend()
        if backend is None:
            self.failed(exchange, "No backend alive.")
            return
        place = backend.place
        foreign = exchange.take("location_foreign", **where)
        if foreign is not None:
            place = f"{foreign.get('host', 'be-internal.cluster.invalid')}:8040"
        elif exchange.take("location_dead", **where) is not None:
            place = self.cluster.dead_place()
        elif exchange.take("location_hang", **where) is not None:
            place = self.cluster.hanging_place()
        secret = ""
        if self.cluster.profile.is_doris:
            user, password = exchange.request.credentials()
            secret = f"{user}:{password}@"
        self.redirect(exchange, place, secret)

    # --- loads
    def stream_load(self, exchange, database, table):
        if not self.admitted(exchange):
            return
        if not exchange.request.expects and self.cluster.config["enforce_expect"]:
            self.failed(exchange, "There is no 100-continue header")
            return
        self.to_backend(exchange, database, table)

    def transaction(self, exchange, operation):
        if not self.admitted(exchange):
            return
        headers = exchange.headers
        database, table, label = (headers.get(key, "") for key in ("db", "table", "label"))
        if operation not in ("begin", "load", "prepare", "commit", "rollback"):
            return self.told(exchange, "FAILED", f"Unknown transaction operation: {operation}", "UserException")
        if not label:
            return self.told(exchange, "FAILED", "Empty label.", "UserException")
        if not database:
            return self.told(exchange, "FAILED", "No database selected.", "UserException")
        if operation == "load" and not exchange.request.expects and self.cluster.config["enforce_expect"]:
            return self.failed(exchange, "There is no 100-continue header")
        known = self.cluster.transactions.find(database, label)
        multi = headers.get("transaction_type", "").lower() == "multi" and self.cluster.profile.multi_table_transactions
        if multi or (known and known.multi):
            return self.multi(exchange, operation, database, label, known)
        if operation == "begin":
            return self.to_backend(exchange, database, table)
        if known is None:
            return self.told(exchange, "FAILED", f"No transaction found by label {label}", "UserException")
        if operation in ("commit", "rollback") and known.state != "PREPARE":
            return self.finished(exchange, operation, known)
        self.to_backend(exchange, database, table, self.cluster.nodes.get(known.backend))

    def told(self, exchange, status, message, exception=None, **more):
        text = f"class com.starrocks.common.{exception}: {message}" if exception else message
        exchange.reply(200, {"Status": status, "Message": text, **more})

    def finished(self, exchange, operation, known):
        """commit and rollback of a transaction that is past PREPARE; the FE answers itself."""
        transactions, number = self.cluster.transactions, known.identity
        if operation == "commit":
            if known.state == "ABORTED":
                return self.told(exchange, "FAILED", f"Can not commit ABORTED transaction {number}, label is {known.label}",
                                 "UserException")
            if known.state in DONE:
                return self.told(exchange, "OK", f"Transaction {number} has already committed, label is {known.label}",
                                 TxnId=number, Label=known.label)
            visible = transactions.commit(known)
            if not visible:
                visible = known.visible.wait(self.cluster.config["publish_timeout"])
            return self.told(exchange, "OK" if visible else "PUBLISH_TIMEOUT", "", TxnId=number, Label=known.label)
        if known.state == "ABORTED":
            return self.told(exchange, "OK", f"Transaction {number} has already aborted, label is {known.label}",
                             TxnId=number, Label=known.label)
        if known.state in DONE:
            return self.told(exchange, "FAILED", f"Can not abort {known.state} transaction {number}, label is {known.label}",
                             "UserException")
        transactions.abort(known, "User Abort")
        return self.told(exchange, "OK", "", TxnId=number, Label=known.label)

    def multi(self, exchange, operation, database, label, known):
        """A transaction over several tables: the FE begins and ends it, BEs take its loads."""
        transactions = self.cluster.transactions
        if operation == "begin":
            try:
                begun = transactions.begin(
                    database, label, "", kind="TRANSACTION", multi=True, backend=self.cluster.pick_backend().name,
                    timeout=float(exchange.headers.get("timeout") or 600))
            except LabelUsed as used:
                return self.told(exchange, "LABEL_ALREADY_EXISTS", str(used), Label=label,
                                 ExistingJobStatus=used.transaction.existing)
            except Refused as refused:
                return self.told(exchange, "FAILED", str(refused), "UserException")
            return self.told(exchange, "OK", "", Label=label, TxnId=begun.identity)
        if known is None:
            return self.told(exchange, "FAILED", f"No transaction found by label {label}", "UserException")
        if operation == "prepare":
            return self.told(exchange, "FAILED", "Multi-statement transaction does not support prepare", "UserException")
        if operation == "load":
            return self.to_backend(exchange, database, exchange.headers.get("table", ""), self.cluster.nodes.get(known.backend))
        return self.finished(exchange, operation, known)

    def two_phase(self, exchange, database=None, table=None):
        """Doris: the second phase. The FE sends it to a BE."""
        if not self.cluster.profile.is_doris:
            exchange.reply(404, "", close=True)
            return
        if self.admitted(exchange):
            self.to_backend(exchange, database or "", table or "")

    # --- labels
    def load_state(self, exchange, database):
        if not self.admitted(exchange):
            return
        label = exchange.request.query.get("label", "")
        if not label:
            return self.failed(exchange, "Missing params")
        if database not in self.cluster.catalog.databases:
            return self.failed(exchange, f"unknown database, database={database}")
        known = self.cluster.transactions.find(database, label)
        state = known.state if known else "UNKNOWN"
        if exchange.take("label_state_unknown", database=database, label=label) is not None:
            known, state = None, "UNKNOWN"
        if self.cluster.profile.is_doris:
            if state == "PREPARED":
                state = "PRECOMMITTED"
            return exchange.reply(200, {"msg": "success", "code": 0, "data": state, "count": 0})
        exchange.reply(200, {
            "state": state, "reason": known.reason if known else "", "status": "OK", "code": "0", "msg": "Success",
            "message": "OK"})

    def cancel(self, exchange, database, label):
        if not self.admitted(exchange):
            return
        label = exchange.request.query.get("label", label)
        known = self.cluster.transactions.find(database, label)
        if known is None:
            return self.failed(exchange, f"unknown txn, label={label}")
        if known.state not in RUNNING:
            return self.failed(exchange, f"transaction's state is already {known.state}, could not abort")
        self.cluster.transactions.abort(known, "user cancel")
        exchange.reply(200, {"status": "OK", "code": "0", "msg": "Success", "message": "OK"})

    def load_meta(self, exchange, database, table):
        if not self.cluster.profile.merge_commit:
            exchange.reply(404, "", close=True)
        elif self.admitted(exchange):
            nodes = ",".join(node.place for node in self.cluster.backends() if node.alive)
            exchange.reply(200, {"status": "OK", "code": "OK", "nodes": {"http": nodes, "brpc": nodes}})

    def query_plan(self, exchange, database, table):
        """Any FE answers by itself; the body comes to it."""
        body = b"".join(exchange.request.body())
        credentials = exchange.request.credentials()
        if not self.cluster.authorized(credentials):
            return self.refuse(exchange)
        status, told = queryplan.plan(self.cluster, self.node, database, table, body)
        exchange.reply(status, told)

    # --- health
    def health(self, exchange):
        alive = sum(node.alive for node in self.cluster.backends())
        exchange.reply(200, {"online_backend_num": alive, "total_backend_num": len(self.cluster.backends())})

    def bootstrap(self, exchange):
        exchange.reply(200, {"replayedJournalId": 0, "queryPort": self.node.sql_port, "rpcPort": 0, "status": "OK", "msg": "Success"})
