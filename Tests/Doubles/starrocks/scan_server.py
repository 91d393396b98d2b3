"""The BEs' side of scans: `TStarrocksExternalService` in TBinaryProtocol without frames, batches as Arrow IPC streams.

A process beside the double, with PyPI's `thrift` and `pyarrow`; `run.py --scan` starts it. Its orders come on stdin as lines of
JSON: plans with their tablets, whose rows it reads from MariaDB under a snapshot of the moment of the plan.
"""

import base64
import collections
import json
import os
import socket
import struct
import sys
import threading
import time
import urllib.request
import uuid

import pyarrow as pa
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TTransportException

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from double import wire
from double.arrowtypes import arrow_type, reader
from double.engine import Engine, EngineError

OK, MEM_LIMIT_EXCEEDED, INTERNAL_ERROR, NOT_FOUND, INVALID_ARGUMENT = 0, 5, 6, 31, 33
KEPT_BYTES = 384 << 20


# --- plans and what they hold
class Plan:
    def __init__(self, order, engine):
        self.identity, self.tablets, self.columns = order["plan"], order["tablets"], order["columns"]
        self.database, self.table, self.unsupported = order["database"], order["table"], order["unsupported"]
        self.engine, self.lock, self.made = engine, threading.Lock(), time.time()
        self.read = set()
        if not self.unsupported:
            self.schema = pa.schema([pa.field(c["name"], arrow_type(c["base"], c["length"], c["scale"], c["text"]), c["nullable"])
                                     for c in self.columns])

    def end(self):
        if self.engine:
            self.engine.close()
            self.engine = None


class Store:
    """Plans, and the batches of tablets by what was read of which version; the oldest go first."""

    def __init__(self, told):
        self.told = told
        self.address = told["address"] if isinstance(told["address"], str) else tuple(told["address"])
        self.plans = collections.OrderedDict()
        self.batches = collections.OrderedDict()
        self.bytes = 0
        self.lock = threading.Lock()

    def connect(self):
        engine = Engine(self.address, self.told["user"], self.told["password"])
        engine.query("SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin")
        return engine

    def pin(self, order):
        engine = self.connect()
        engine.query("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        with self.lock:
            self.plans[order["plan"]] = Plan(order, engine)
            while len(self.plans) > 100:
                self.plans.popitem(last=False)[1].end()

    def tablet(self, plan, identity, size):
        """The batches of one tablet, each (IPC stream, rows)."""
        told = plan.tablets[str(identity)]
        key = (identity, told["version"], told["sql"], size)
        with self.lock:
            found = self.batches.get(key)
            if found is not None:
                self.batches.move_to_end(key)
                return found
        with plan.lock:
            if plan.engine is None:
                raise EngineError(1412, "HY000", "the plan's version is not there any more")
            found = list(self.scan(plan, told["sql"], size))
            plan.read.add(identity)
            if len(plan.read) == len(plan.tablets):
                # Nothing is left to read; an open transaction would hold the table against ALTER and DROP.
                plan.end()
            elif plan.engine:
                # So would one that has read some of it: the next read needs the snapshot, but not the lock.
                self.rest(plan, size)
        self.keep(key, found)
        return found

    def settle(self, database, table):
        """The table is about to change its name or form: what is planned on it is read now."""
        with self.lock:
            plans = [plan for plan in self.plans.values() if (plan.database, plan.table) == (database, table)]
        for plan in plans:
            with plan.lock:
                if plan.engine and not plan.unsupported:
                    self.rest(plan, 4096)

    def rest(self, plan, size):
        """Reads the plan's other tablets, so that the snapshot can end."""
        for identity, told in plan.tablets.items():
            identity = int(identity)
            if identity not in plan.read:
                key = (identity, told["version"], told["sql"], size)
                if key not in self.batches:
                    self.keep(key, list(self.scan(plan, told["sql"], size)))
                plan.read.add(identity)
        plan.end()

    def keep(self, key, found):
        with self.lock:
            self.batches[key] = found
            self.bytes += sum(len(data) for data, _ in found)
            while self.bytes > KEPT_BYTES and len(self.batches) > 1:
                _, old = self.batches.popitem(last=False)
                self.bytes -= sum(len(data) for data, _ in old)

    def scan(self, plan, sql, size):
        engine = plan.engine
        readers = [reader(c["base"], c["length"], c["scale"], c["text"]) for c in plan.columns]
        engine.send(sql)
        channel = engine.channel
        first = channel.read()
        if first[0] == 0xFF:
            raise EngineError(struct.unpack_from("<H", first, 1)[0], "HY000", first[9:].decode("utf-8", "replace"))
        count, _ = wire.take_lenenc(first, 0)
        for _ in range(count + 1):
            channel.read()
        rows = []
        while True:
            payload = channel.read()
            ended = payload[0] in (0xFE, 0xFF) and len(payload) < 9 or payload[0] == 0xFF
            if not ended:
                rows.append(wire.take_row(payload, count))
            if rows and (ended or len(rows) == size):
                yield self.stream(plan, readers, rows), len(rows)
                rows = []
            if ended:
                if payload[0] == 0xFF:
                    raise EngineError(1105, "HY000", payload[9:].decode("utf-8", "replace"))
                return

    def stream(self, plan, readers, rows):
        arrays = []
        for read, field, values in zip(readers, plan.schema, zip(*rows)):
            arrays.append(pa.array([None if value is None else read(value) for value in values], field.type))
        batch = pa.RecordBatch.from_arrays(arrays, schema=plan.schema)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, plan.schema) as writer:
            writer.write_batch(batch)
        return sink.getvalue().to_pybytes()


