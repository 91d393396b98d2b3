"""Makes the Arrow streams and the thrift answers of ArrowStreamTests: python3 make.py (needs PyPI's pyarrow and thrift)."""

import decimal
import os

import pyarrow as pa
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TMemoryBuffer

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def stream(*batches, options=None):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


D = decimal.Decimal
types = pa.record_batch({
    "flag": pa.array([True, False, None], pa.bool_()),
    "tiny": pa.array([-128, 127, None], pa.int8()),
    "small": pa.array([-32768, 32767, None], pa.int16()),
    "whole": pa.array([-2147483648, 2147483647, None], pa.int32()),
    "big": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "f": pa.array([0.1, -3.25, None], pa.float32()),
    "d": pa.array([1.7976931348623157e308, -0.1, None], pa.float64()),
    "n": pa.array([D("-1234567890123456789012345678.0123456789"), D("0.0000000001"), None], pa.decimal128(38, 10)),
    "huge": pa.array([str(-(2**127) + 1), "0", None], pa.utf8()),
    "s": pa.array(["it's \"x\"\n\t\\\\N \u6f22", "", None], pa.utf8()),
    "day": pa.array(["0001-01-01", "2024-02-29", None], pa.utf8()),
    "at": pa.array(["9999-12-31 23:59:59.999999", "2024-02-29 12:00:00", None], pa.utf8()),
    "doc": pa.array(['{"a": 1}', "null", None], pa.utf8()),
    "b": pa.array([b"\x00\xff\n", b"", None], pa.binary()),
    "day32": pa.array([0, -719162, None], pa.date32()),
    "at64": pa.array([0, 1_700_000_000_123_456, None], pa.timestamp("us")),
})
write("types.arrow", stream(types, types.slice(0, 0), types.slice(1, 2)))
write("empty.arrow", stream(types.slice(0, 0)))
write("nested.arrow", stream(pa.record_batch({"list": pa.array([[1, None]], pa.list_(pa.int32()))})))
write("dictionary.arrow", stream(pa.record_batch({"s": pa.array(["a", "a"]).dictionary_encode()})))
try:
    write("compressed.arrow", stream(pa.record_batch({"s": pa.array(["a" * 1000])}), options=pa.ipc.IpcWriteOptions(compression="lz4")))
except pa.ArrowInvalid:
    raise SystemExit("this pyarrow has no lz4")


def answer(name, sequence, fields):
    """fields: writes the result's struct."""
    memory = TMemoryBuffer()
    protocol = TBinaryProtocol(memory)
    protocol.writeMessageBegin(name, TMessageType.REPLY, sequence)
    protocol.writeFieldBegin("success", TType.STRUCT, 0)
    fields(protocol)
    protocol.writeFieldStop()
    protocol.writeFieldStop()
    protocol.writeMessageEnd()
    return memory.getvalue()


def opened(p):
    p.writeFieldBegin("status", TType.STRUCT, 1)
    p.writeFieldBegin("status_code", TType.I32, 1)
    p.writeI32(31)
    p.writeFieldBegin("error_msgs", TType.LIST, 2)
    p.writeListBegin(TType.STRING, 1)
    p.writeString("gone")
    p.writeFieldStop()
    # Of a later version: a map that nobody knows.
    p.writeFieldBegin("later", TType.MAP, 9)
    p.writeMapBegin(TType.STRING, TType.I64, 1)
    p.writeString("k")
    p.writeI64(7)


write("status.thrift", answer("get_next", 3, opened))


def call():
    """What PyPI's thrift writes for close_scanner(context_id = "c-1")."""
    memory = TMemoryBuffer()
    protocol = TBinaryProtocol(memory)
    protocol.writeMessageBegin("close_scanner", TMessageType.CALL, 5)
    protocol.writeFieldBegin("params", TType.STRUCT, 1)
    protocol.writeFieldBegin("context_id", TType.STRING, 1)
    protocol.writeString("c-1")
    protocol.writeFieldStop()
    protocol.writeFieldStop()
    protocol.writeMessageEnd()
    return memory.getvalue()


write("call.thrift", call())
