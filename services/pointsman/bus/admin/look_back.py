"""Finds the offset from which a lane must read to see all records of a time span before its position."""

from datetime import UTC, datetime, timedelta

from pointsman.bus.partition import Partition
from pointsman.bus.read.partitions import Partitions

#: Guesses of how far a lane is behind, tried in this order: usually it is not behind.
_BEHIND = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=15),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=7),
)


async def looked_back(partitions: Partitions, place: Partition, next_offset: int, span: timedelta) -> int:
    """Return an offset before which all records precede the one at `next_offset` by more than `span`.

    By the broker's clock; the local clock only provides guesses. At the earliest the partition's first
    offset.

    Raises:
        KafkaError: no broker gave a valid response.
    """
    now = datetime.now(UTC)
    for behind in _BEHIND:
        if (await partitions.resolve([place], now - behind))[place] <= next_offset:
            begins = await partitions.resolve([place], now - behind - span)
            return min(next_offset, begins[place])
    return await partitions.first(place)