# --- thrift, without generated code
def read_value(protocol, kind):
    if kind == TType.STRUCT:
        found = {}
        protocol.readStructBegin()
        while True:
            _, inner, number = protocol.readFieldBegin()
            if inner == TType.STOP:
                break
            found[number] = read_value(protocol, inner)
            protocol.readFieldEnd()
        protocol.readStructEnd()
        return found
    if kind == TType.LIST:
        inner, size = protocol.readListBegin()
        found = [read_value(protocol, inner) for _ in range(size)]
        protocol.readListEnd()
        return found
    if kind == TType.MAP:
        first, second, size = protocol.readMapBegin()
        found = {read_value(protocol, first): read_value(protocol, second) for _ in range(size)}
        protocol.readMapEnd()
        return found
    return {TType.BOOL: protocol.readBool, TType.BYTE: protocol.readByte, TType.I16: protocol.readI16, TType.I32: protocol.readI32,
            TType.I64: protocol.readI64, TType.DOUBLE: protocol.readDouble, TType.STRING: protocol.readBinary}[kind]()


def write_value(protocol, kind, value):
    """A struct is a list of (number, kind, value); a list is (kind of its elements, elements)."""
    if kind == TType.STRUCT:
        protocol.writeStructBegin("")
        for number, inner, one in value:
            protocol.writeFieldBegin("", inner, number)
            write_value(protocol, inner, one)
            protocol.writeFieldEnd()
        protocol.writeFieldStop()
        protocol.writeStructEnd()
    elif kind == TType.LIST:
        protocol.writeListBegin(value[0], len(value[1]))
        for one in value[1]:
            write_value(protocol, value[0], one)
        protocol.writeListEnd()
    else:
        {TType.BOOL: protocol.writeBool, TType.I32: protocol.writeI32, TType.I64: protocol.writeI64,
         TType.STRING: protocol.writeBinary}[kind](value)


def status(code, *messages):
    told = [(1, TType.I32, code)]
    if messages:
        told.append((2, TType.LIST, (TType.STRING, [text.encode("utf-8", "replace") for text in messages])))
    return (1, TType.STRUCT, told)


class Context:
    def __init__(self, plan, tablets, size, minutes, now):
        self.identity = str(uuid.uuid4())
        self.plan, self.tablets, self.size, self.minutes = plan, tablets, size, minutes
        self.used, self.offset, self.waiting = now, 0, None
        self.lock = threading.Lock()

    def batches(self, store):
        for identity in self.tablets:
            yield from store.tablet(self.plan, identity, self.size)


