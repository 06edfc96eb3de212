"""How many processes work in a consumer group, asked by one that does not: over a connection of its own."""

from confluent_kafka.admin import AdminClient

from pointsman.bus import rdkafka
from pointsman.bus.reach import PATIENCE_S, reach


async def count_members(bootstrap: str, group: str) -> int:
    """The group's members; one that was killed counts until its session has timed out.

    Raises:
        BusError: the cluster did not answer, or refused.
    """
    await reach(bootstrap)
    admin = AdminClient(rdkafka.settings(bootstrap))
    asked = admin.describe_consumer_groups([group], request_timeout=PATIENCE_S)
    return len((await rdkafka.answer(bootstrap, asked[group], PATIENCE_S)).members)
