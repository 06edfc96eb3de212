"""Records for one partition, encoded and compressed as in a Kafka batch (record format 2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam

from pointsman.bus.codec.record_format import read_record
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.protocol.wire import WireReader

#: zstd's level. Level 3, the broker's default, makes routed jobs 7 % smaller in 15 % more time.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """`count` records that fit one batch. `content`: the bytes after the batch's header.

    `partition`: the target, modulo the topic's partitions; saves hashing keys where order does not matter.
    """

    topic: str
    partition: int
    count: int
    content: bytes

    def unpack(self) -> list[Outgoing]:
        """Return the single records."""
        reader = WireReader(bytes(cramjam.zstd.decompress(self.content)))
        records = []
        for _ in range(self.count):
            _, _, key, value, headers = read_record(reader)
            records.append(Outgoing(self.topic, key, value, list(headers)))
        return records


#: An output of a lane.
Made = Outgoing | EncodedBatch


def compressed(records: Any) -> bytes:
    """Return the content of a batch. `records`: a buffer with consecutive encoded records."""
    return bytes(cramjam.zstd.compress(records, level=_LEVEL))


def unpacked(records: Iterable[Made]) -> Iterator[Outgoing]:
    """Yield all records one by one."""
    for item in records:
        if isinstance(item, EncodedBatch):
            yield from item.unpack()
        else:
            yield item
