"""Kafka's record batches (record format 2), decompressed only when needed.

Invariants:
- `read_batches` never returns transaction markers or aborted records.
- A batch with a wrong checksum is an error.
- Undecodable content in a batch with a correct checksum is not an error: one `Unread` record stands for the
  whole batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import calc_crc32c

from pointsman.bus.codec.decompress import MAX_BATCH_BYTES, DecompressError, decompress
from pointsman.bus.codec.record_format import read_record
from pointsman.bus.codec.records import Incoming, Unread
from pointsman.bus.partition import Partition
from pointsman.bus.protocol.wire import WireReader
from pointsman_schemas.envelope import Headers
from pointsman_schemas.reasons import Reason

#: Base offset, length; leader epoch, magic, checksum; attributes, last offset delta, first and last time,
#: producer id and epoch, first sequence number, count.
_HEAD = Struct(">qiibIhiqqqhii")
_BEFORE_LENGTH, _BEFORE_CHECKED = 12, 21
_LAST_MS = 8
_MAGIC = 2
_COMPRESSION, _APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20

_ATTRIBUTES, _ATTRIBUTES_AT = Struct(">h"), 21


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """`count` records of one partition, from `offset` to before `next_offset`.

    `start`: earlier records are skipped. `timestamp_ms`: of the first record. `raw`: the batch with its
    header. `seed`: see `Incoming`.
    """

    topic: str
    partition: int
    start: int
    offset: int
    next_offset: int
    count: int
    timestamp_ms: int
    attributes: int
    raw: bytes
    seed: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether no record is to be skipped."""
        return self.start <= self.offset

    @property
    def taken_ms(self) -> int | None:
        """The broker's append time in milliseconds since 1970; None if records have the producer's time."""
        return _HEAD.unpack_from(self.raw)[_LAST_MS] if self.attributes & _APPEND_TIME else None

    def content(self) -> bytes:
        """Return the decompressed records, which follow the header one after another.

        Raises:
            DecompressError: they exceed MAX_BATCH_BYTES, or are corrupt.
        """
        return decompress(self.attributes & _COMPRESSION, self.raw[_HEAD.size :])

    def records(self) -> Iterator[Incoming]:
        """Yield the records. The whole batch is decompressed for the first one."""
        try:
            content = self.content()
        except DecompressError:
            why = f"decompressed it has more than {MAX_BATCH_BYTES:,} bytes, or is broken"
            yield self._stand_in(Reason.TOO_LARGE, why)
            return
        at = self.start
        plain = self._head_of_plain() + content
        del content  # free the copy: a batch may be large, and lives until its last record is taken
        try:
            for entry in DefaultRecordBatch(plain):
                if entry.offset >= at:
                    at = entry.offset + 1
                    headers = tuple(entry.headers)
                    yield self._record(entry.offset, entry.timestamp, entry.key, entry.value, headers)
        except (ValueError, IndexError, CorruptRecordException):
            # aiokafka fails at a header whose name is not UTF-8, and cannot read the records after it.
            yield from self._read_slowly(plain[_HEAD.size :], at)

    def _head_of_plain(self) -> bytes:
        """Return the header for the decompressed content."""
        attributes = _ATTRIBUTES.pack(self.attributes & ~_COMPRESSION)
        return self.raw[:_ATTRIBUTES_AT] + attributes + self.raw[_ATTRIBUTES_AT + 2 : _HEAD.size]

    def _read_slowly(self, content: bytes, at: int) -> Iterator[Incoming]:
        """Yield the records from offset `at` on."""
        reader = WireReader(content)
        taken_ms = self.taken_ms
        for _ in range(self.count):
            try:
                age_ms, index, key, value, headers = read_record(reader)
            except (IndexError, ValueError):
                yield self._stand_in(Reason.INTERNAL, f"it cannot be read from offset {at:,} on")
                return
            if self.offset + index < at:
                continue
            at = self.offset + index + 1
            timestamp_ms = self.timestamp_ms + age_ms if taken_ms is None else taken_ms
            yield self._record(self.offset + index, timestamp_ms, key, value, headers)

    def _stand_in(self, reason: Reason, why: str) -> Unread:
        """Return the record that stands for the batch, at its last offset: reading continues after it."""
        digest = hashlib.sha256(self.raw[_HEAD.size :]).hexdigest()
        last = self.next_offset - 1
        size = len(self.raw) - _HEAD.size
        text = (
            f"a batch of {self.count:,} records at {self.topic}/{self.partition}, offsets {self.offset} to "
            f"{last}, was not opened: {why}; as sent it has {size:,} bytes with SHA-256 {digest}"
        )
        return Unread(
            self.topic, self.partition, last, self.timestamp_ms, None, None, (), reason=reason, why=text
        )

    def _record(
        self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> Incoming:
        by_broker = bool(self.attributes & _APPEND_TIME)
        return Incoming(
            self.topic, self.partition, offset, timestamp_ms, key, value, headers,
            seed=self.seed, by_broker=by_broker,
        )  # fmt: skip


def read_batches(
    place: Partition, start: int, data: bytes, aborted: Sequence[tuple[int, int]], seed: str = ""
) -> tuple[list[RecordBatch], int]:
    """Return the batches in a fetch response from offset `start`, and the offset of the next fetch.

    An incomplete last batch is left for that fetch. `aborted`: see `FetchedPartition`.

    Raises:
        CorruptRecordException: a checksum is wrong, or a batch has another format.
    """
    batches: list[RecordBatch] = []
    coming, now_aborted = sorted(aborted, key=lambda transaction: transaction[1], reverse=True), set[int]()
    at, next_offset = 0, start
    while at + _HEAD.size <= len(data):
        offset, length, _, magic, checksum, attributes, last, first_ms, _, producer, _, _, count = (
            _HEAD.unpack_from(data, at)
        )
        raw = data[at : at + _BEFORE_LENGTH + length]
        if len(raw) < _BEFORE_LENGTH + length:
            break
        at += len(raw)
        if magic != _MAGIC or calc_crc32c(raw[_BEFORE_CHECKED:]) != checksum:
            raise CorruptRecordException(f"{place[0]}-{place[1]}: the batch at offset {offset} is broken")
        next_offset = max(start, offset + last + 1)
        while coming and coming[-1][1] <= offset:
            now_aborted.add(coming.pop()[0])
        if attributes & _CONTROL:
            now_aborted.discard(producer)  # the end of its transaction
        elif count and producer not in now_aborted and next_offset > start:
            batches.append(
                RecordBatch(*place, start, offset, next_offset, count, first_ms, attributes, raw, seed)
            )
    return batches, next_offset
