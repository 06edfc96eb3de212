"""A partition in memory, in the broker's format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import pack

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pointsman.bus.codec.record_batch import RecordBatch, read_batches
from pointsman.bus.codec.records import Outgoing

PLACE = ("t", 3)
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
ABORT, COMMIT = 0, 1
APPEND_TIME, CONTROL = 0x08, 0x20
#: Positions in a batch; the checksum covers everything from the attributes on.
_ATTRIBUTES, _CHECKSUM, _LAST_OFFSET = slice(21, 23), slice(17, 21), slice(23, 27)


@dataclass
class Log:
    """A partition; `aborted` lists aborted transactions as a broker returns them."""

    data: bytes = b""
    end: int = 0
    ends: list[tuple[int, int]] = field(default_factory=list)

    def add(
        self,
        values: Sequence[bytes | None],
        *,
        codec: int = NONE,
        producer: int = -1,
        gaps: int = 0,
        attributes: int = 0,
        key: bytes | None = None,
        plain: bool = False,
    ) -> None:
        """Appends a batch; `gaps`: how many offsets to leave out after each record, as compaction does.

        `plain`: no record has headers; otherwise every second one does.
        """
        batch = DefaultRecordBatchBuilder(2, codec, int(producer >= 0), producer, 0, 0, 1 << 26)
        for place, value in enumerate(values):
            headers = [("h", value)] if value and place % 2 and not plain else []
            batch.append(place * (gaps + 1), 1_000 + place // 2, key or (value and value[:3]), value, headers)
        self.put(bytes(batch.build()), attributes)

    def add_sent(self, records: Sequence[Outgoing], *, at_ms: int = 1_000, attributes: int = 0) -> None:
        """Appends a batch of records as a producer sends them."""
        batch = DefaultRecordBatchBuilder(2, ZSTD, 0, -1, 0, 0, 1 << 26)
        for place, record in enumerate(records):
            batch.append(place, at_ms, record.key, record.value, record.headers)
        self.put(bytes(batch.build()), attributes)

    def rename_header(self, name: bytes) -> None:
        """Gives the last batch's header another name of one byte, which may be invalid UTF-8."""
        start = self.ends[-2][1] if len(self.ends) > 1 else 0
        batch = bytearray(self.data[start:])
        at = batch.rindex(b"\x02h") + 1
        batch[at : at + 1] = name
        end, _ = self.ends.pop()
        self.data, self.end = self.data[:start], int.from_bytes(batch[:8], "big")
        self.put(bytes(batch), 0)
        assert self.end == end

    def end_transaction(self, producer: int, how: int) -> None:
        batch = DefaultRecordBatchBuilder(2, NONE, 1, producer, 0, -1, 1 << 26)
        batch.append(0, 1_000, pack(">hh", 0, how), pack(">hi", 0, 0), [])
        self.put(bytes(batch.build()), CONTROL)

    def put(self, batch: bytes, attributes: int) -> None:
        """Appends an encoded batch with additional attributes."""
        made = bytearray(batch)
        made[:8] = pack(">q", self.end)
        made[_ATTRIBUTES] = pack(">h", int.from_bytes(made[_ATTRIBUTES], "big") | attributes)
        made[_CHECKSUM] = pack(">I", calc_crc32c(bytes(made[_ATTRIBUTES.start :])))
        self.data += bytes(made)
        self.end += int.from_bytes(made[_LAST_OFFSET], "big") + 1
        self.ends.append((self.end, len(self.data)))

    def answer(self, start: int) -> bytes:
        """A broker's answer: from the batch that contains `start`."""
        return self.data[max((size for end, size in self.ends if end <= start), default=0) :]


def read(
    log: Log, start: int = 0, aborted: Sequence[tuple[int, int]] = (), place: tuple[str, int] = PLACE
) -> list[RecordBatch]:
    """All batches from `start` on."""
    return read_batches(place, start, log.data, aborted)[0]