class Backend:
    """One BE's port."""

    def __init__(self, name, address, port, store, world):
        self.name, self.store, self.world = name, store, world
        self.contexts = {}
        self.listener = socket.create_server((address, port), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            raw, _ = self.listener.accept()
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def down(self):
        return self.name in self.world["down"]

    def serve(self, raw):
        transport = TSocket()
        transport.setHandle(raw)
        buffered = TBufferedTransport(transport, 65_536)
        protocol = TBinaryProtocol(buffered)
        try:
            while not self.down():
                name, kind, sequence = protocol.readMessageBegin()
                asked = read_value(protocol, TType.STRUCT)
                protocol.readMessageEnd()
                if self.down():
                    break
                handler = {"open_scanner": self.open_scanner, "get_next": self.get_next, "close_scanner": self.close_scanner}.get(name)
                if handler is None:
                    problem = TApplicationException(TApplicationException.UNKNOWN_METHOD, f"Invalid method name: '{name}'")
                    protocol.writeMessageBegin(name, TMessageType.EXCEPTION, sequence)
                    problem.write(protocol)
                else:
                    told = handler(asked.get(1, {}))
                    if told is None:
                        break
                    protocol.writeMessageBegin(name, TMessageType.REPLY, sequence)
                    write_value(protocol, TType.STRUCT, [(0, TType.STRUCT, told)])
                protocol.writeMessageEnd()
                buffered.flush()
        except (TTransportException, OSError, EOFError):
            pass
        finally:
            raw.close()

    def take(self, fault, plan):
        """The rules of a fault, asked of the double."""
        if not self.world["faults"]:
            return None
        return self.world["ask"]("/take", {"name": fault, "database": plan.database, "table": plan.table, "node": self.name})

    def now(self):
        return time.time() + self.world["offset"]

    def memory(self, plan, operation):
        fault = self.take(f"scan_memory_limit_{operation}", plan)
        return status(MEM_LIMIT_EXCEEDED, fault.get("message", "Memory of process exceed limit. Used: 8590983168, Limit: 8589934592.")) \
            if fault is not None else None

    def open_scanner(self, asked):
        tablets, opaque = asked.get(4, []), asked.get(5, b"")
        context = [(2, TType.STRING, str(uuid.uuid4()).encode())]
        try:
            plan = self.store.plans.get(json.loads(base64.b64decode(opaque, validate=True)[3:].rstrip(b"\0"))["plan"])
        except (ValueError, KeyError):
            return [status(INVALID_ARGUMENT, "open context error: opaqued_query_plan decode error"), *context]
        if plan is None:
            return [status(INVALID_ARGUMENT, "open context error: the double has forgotten this plan"), *context]
        if self.take("scan_refused", plan) is not None:
            return None
        told = self.memory(plan, "open")
        if told:
            return [told, *context]
        if plan.unsupported:
            return [status(INVALID_ARGUMENT, plan.unsupported), *context]
        for identity in tablets:
            known = plan.tablets.get(str(identity))
            if known is None:
                return [status(NOT_FOUND, f"tablet_id: {identity} not found"), *context]
            if self.name not in known["on"]:
                return [status(INTERNAL_ERROR, f"failed to get tablet. tablet_id={identity}, with schema_hash=1294206575, "
                                               "reason=tablet does not exist"), *context]
        made = Context(plan, tablets, asked.get(6) or 4096, asked.get(11, 5), self.now())
        made.rows = made.batches(self.store)
        self.contexts[made.identity] = made
        self.world["ask"]("/scanned", {"node": self.name, "database": plan.database, "table": plan.table, "plan": plan.identity,
                                       "tablets": tablets, "batch_size": made.size, "keep_alive_min": made.minutes,
                                       "user": asked.get(9, b"").decode("utf-8", "replace")})
        columns = [[(1, TType.STRING, c["name"].encode()), (2, TType.I32, c["code"])] for c in plan.columns]
        return [status(OK), (2, TType.STRING, made.identity.encode()), (3, TType.LIST, (TType.STRUCT, columns))]

    def get_next(self, asked):
        identity = asked.get(1, b"").decode("utf-8", "replace")
        context = self.contexts.get(identity)
        if context is not None and (self.take("scan_expired", context.plan) is not None
                                    or self.now() - context.used > context.minutes * 60):
            self.contexts.pop(identity, None)
            context = None
        if context is None:
            return [status(NOT_FOUND, f"context_id: {identity} not found")]
        with context.lock:
            if self.take("scan_reset", context.plan) is not None:
                return None
            if self.take("scan_offset", context.plan) is not None:
                context.offset += 1
            if asked.get(2, 0) != context.offset:
                return [status(NOT_FOUND, f"context_id={identity}, send_offset={asked.get(2, 0)}, context_offset={context.offset}")]
            told = self.memory(context.plan, "next")
            if told:
                return [told]
            try:
                batch = next(context.rows, None)
            except (EngineError, ValueError, pa.ArrowException) as problem:
                return [status(INTERNAL_ERROR, str(problem))]
            context.used = self.now()
            if batch is None:
                return [status(OK), (2, TType.BOOL, True)]
            context.offset += batch[1]
            return [status(OK), (2, TType.BOOL, False), (3, TType.STRING, batch[0])]

    def close_scanner(self, asked):
        self.contexts.pop(asked.get(1, b"").decode("utf-8", "replace"), None)
        return [status(OK)]


def asking(control):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path, body):
        request = urllib.request.Request(control + path, method="POST", data=json.dumps(body).encode())
        with opener.open(request, timeout=30) as answer:
            return json.loads(answer.read())

    return ask


def main():
    told = json.loads(sys.stdin.readline())
    store = Store(told)
    world = {"offset": 0.0, "down": [], "faults": False, "ask": asking(told["control"])}
    backends = [Backend(one["name"], one["address"], one["port"], store, world) for one in told["backends"]]
    print("{}", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] == "pin":
                store.pin(order)
            elif order["do"] == "world":
                world.update({key: order[key] for key in ("offset", "down", "faults")})
            elif order["do"] == "settle":
                store.settle(order["database"], order["table"])
            elif order["do"] == "restart":
                next(one for one in backends if one.name == order["name"]).contexts.clear()
            print('{"ok": true}', flush=True)
        except Exception as problem:
            print(json.dumps({"error": f"{type(problem).__name__}: {problem}"}), flush=True)


if __name__ == "__main__":
    main()
