"""Decodes bodies: gzip, bzip2, deflate from the standard library; lz4 frames and zstd through the system's libraries."""

import bz2
import ctypes
import ctypes.util
import zlib


class Undecodable(Exception):
    """The body is not in the format that the header names."""


def _library(name, packaged):
    found = ctypes.util.find_library(name) or packaged
    return ctypes.CDLL(found)


def _zlib(parts, bits):
    decoder = zlib.decompressobj(bits)
    fed = False
    for part in parts:
        while part:
            fed = True
            try:
                out = decoder.decompress(part)
            except zlib.error as problem:
                raise Undecodable(str(problem)) from None
            if out:
                yield out
            part = decoder.unused_data if decoder.eof else b""
            if decoder.eof:
                decoder = zlib.decompressobj(bits)
                fed = bool(part)
    if fed:
        raise Undecodable("the compressed body ends early")


def _bzip2(parts):
    decoder = bz2.BZ2Decompressor()
    for part in parts:
        while part:
            if decoder.eof:
                decoder = bz2.BZ2Decompressor()
            try:
                out = decoder.decompress(part)
            except OSError as problem:
                raise Undecodable(str(problem)) from None
            if out:
                yield out
            part = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise Undecodable("the compressed body ends early")


def _lz4(parts):
    library = _library("lz4", "liblz4.so.1")
    library.LZ4F_decompress.restype = ctypes.c_size_t
    library.LZ4F_createDecompressionContext.restype = ctypes.c_size_t
    library.LZ4F_isError.argtypes = [ctypes.c_size_t]
    library.LZ4F_getErrorName.argtypes = [ctypes.c_size_t]
    library.LZ4F_getErrorName.restype = ctypes.c_char_p
    context = ctypes.c_void_p()
    library.LZ4F_createDecompressionContext(ctypes.byref(context), 100)
    out = ctypes.create_string_buffer(1 << 20)
    hint = 1
    try:
        for part in parts:
            at = 0
            source = ctypes.create_string_buffer(part, len(part))
            while True:
                room, taken = ctypes.c_size_t(len(out)), ctypes.c_size_t(len(part) - at)
                hint = library.LZ4F_decompress(
                    context, out, ctypes.byref(room), ctypes.byref(source, at), ctypes.byref(taken), None)
                if library.LZ4F_isError(hint):
                    raise Undecodable(library.LZ4F_getErrorName(hint).decode())
                at += taken.value
                if room.value:
                    yield ctypes.string_at(out, room.value)
                if at >= len(part) and room.value < len(out):
                    break
        if hint:
            raise Undecodable("the compressed body ends early")
    finally:
        library.LZ4F_freeDecompressionContext(context)


class _Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]


def _zstd(parts):
    library = _library("zstd", "libzstd.so.1")
    library.ZSTD_createDStream.restype = ctypes.c_void_p
    library.ZSTD_decompressStream.restype = ctypes.c_size_t
    library.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    library.ZSTD_getErrorName.argtypes = [ctypes.c_size_t]
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    library.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    stream = library.ZSTD_createDStream()
    room = ctypes.create_string_buffer(1 << 20)
    hint = 1
    try:
        for part in parts:
            source = ctypes.create_string_buffer(part, len(part))
            given = _Buffer(ctypes.addressof(source), len(part), 0)
            while True:
                out = _Buffer(ctypes.addressof(room), len(room), 0)
                hint = library.ZSTD_decompressStream(stream, ctypes.byref(out), ctypes.byref(given))
                if library.ZSTD_isError(hint):
                    raise Undecodable(library.ZSTD_getErrorName(hint).decode())
                if out.at:
                    yield ctypes.string_at(room, out.at)
                if given.at >= given.size and out.at < len(room):
                    break
        if hint:
            raise Undecodable("the compressed body ends early")
    finally:
        library.ZSTD_freeDStream(stream)


CODECS = {
    "GZIP": lambda parts: _zlib(parts, 31), "BZIP2": _bzip2, "DEFLATE": lambda parts: _zlib(parts, 15),
    "LZ4_FRAME": _lz4, "ZSTD": _zstd,
}
