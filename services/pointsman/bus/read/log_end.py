"""Reads the last messages of a topic with one partition, once."""

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.partition import Start
from pointsman.bus.read.follow import Follower, follow
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.base import Message
from pointsman_schemas.topic import Topic


async def log_end(settings: KafkaPart, topic: Topic, most: int | None) -> list[tuple[int, int, Message]]:
    """Return offset, broker time in milliseconds and message of the last `most` records; None: of all.

    Raises:
        KafkaUnavailableError, TopicMissingError, BusError: the topic cannot be read.
    """
    start: Start = "beginning"
    if most is not None:
        async with Follower(settings, [topic.name], start="end", until_end=True) as follower:
            start = {place: max(0, end - most) for place, end in follower.offsets.items()}
    records = []
    async for record in follow(
        settings, [topic.name], start=start, isolation="read_uncommitted", until_end=True
    ):
        decoded = decode(record)
        if isinstance(decoded, Decoded):
            records.append((record.offset, record.timestamp_ms, decoded.message))
    return records
