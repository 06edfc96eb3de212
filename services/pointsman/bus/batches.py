"""Records of one transaction in Kafka's batches, one after another for each partition."""

import time
from collections.abc import Iterator, Sequence
from struct import Struct

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pointsman.bus.bundle import Bundle, Made
from pointsman.bus.records import Outgoing

#: Aim of one produce batch of loose records before compression, bytes.
BATCH_BYTES = 512 * 1024

_MAGIC = 2
_TRANSACTIONAL = 0x10

#: Base offset, length, leader epoch, magic, checksum; then what the checksum is of.
_HEAD = Struct(">qiibI")
#: Attributes, last offset, first and last time, producer, epoch, first sequence number, count.
_BODY = Struct(">hiqqqhii")
#: Of the length's own, what stands before it.
_BEFORE_LENGTH = 12
_NO_LEADER_EPOCH = -1


def batches(records: Sequence[Made], producer_id: int, epoch: int) -> Iterator[bytes]:
    """As few as hold `records`; numbered, so that the broker notices when one is missing or comes twice."""
    now_ms = int(time.time() * 1000)
    first = 0
    loose: list[Outgoing] = []
    for each in records:
        if isinstance(each, Bundle):
            yield _finished(each, now_ms, producer_id, epoch, first)
            first += each.count
        else:
            loose.append(each)
    at = 0
    while at < len(loose):
        batch = DefaultRecordBatchBuilder(
            _MAGIC,
            DefaultRecordBatch.CODEC_ZSTD,
            is_transactional=1,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=first,
            batch_size=BATCH_BYTES,
        )
        count = 0
        for record in loose[at:]:
            # The first record of a batch always fits.
            if batch.append(count, now_ms, record.key, record.value, record.headers) is None:
                break
            count += 1
        at += count
        first += count
        yield bytes(batch.build())


def _finished(bundle: Bundle, now_ms: int, producer_id: int, epoch: int, first: int) -> bytes:
    attributes = DefaultRecordBatch.CODEC_ZSTD | _TRANSACTIONAL
    last = bundle.count - 1
    body = _BODY.pack(attributes, last, now_ms, now_ms, producer_id, epoch, first, bundle.count)
    body += bundle.content
    length = _HEAD.size + len(body) - _BEFORE_LENGTH
    return _HEAD.pack(0, length, _NO_LEADER_EPOCH, _MAGIC, calc_crc32c(body)) + body
