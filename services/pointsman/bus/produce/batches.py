"""Splits a transaction's records into Kafka batches, written one after another for each partition."""

import time
from collections import deque
from collections.abc import Sequence
from struct import Struct

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pointsman.bus.codec.encoded_batch import EncodedBatch, Made
from pointsman.bus.codec.records import Outgoing

#: Target size of a batch of single records before compression, in bytes.
BATCH_BYTES = 512 * 1024

_MAGIC = 2
_TRANSACTIONAL = 0x10

#: Base offset, length, leader epoch, magic, checksum; the checksum covers what follows.
_HEAD = Struct(">qiibI")
#: Attributes, last offset delta, first and last time, producer id and epoch, first sequence number, count.
_BODY = Struct(">hiqqqhii")
#: The bytes that the length field does not count.
_BEFORE_LENGTH = 12
_NO_LEADER_EPOCH = -1


class Batches:
    """A transaction's records for one partition: `batch` is the next one, None when all are written.

    Batches have sequence numbers, by which the broker detects gaps and duplicates. A refused batch uses none;
    it is halved until the record that caused the refusal is found.
    """

    def __init__(self, records: Sequence[Made], producer_id: int, epoch: int) -> None:
        self._producer_id = producer_id
        self._epoch = epoch
        self._now_ms = int(time.time() * 1000)
        self._sequence = 0
        loose = [record for record in records if isinstance(record, Outgoing)]
        self._unwritten: deque[EncodedBatch | list[Outgoing]] = deque(
            record for record in records if isinstance(record, EncodedBatch)
        )
        if loose:
            self._unwritten.append(loose)
        self._current: EncodedBatch | list[Outgoing] = []
        self.batch: bytes | None = None
        self.refused: list[Outgoing] = []
        self._next()

    def written(self) -> None:
        """Note that the batch is written; make the next one."""
        self._sequence += self._count
        self._next()

    def refuse(self) -> None:
        """Note that the broker refuses the batch permanently; halve it, or give up its single record."""
        records = self._current.unpack() if isinstance(self._current, EncodedBatch) else self._current
        middle = len(records) // 2
        if middle:
            self._unwritten.extendleft((records[middle:], records[:middle]))
        else:
            self.refused += records
        self._next()

    @property
    def _count(self) -> int:
        return self._current.count if isinstance(self._current, EncodedBatch) else len(self._current)

    def _next(self) -> None:
        self.batch = None
        if self._unwritten:
            first = self._unwritten.popleft()
            self.batch = self._bundled(first) if isinstance(first, EncodedBatch) else self._built(first)

    def _built(self, records: list[Outgoing]) -> bytes:
        """Build a batch of the first of `records`, as many as fit, but at least one."""
        batch = DefaultRecordBatchBuilder(
            _MAGIC,
            DefaultRecordBatch.CODEC_ZSTD,
            is_transactional=1,
            producer_id=self._producer_id,
            producer_epoch=self._epoch,
            base_sequence=self._sequence,
            batch_size=BATCH_BYTES,
        )
        count = 0
        for record in records:
            if batch.append(count, self._now_ms, record.key, record.value, record.headers) is None:
                self._unwritten.appendleft(records[count:])
                break
            count += 1
        self._current = records[:count]
        return bytes(batch.build())

    def _bundled(self, encoded_batch: EncodedBatch) -> bytes:
        self._current = encoded_batch
        attributes = DefaultRecordBatch.CODEC_ZSTD | _TRANSACTIONAL
        last = encoded_batch.count - 1
        body = _BODY.pack(
            attributes, last, self._now_ms, self._now_ms, self._producer_id, self._epoch, self._sequence,
            encoded_batch.count,
        )  # fmt: skip
        body += encoded_batch.content
        length = _HEAD.size + len(body) - _BEFORE_LENGTH
        return _HEAD.pack(0, length, _NO_LEADER_EPOCH, _MAGIC, calc_crc32c(body)) + body
