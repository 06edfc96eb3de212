"""Counts the members of a consumer group, over a separate connection."""

from pointsman.bus.admin import rdkafka
from pointsman.bus.tcp_check import PATIENCE_S
from pointsman.runtime.settings import KafkaPart


async def count_members(settings: KafkaPart, group: str) -> int:
    """Return the number of members. A killed one counts until its session times out.

    Raises:
        BusError: the cluster did not answer, or refused.
    """
    admin = await rdkafka.admin(settings)
    futures = admin.describe_consumer_groups([group], request_timeout=PATIENCE_S)
    return len((await rdkafka.answer(settings, futures[group], PATIENCE_S)).members)
