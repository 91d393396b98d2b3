"""The BE's side of the transaction interface, and of Doris' two phases."""

import threading
import time

from .compression import Undecodable
from .engine import EngineError
from .httpwire import Gone
from .ingest import LoadFailed, Report, counted, ingest
from .jsonrows import Malformed
from .plan import Plan, Refusal
from .service import Reset
from .transactions import DONE, LabelUsed, Refused


class Trouble(Exception):
    """An answer that is not OK."""

    def __init__(self, status, message, **more):
        super().__init__(message)
        self.body = {"Status": status, "Message": message, **more}


class TransactionAPI:
    def transaction(self, exchange, operation):
        headers, cluster = exchange.headers, self.cluster
        label, database, table = (headers.get(key, "") for key in ("label", "db", "table"))
        where = {"database": database, "table": table, "label": label}
        credentials = exchange.request.credentials()
        try:
            if credentials is None or not cluster.authorized(credentials):
                raise Trouble("NOT_AUTHORIZED", "no valid Basic authorization" if credentials is None
                              else f"Access denied for {credentials[0]}@{self.node.address}")
            if not label or not database:
                raise Trouble("INVALID_ARGUMENT", "Empty label." if not label else "No database selected.")
            if headers.get("transaction_type", "").lower() == "multi" and operation != "load":
                raise Trouble("INVALID_ARGUMENT",
                              "Multi-statement transaction requests can only be sent to FE nodes, not BE nodes")
            if exchange.take("txn_in_processing", hop=operation, **where) is not None:
                raise Trouble("TXN_IN_PROCESSING", "Transaction in processing, please retry later", Label=label)
            body = getattr(self, f"transaction_{operation}")(exchange, where)
        except Trouble as trouble:
            body = trouble.body
        except Gone:
            known = cluster.transactions.find(database, label)
            if known:
                known.busy = False
                cluster.transactions.abort(known, "receive body don't equal with body bytes")
            raise
        except Reset as reset:
            return exchange.reset(str(reset))
        exchange.reply(200, {"Label": label, **body} if "Label" not in body else body)

    def transaction_begin(self, exchange, where):
        headers = exchange.headers
        if self.cluster.catalog.find(where["database"], where["table"]) is None:
            raise Trouble("INTERNAL_ERROR", f"unknown table, table={where['database']}.{where['table']}")
        started = time.monotonic()
        try:
            begun = self.cluster.transactions.begin(
                where["database"], where["label"], where["table"], kind="TRANSACTION", backend=self.node.name,
                timeout=float(headers.get("timeout") or 600), idle_timeout=float(headers.get("idle_transaction_timeout") or 0),
                prepared_timeout=float(headers.get("prepared_timeout") or 86_400))
        except LabelUsed as used:
            raise Trouble("LABEL_ALREADY_EXISTS", str(used), Label=where["label"],
                          ExistingJobStatus=used.transaction.existing) from None
        except (Refused, ValueError) as refused:
            raise Trouble("INTERNAL_ERROR", str(refused)) from None
        self.contexts[(begun.database, begun.label)] = begun
        return {"Status": "OK", "Message": "", "TxnId": begun.identity,
                "BeginTxnTimeMs": int((time.monotonic() - started) * 1000)}

    def context(self, exchange, where, capital=True):
        """The open transaction of a label, if this BE still knows it."""
        if exchange.take("be_restart", **where) is not None:
            self.contexts.clear()
        for name, rules in (("txn_timeout", "timeout"), ("idle_timeout", "idle_timeout")):
            if exchange.take(name, **where) is not None:
                known = self.cluster.transactions.find(where["database"], where["label"])
                if known:
                    kind = "idle timeout" if name == "idle_timeout" else "timeout"
                    self.cluster.transactions.abort(
                        known, f"transaction is aborted by {kind} {int(getattr(known, rules) or 600)} seconds.")
        self.cluster.transactions.sweep()
        known = self.contexts.get((where["database"], where["label"]))
        if known is None:
            other = next((t for (_, label), t in self.contexts.items() if label == where["label"]), None)
            if other:
                raise Trouble("INVALID_ARGUMENT",
                              f"Request database {where['database']} not equal transaction database {other.database}")
            multi = self.cluster.transactions.find(where["database"], where["label"])
            if multi and multi.multi:
                known = multi
            else:
                word = "Transaction" if capital else "transaction"
                raise Trouble("TXN_NOT_EXISTS", f"{word} with label {where['label']} not exists")
        if where["table"] and not known.multi and where["table"] != known.table:
            raise Trouble("INVALID_ARGUMENT", f"Request table {where['table']} not equal transaction table {known.table}")
        return known

    def transaction_load(self, exchange, where):
        cluster = self.cluster
        known = self.context(exchange, where)
        if known.state == "ABORTED":
            raise Trouble("ABORTED", known.reason or "current transaction is aborted", TxnId=known.identity)
        if known.state != "PREPARE":
            raise Trouble("INVALID_ARGUMENT", f"transaction is {known.state}, no data can be sent", TxnId=known.identity)
        with cluster.transactions.lock:
            if known.busy:
                raise Trouble("TXN_IN_PROCESSING", "Transaction in processing, please retry later", TxnId=known.identity)
            known.busy = True
        started, report = time.monotonic(), Report()
        try:
            limit = cluster.config["streaming_load_max_mb"] or cluster.profile.max_load_megabytes
            sent = known.sent + (exchange.request.length or 0)
            if sent > limit << 20:
                raise Refusal(f"body size {sent} exceed limit: {limit << 20}, Invalid argument. "
                              "You can increase the limit by setting streaming_load_max_mb in be.conf.")
            known.sent = sent
            if exchange.headers.get("format", "").lower() == "json":
                self.json_size(exchange.headers, sent)
            target = cluster.catalog.find(known.database, where["table"] or known.table)
            if target is None:
                raise Refusal(f"unknown table, table={known.database}.{where['table']}")
            plan = Plan(cluster, target, exchange.headers, transaction=True)
            if known.parameters not in (None, plan.fingerprint) and not known.multi:
                raise Refusal("load request not equal last.")
            known.parameters = plan.fingerprint
            planned = int((time.monotonic() - started) * 1000)
            early = exchange.take("early_fail", **where)
            if early is not None:
                raise Refusal(early.get("message", "timeout by txn manager"))
            if cluster.config["count_only"]:
                counted(plan, self.parts(exchange, where), report, cluster.config["count_rows"])
                cluster.counters["rows"] += report.total
                known.counted = True
            else:
                self.keep(exchange, plan, known, report, where)
            known.total += report.total
            known.loaded += report.loaded
            known.filtered += report.filtered
            known.unselected += report.unselected
            known.bytes += report.bytes
            known.error_url = self.keep_errors(exchange, report, known) or known.error_url
            if report.filtered and report.filtered > plan.ratio * (report.total - report.unselected):
                raise Refusal("too many filtered rows")
            if exchange.take("too_many_versions", **where) is not None or cluster.crowded(target):
                raise Refusal("because of too many versions, current/limit: 1001/1000")
        except (Refusal, LoadFailed, Malformed, Undecodable, EngineError) as problem:
            cluster.transactions.abort(known, str(problem))
            raise Trouble("INTERNAL_ERROR", str(problem), TxnId=known.identity,
                          **({"ErrorURL": known.error_url} if known.error_url else {})) from None
        except Reset as reset:
            cluster.transactions.abort(known, f"the connection was lost {reset}")
            raise
        finally:
            known.busy = False
            known.touched = cluster.now()
        return {"Status": "OK", "Message": "", "TxnId": known.identity, "LoadBytes": report.bytes,
                "StreamLoadPlanTimeMs": planned, "ReceivedDataTimeMs": int((time.monotonic() - started) * 1000)}

    def keep(self, exchange, plan, known, report, where):
        """Reads and checks the rows of one load, and keeps them with the transaction."""
        spool = ingest(plan, self.parts(exchange, where), f"{known.identity}-{threading.get_ident()}-{time.monotonic_ns()}", report)
        if known.state == "ABORTED":
            spool.drop()
            raise Refusal(known.reason)
        known.spools.append(spool)
        if not spool.tail:
            # The next chunk would go on in the middle of a line, so two rows would become one.
            self.cluster.violation("a chunk of a transaction ends without its row delimiter", label=known.label)
            raise Refusal("the data of a load has to end with its row delimiter")

    def totals(self, known, started):
        body = {"Status": "OK", "Message": "", "TxnId": known.identity, "NumberTotalRows": known.total,
                "NumberLoadedRows": known.loaded, "NumberFilteredRows": known.filtered,
                "NumberUnselectedRows": known.unselected, "LoadBytes": known.bytes,
                "LoadTimeMs": int((self.cluster.now() - known.begun) * 1000), "StreamLoadPlanTimeMs": 0, "ReceivedDataTimeMs": 0,
                "WriteDataTimeMs": 0, "CommitAndPublishTimeMs": int((time.monotonic() - started) * 1000)}
        if known.error_url:
            body["ErrorURL"] = known.error_url
        return body

    def ready(self, exchange, where):
        """The transaction, checked for what prepare and commit need."""
        known = self.context(exchange, where, capital=False)
        if known.busy:
            raise Trouble("TXN_IN_PROCESSING", "Transaction in processing, please retry later", TxnId=known.identity)
        if known.state == "ABORTED":
            raise Trouble("ABORTED", known.reason or "current transaction is aborted", TxnId=known.identity)
        if known.state == "PREPARE" and not known.spools and not known.counted:
            raise Trouble("INTERNAL_ERROR", f"transaction <{known.identity}:{known.label}> hasn't send any data yet",
                          TxnId=known.identity)
        return known

    def transaction_prepare(self, exchange, where):
        started = time.monotonic()
        known = self.ready(exchange, where)
        if known.state == "PREPARE":
            self.cluster.transactions.prepare(known)
        if exchange.take("reset_before_commit", **where) is not None:
            raise Reset("after prepare")
        return self.totals(known, started)

    def transaction_commit(self, exchange, where):
        started = time.monotonic()
        known = self.ready(exchange, where)
        if exchange.take("reset_before_commit", **where) is not None:
            raise Reset("before commit")
        late = exchange.take("publish_timeout", **where)
        visible = self.cluster.transactions.commit(known, float(late.get("seconds", 1)) if late is not None else None)
        if exchange.take("reset_after_commit", **where) is not None:
            raise Reset("after commit")
        if exchange.take("label_evicted", **where) is not None:
            known.visible.wait(30)
            self.cluster.transactions.forget(known)
            raise Reset("after commit, label forgotten")
        if not visible and late is None:
            visible = known.visible.wait(self.cluster.config["publish_timeout"])
        self.contexts.pop((known.database, known.label), None)
        body = self.totals(known, started)
        if not visible:
            body.update(Status="PUBLISH_TIMEOUT", Message="transaction commit successfully, BUT data will be visible later")
        return body

    def transaction_rollback(self, exchange, where):
        known = self.context(exchange, where, capital=False)
        if known.state in DONE:
            raise Trouble("INVALID_ARGUMENT", f"Can not abort {known.state} transaction {known.identity}, label is {known.label}")
        self.cluster.transactions.abort(known, "User Abort")
        self.contexts.pop((known.database, known.label), None)
        return {"Status": "OK", "Message": "", "TxnId": known.identity}

    def two_phase(self, exchange, database=None, table=None):
        """Doris: `txn_operation: commit|abort` of a transaction that waits in PRECOMMITTED."""
        headers, cluster = exchange.headers, self.cluster
        if not cluster.profile.is_doris:
            return exchange.reply(404, "", close=True)
        if not cluster.authorized(exchange.request.credentials()):
            return self.refuse(exchange)
        operation, text = headers.get("txn_operation", ""), headers.get("txn_id", "")
        known = cluster.transactions.number(int(text)) if text.isdigit() else None
        if known is None and headers.get("label"):
            known = cluster.transactions.find(database or "", headers["label"])
        if operation not in ("commit", "abort"):
            return exchange.reply(200, {"status": "Fail", "msg": "transaction operation should be 'commit' or 'abort'"})
        if known is None:
            return exchange.reply(200, {"status": "Fail", "msg": f"errCode = 2, detailMessage = transaction [{text}] not found"})
        number = known.identity
        if operation == "commit":
            if known.state in DONE:
                message = f"errCode = 2, detailMessage = transaction [{number}] is already visible, not pre-committed."
                return exchange.reply(200, {"status": "Fail", "msg": message})
            if known.state == "ABORTED":
                message = f"errCode = 2, detailMessage = transaction [{number}] is already aborted. abort reason: {known.reason}"
                return exchange.reply(200, {"status": "Fail", "msg": message})
            cluster.transactions.commit(known)
            if exchange.take("reset_after_commit", database=known.database, label=known.label) is not None:
                return exchange.reset("after commit")
            return exchange.reply(200, {"status": "Success", "msg": f"transaction [{number}] commit successfully."})
        if not cluster.transactions.abort(known, "User Abort"):
            return exchange.reply(200, {"status": "Fail", "msg": f"errCode = 2, detailMessage = transaction [{number}] is already "
                                        "visible, could not abort."})
        exchange.reply(200, {"status": "Success", "msg": f"transaction [{number}] abort successfully."})
