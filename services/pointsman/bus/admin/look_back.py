"""The offset from which a lane must read to see all records of a given time before its position."""

from datetime import UTC, datetime, timedelta

from pointsman.bus.places import Place
from pointsman.bus.read.partitions import Partitions

#: How far behind a lane may be, tried one after another: mostly it is not behind at all.
_BEHIND = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=15),
    timedelta(hours=2),
    timedelta(days=1),
    timedelta(days=7),
)


async def looked_back(partitions: Partitions, place: Place, next_offset: int, span: timedelta) -> int:
    """An offset before which everything came more than `span` before the record at `next_offset`.

    By the broker's clock: this machine's says only where to try. At the earliest where the partition begins.

    Raises:
        KafkaError: the brokers do not say.
    """
    now = datetime.now(UTC)
    for behind in _BEHIND:
        if (await partitions.resolve([place], now - behind))[place] <= next_offset:
            begins = await partitions.resolve([place], now - behind - span)
            return min(next_offset, begins[place])
    return await partitions.first(place)
