"""Unpacks compressed batches of records up to a size: a small one must not fill its reader's memory."""

import struct
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import cramjam
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as fast_default
from aiokafka.record._crecords import legacy_records as fast_legacy

MOST_BYTES = 64 * 2**20
"""What a batch may hold when unpacked; brokers take a megabyte as it is sent."""

_LEAST_BYTES = 2**16
_GZIP_OR_ZLIB = 47
_XERIAL = b"\x82SNAPPY\x00"
_XERIAL_HEADER = 16


class TooLargeError(ValueError):
    """A batch holds more than it may."""


def gzip(packed: Any) -> bytes:  # noqa: ANN401 - whatever holds bytes
    """Unpack gzip."""
    found, left = bytearray(), bytes(packed)
    while left:
        unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
        found += unpacking.decompress(left, MOST_BYTES + 1 - len(found))
        if len(found) > MOST_BYTES:
            raise TooLargeError
        if not unpacking.eof:
            msg = "the end is missing"
            raise ValueError(msg)
        left = unpacking.unused_data
    return bytes(found)


def snappy(packed: Any) -> bytes:  # noqa: ANN401 - whatever holds bytes
    """Unpack snappy, in blocks as Java's clients write it or in one piece."""
    content = bytes(packed)
    if not content.startswith(_XERIAL):
        return _snappy_block(content, MOST_BYTES)
    found, at = bytearray(), _XERIAL_HEADER
    while at < len(content):
        (size,) = struct.unpack_from("!i", content, at)
        if size < 0:
            msg = "a block has no size"
            raise ValueError(msg)
        found += _snappy_block(content[at + 4 : at + 4 + size], MOST_BYTES - len(found))
        at += 4 + size
    return bytes(found)


def _snappy_block(block: bytes, most: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(block) > most:
        raise TooLargeError
    return bytes(cramjam.snappy.decompress_raw(block))


def into_buffer(unpack_into: Callable[[bytes, bytearray], int], packed: Any) -> bytes:  # noqa: ANN401 - holds bytes
    """Unpack into a buffer that grows until it is large enough, or as large as it may be."""
    content = bytes(packed)
    size = max(_LEAST_BYTES, 8 * len(content))
    while True:
        buffer = bytearray(min(size, MOST_BYTES))
        try:
            return bytes(memoryview(buffer)[: unpack_into(content, buffer)])
        except cramjam.DecompressionError:
            if size >= MOST_BYTES:
                raise
            size *= 8


def limit_unpacking() -> None:
    """Have aiokafka unpack with these functions."""
    codecs = {
        "gzip_decode": gzip,
        "snappy_decode": snappy,
        "lz4_decode": partial(into_buffer, cramjam.lz4.decompress_into),
        "zstd_decode": partial(into_buffer, cramjam.zstd.decompress_into),
    }
    for module in (default_records, legacy_records, fast_default, fast_legacy):
        for name, codec in codecs.items():
            if hasattr(module, name):
                setattr(module, name, codec)
