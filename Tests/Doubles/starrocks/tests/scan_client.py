"""A client of the BEs' scanners for the tests: PyPI's thrift with the IDL's structs written down, and pyarrow.

Runs in the interpreter that has both. Reads a JSON line of orders on stdin and prints JSON lines.
"""

import json
import sys

import pyarrow as pa
from thrift.protocol.TBase import TBase
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport, TTransportException


def struct(called, /, **fields):
    """A class with the IDL's fields: number=(type, name, of)."""
    spec = [None] * (max(number for number, *_ in fields.values()) + 1)
    for field, (number, kind, *of) in fields.items():
        spec[number] = (number, kind, field, of[0] if of else ("BINARY" if kind == TType.STRING else None), None)

    def init(self, **values):
        for field in fields:
            setattr(self, field, values.get(field))

    return type(called, (TBase,), {"thrift_spec": tuple(spec), "__init__": init, "__slots__": tuple(fields)})


Status = struct("TStatus", status_code=(1, TType.I32), error_msgs=(2, TType.LIST, (TType.STRING, None, False)))
Column = struct("TScanColumnDesc", name=(1, TType.STRING), type=(2, TType.I32))
OpenParams = struct(
    "TScanOpenParams", cluster=(1, TType.STRING), database=(2, TType.STRING), table=(3, TType.STRING),
    tablet_ids=(4, TType.LIST, (TType.I64, None, False)), opaqued_query_plan=(5, TType.STRING), batch_size=(6, TType.I32),
    properties=(7, TType.MAP, (TType.STRING, None, TType.STRING, None, False)), limit=(8, TType.I64), user=(9, TType.STRING),
    passwd=(10, TType.STRING), keep_alive_min=(11, TType.I16), query_timeout=(12, TType.I32), mem_limit=(13, TType.I64))
OpenResult = struct("TScanOpenResult", status=(1, TType.STRUCT, [Status, Status.thrift_spec]), context_id=(2, TType.STRING),
                    selected_columns=(3, TType.LIST, (TType.STRUCT, [Column, Column.thrift_spec], False)))
NextParams = struct("TScanNextBatchParams", context_id=(1, TType.STRING), offset=(2, TType.I64))
BatchResult = struct("TScanBatchResult", status=(1, TType.STRUCT, [Status, Status.thrift_spec]), eos=(2, TType.BOOL), rows=(3, TType.STRING))
CloseParams = struct("TScanCloseParams", context_id=(1, TType.STRING))
CloseResult = struct("TScanCloseResult", status=(1, TType.STRUCT, [Status, Status.thrift_spec]))


class Client:
    def __init__(self, place):
        host, port = place.rsplit(":", 1)
        self.transport = TBufferedTransport(TSocket(host, int(port)))
        self.transport.open()
        self.protocol = TBinaryProtocol(self.transport)

    def call(self, name, params, result):
        p = self.protocol
        p.writeMessageBegin(name, TMessageType.CALL, 7)
        p.writeStructBegin("args")
        if params is not None:
            p.writeFieldBegin("params", TType.STRUCT, 1)
            params.write(p)
            p.writeFieldEnd()
        p.writeFieldStop()
        p.writeStructEnd()
        p.writeMessageEnd()
        self.transport.flush()
        _, kind, sequence = p.readMessageBegin()
        assert sequence == 7
        if kind == TMessageType.EXCEPTION:
            problem = TApplicationException()
            problem.read(p)
            p.readMessageEnd()
            raise problem
        p.readStructBegin()
        found = None
        while True:
            _, kind, number = p.readFieldBegin()
            if kind == TType.STOP:
                break
            assert number == 0
            found = result()
            found.read(p)
            p.readFieldEnd()
        p.readStructEnd()
        p.readMessageEnd()
        return found


def told(status):
    return [status.status_code, [text.decode() if isinstance(text, bytes) else text for text in status.error_msgs or []]]


def main():
    clients, contexts = {}, {}
    for line in sys.stdin:
        order = json.loads(line)
        place = order["place"]
        try:
            client = clients.get(place) or clients.setdefault(place, Client(place))
            if order["do"] == "open":
                opened = client.call("open_scanner", OpenParams(
                    cluster=b"default_cluster", database=b"d", table=b"t", tablet_ids=order["tablets"],
                    opaqued_query_plan=order["plan"].encode(), batch_size=order.get("batch", 4096), properties={}, user=b"root", passwd=b"",
                    keep_alive_min=order.get("keep", 5), query_timeout=600, mem_limit=1 << 30), OpenResult)
                context = (opened.context_id or b"").decode()
                answer = {"status": told(opened.status), "context": context,
                          "columns": [[c.name.decode(), c.type] for c in opened.selected_columns or []]}
            elif order["do"] == "next":
                got = client.call("get_next", NextParams(context_id=order["context"].encode(), offset=order["offset"]), BatchResult)
                answer = {"status": told(got.status), "eos": got.eos, "rows": None}
                if got.rows:
                    reader = pa.ipc.open_stream(got.rows)
                    batches = list(reader)
                    assert len(batches) == 1
                    answer["rows"] = [list(row.values()) for row in batches[0].to_pylist()]
                    answer["types"] = [str(field.type) for field in reader.schema]
            elif order["do"] == "close":
                answer = {"status": told(client.call("close_scanner", CloseParams(context_id=order["context"].encode()), CloseResult).status)}
            else:
                try:
                    client.call(order["do"], None, CloseResult)
                    answer = {}
                except TApplicationException as problem:
                    answer = {"exception": problem.type}
        except (TTransportException, TProtocolException, EOFError, OSError) as problem:
            clients.pop(place, None)
            answer = {"gone": type(problem).__name__}
        print(json.dumps(answer, default=lambda value: value.hex() if isinstance(value, bytes) else str(value)), flush=True)


main()
