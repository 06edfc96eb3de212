"""Small batches that decompress to very large ones, built without using much memory."""

from struct import pack

import cramjam
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import encode_varint

from tests.support.bus.record_log import GZIP, LZ4, Log

_PORTION = 1024 * 1024
_HEAD_BYTES = 61


def bomb(codec: int, size: int) -> Log:
    """A batch of one record whose value is `size` zeros."""
    kind = {GZIP: cramjam.gzip, LZ4: cramjam.lz4}.get(codec, cramjam.zstd)
    compressor = kind.Compressor()
    start, end = bytearray(b"\x00\x00\x00\x01"), b"\x00"  # attributes, age, place, no key; no headers
    encode_varint(size, start.append)
    length = bytearray()
    encode_varint(len(start) + size + len(end), length.append)
    compressor.compress(bytes(length + start))
    for left in range(size, 0, -_PORTION):
        compressor.compress(bytes(min(left, _PORTION)))
    compressor.compress(end)
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, 0, 0, 1 << 24)
    batch.append(0, 1_000, None, b"", [])
    made = bytearray(batch.build()[:_HEAD_BYTES]) + bytes(compressor.finish())
    made[8:12] = pack(">i", len(made) - 12)
    log = Log()
    log.put(bytes(made), codec)
    return log
