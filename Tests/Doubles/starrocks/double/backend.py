"""The BEs' HTTP port: Stream Load, and the log of rejected rows."""

import re
import threading
import time

from .compression import Undecodable
from .engine import EngineError
from .httpwire import Gone
from .ingest import LoadFailed, Report, counted, ingest
from .jsonrows import Malformed
from .plan import Plan, Refusal
from .service import Reset, Service, later
from .transaction_api import TransactionAPI
from .transactions import LabelUsed, Refused

NAME = r"[^/]+"
UNKNOWN = "Commit transaction fail cause rpc timeout, Transaction status unknown, you can retry with same label."


class Backend(TransactionAPI, Service):
    hop = "be"
    routes = tuple((method, re.compile(pattern), name) for method, pattern, name in (
        ("PUT", rf"/api/(?P<database>{NAME})/(?P<table>{NAME})/_stream_load/?", "stream_load"),
        ("POST", r"/api/transaction/(?P<operation>begin|prepare|commit|rollback)", "transaction"),
        ("PUT", r"/api/transaction/(?P<operation>load)", "transaction"),
        ("PUT", rf"/api/(?:(?P<database>{NAME})/)?(?:(?P<table>{NAME})/)?_stream_load_2pc", "two_phase"),
        ("GET", r"/api/_load_error_log", "error_log"),
        ("GET", r"/api/health", "health"),
    ))

    def __init__(self, cluster, node):
        super().__init__(cluster, node)
        self.contexts = {}
        """Labels of open transactions that this BE coordinates; gone after a restart."""

    def health(self, exchange):
        exchange.reply(200, {"status": "OK", "msg": "To Be Added"})

    def error_log(self, exchange):
        text = self.cluster.error_logs.get(exchange.request.query.get("file", ""))
        if text is None or exchange.take("error_url_gone") is not None:
            exchange.reply(404, "No such file\n", kind="text/plain")
        else:
            exchange.reply(200, text, kind="text/plain")

    def keep_errors(self, exchange, report, transaction):
        """Stores the rejected rows; returns their address, or nothing."""
        if not report.lines:
            return ""
        file = f"error_log_{transaction.identity:x}_{transaction.label}"
        self.cluster.error_logs[file] = "\n".join(report.lines) + "\n"
        place = self.node.place
        if exchange.take("error_url_dead", database=transaction.database, label=transaction.label) is not None:
            place = self.cluster.dead_place()
        return f"http://{place}/api/_load_error_log?file={file}"

    # --- the body, with what can happen to it
    def parts(self, exchange, where):
        """The body's octets; a fault may strike in the middle."""
        reset = exchange.take("reset_mid_body", **where)
        early = exchange.take("early_fail_in_body", **where)
        hang = exchange.take("hang_mid_body", **where)
        limit = int((reset or early or hang or {}).get("bytes", 65_536))
        count = 0
        for part in exchange.request.body():
            count += len(part)
            self.cluster.counters["body_bytes"] += len(part)
            if count >= limit:
                if reset is not None:
                    raise Reset("in the middle of the body")
                if early is not None:
                    raise LoadFailed(early.get("message", "Memory of process exceed limit. Pipeline Backend: "
                                               f"{self.node.address}, fragment: 0. Used: 1, Limit: 1. Mem usage has exceed the limit of BE"))
                if hang is not None:
                    time.sleep(float(hang.get("seconds", 5)))
                    hang = None
            yield part
        if reset is not None:
            raise Reset("at the end of the body")

    def limits(self, headers, request, json):
        """Refusals by size and by the form of `timeout`."""
        limit = self.cluster.config["streaming_load_max_mb"] or self.cluster.profile.max_load_megabytes
        if request.length and request.length > limit << 20:
            raise Refusal(f"body size {request.length} exceed limit: {limit << 20}, Invalid argument. You can increase the limit by "
                          "setting streaming_load_max_mb in be.conf.")
        if json:
            self.json_size(headers, request.length or 0)
        timeout = headers.get("timeout", "600")
        if not timeout.isdigit() or not 1 <= int(timeout) <= 259_200:
            raise Refusal("Invalid timeout format")
        return float(timeout)

    def json_size(self, headers, size):
        """A document is held in memory; a transaction's loads count together. Chunked bodies tell no size."""
        limit = self.cluster.config["streaming_load_max_batch_size_mb"] << 20
        if size > limit and headers.get("ignore_json_size", "").lower() != "true":
            raise Refusal(f"The size of this batch exceed the max size [{limit}]  of json type data  data [ {size} ]. Set ignore_json_size "
                          "to skip the check, although it may lead huge memory consuming.")

    # --- Stream Load
    def stream_load(self, exchange, database, table):
        request, headers, cluster = exchange.request, exchange.headers, self.cluster
        started = time.monotonic()
        credentials = request.credentials()
        label = headers.get("label", "")
        where = {"database": database, "table": table, "label": label}
        if credentials is None:
            return exchange.reply(200, {"TxnId": -1, "Label": label, "Status": "Fail", "Message": "no valid Basic authorization"})
        if not cluster.authorized(credentials):
            return self.refuse(exchange)
        transaction, report, known = None, Report(), {}
        try:
            if exchange.take("shutting_down", **where) is not None:
                raise Refusal("Service is shutting down, please retry later!")
            if exchange.take("too_many_requests", **where) is not None:
                raise Refusal("Stream Load exceed http cuncurrent limit 200, please try again later")
            timeout = self.limits(headers, request, headers.get("format", "").lower() == "json")
            target = cluster.catalog.find(database, table)
            if database not in cluster.catalog.databases:
                raise Refusal(f"unknown database, database={database}")
            if target is None or target.view:
                raise Refusal(f"unknown table, table={database}.{table}")
            two_phase = cluster.profile.is_doris and headers.get("two_phase_commit", "").lower() == "true"
            transaction = cluster.transactions.begin(
                database, label, table, backend=self.node.name, timeout=timeout, two_phase=two_phase)
            known["begin"] = int((time.monotonic() - started) * 1000)
            plan = Plan(cluster, target, headers)
            known["plan"] = int((time.monotonic() - started) * 1000) - known["begin"]
            early = exchange.take("early_fail", **where)
            if early is not None:
                raise Refusal(early.get("message", "timeout by txn manager"))
            if exchange.take("memory_limit", **where) is not None:
                raise Refusal(f"Memory of process exceed limit. Pipeline Backend: {self.node.address}, fragment: 0. "
                              "Used: 1, Limit: 1. Mem usage has exceed the limit of BE")
            self.take_body(exchange, plan, transaction, report, where)
            known["read"] = int((time.monotonic() - started) * 1000)
            status, message = self.conclude(exchange, plan, transaction, report, where, two_phase)
        except LabelUsed as used:
            return self.label_used(exchange, used, where)
        except Reset as reset:
            if transaction:
                cluster.transactions.abort(transaction, f"the connection was lost {reset}")
            return exchange.reset(str(reset))
        except Gone:
            if transaction:
                cluster.transactions.abort(transaction, "receive body don't equal with body bytes")
            exchange.record["answer"] = "the client left in the middle of the body"
            exchange.record["body_bytes"] = request.body_bytes
            raise
        except (Refusal, Refused, LoadFailed, Malformed, Undecodable, EngineError) as problem:
            status, message = "Fail", str(problem)
            if transaction:
                cluster.transactions.abort(transaction, message)
        if status is None:
            return exchange.reset(message)
        known["all"] = int((time.monotonic() - started) * 1000)
        exchange.reply(200, self.outcome(exchange, transaction, label, status, message, report, known))

    def take_body(self, exchange, plan, transaction, report, where):
        """Reads and checks all rows, and keeps them with the transaction."""
        parts = self.parts(exchange, where)
        if self.cluster.config["count_only"]:
            counted(plan, parts, report, self.cluster.config["count_rows"])
            self.cluster.counters["rows"] += report.total
            return
        first = exchange.take("filtered_rows", **where)
        spool = ingest(plan, parts, f"{transaction.identity}-{threading.get_ident()}-{time.monotonic_ns()}", report,
                       int(first.get("rows", 1)) if first is not None else 0)
        transaction.spools.append(spool)

    def conclude(self, exchange, plan, transaction, report, where, two_phase):
        """After the body: limits, ratio, commit. Returns (status, message); no status means a reset."""
        cluster, transactions = self.cluster, self.cluster.transactions
        transaction.total, transaction.loaded = report.total, report.loaded
        transaction.filtered, transaction.unselected, transaction.bytes = report.filtered, report.unselected, report.bytes
        transaction.error_url = self.keep_errors(exchange, report, transaction)
        self.judge(exchange, plan, report, where)
        transactions.sweep()
        if transaction.state == "ABORTED":
            raise LoadFailed(transaction.reason)
        if exchange.take("reset_before_commit", **where) is not None:
            transactions.abort(transaction, "the connection was lost before commit")
            return None, "before commit"
        for name, action in (("commit_in_background", transactions.commit), ("abort_in_background", None)):
            rules = exchange.take(name, **where)
            if rules is not None:
                seconds = float(rules.get("seconds", 1))
                if action:
                    later(seconds, action, transaction, 0)
                else:
                    later(seconds, transactions.abort, transaction, "aborted by the double")
                return None, "the label is running"
        for name, delayed in (("label_running", True), ("label_finished", False)):
            rules = exchange.take(name, **where)
            if rules is not None:
                if delayed:
                    later(float(rules.get("seconds", 1)), transactions.commit, transaction, 0)
                else:
                    transactions.commit(transaction, 0)
                raise LabelUsed(transaction)
        if two_phase:
            transactions.prepare(transaction)
            return "Success", "OK"
        late = exchange.take("publish_timeout", **where)
        visible = transactions.commit(transaction, float(late.get("seconds", 1)) if late is not None else None)
        if exchange.take("reset_after_commit", **where) is not None:
            return None, "after commit"
        if exchange.take("label_evicted", **where) is not None:
            transaction.visible.wait(30)
            transactions.forget(transaction)
            return None, "after commit, label forgotten"
        if exchange.take("commit_unknown", **where) is not None:
            return "Fail", UNKNOWN
        if not visible and late is None:
            visible = transaction.visible.wait(cluster.config["publish_timeout"])
        if not visible:
            return "Publish Timeout", "transaction commit successfully, BUT data will be visible later"
        return "Success", "OK"

    def judge(self, exchange, plan, report, where):
        """The reasons to fail that the whole body decides."""
        crowded = self.cluster.crowded(plan.table)
        if crowded or exchange.take("too_many_versions", **where) is not None:
            limit = self.cluster.config["tablet_max_versions"]
            part, count = crowded or (plan.table.partitions[0], limit + 1)
            raise LoadFailed(
                f"Failed to load data into tablet {part.identity}, because of too many versions, current/limit: {count}/{limit}. "
                "You can reduce the loading job concurrency, or increase loading data batch size.")
        if report.total == 0:
            raise LoadFailed("all partitions have no load data")
        considered = report.total - report.unselected
        if report.filtered and report.filtered > plan.ratio * considered:
            raise LoadFailed("too many filtered rows")

    def label_used(self, exchange, used, where):
        label = used.transaction.label
        message = f"Label [{label}] has already been used."
        existing = used.transaction.existing
        status = "Label Already Exists"
        if self.cluster.profile.is_doris:
            message = ("[LABEL_ALREADY_EXISTS]TStatus: errCode = 2, detailMessage = "
                       f"Label [{label}] has already been used, relate to txn [{used.transaction.identity}]")
            existing = "PRECOMMITTED" if used.transaction.state == "PREPARED" else existing
        if exchange.take("label_as_fail", **where) is not None:
            status = "Fail"
        body = self.outcome(exchange, None, label, status, message, Report(), {})
        if status != "Fail":
            body = {**dict(list(body.items())[:3]), "ExistingJobStatus": existing, **dict(list(body.items())[3:])}
        exchange.reply(200, body)

    def outcome(self, exchange, transaction, label, status, message, report, times):
        """The answer of a Stream Load, its keys in the documented order."""
        profile = self.cluster.profile
        body = {"TxnId": transaction.identity if transaction else -1, "Label": transaction.label if transaction else label}
        if profile.is_doris:
            body.update(Comment="", TwoPhaseCommit=exchange.headers.get("two_phase_commit", "false").lower())
        body.update(
            Status=status, Message=message, NumberTotalRows=report.total,
            NumberLoadedRows=report.loaded, NumberFilteredRows=report.filtered,
            NumberUnselectedRows=report.unselected, LoadBytes=report.bytes, LoadTimeMs=times.get("all", 0),
            BeginTxnTimeMs=times.get("begin", 0))
        body[profile.plan_time_key] = times.get("plan", 0)
        body["ReceiveDataTimeMs" if profile.is_doris else "ReadDataTimeMs"] = times.get("read", 0)
        body["WriteDataTimeMs"] = times.get("read", 0)
        body["CommitAndPublishTimeMs"] = max(0, times.get("all", 0) - times.get("read", 0)) if times.get("read") else 0
        if transaction and transaction.error_url:
            body["ErrorURL"] = transaction.error_url
        return body
