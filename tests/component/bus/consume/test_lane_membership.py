"""Whether a consumer is in its group, as a real broker says it."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from pointsman.bus.admin.topics import apply
from pointsman.bus.consume.membership import is_member
from pointsman.bus.consume.poll import consumer_of
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def test_a_consumer_is_in_its_group_from_joining_to_leaving(kafka: Kafka) -> None:
    topic, group = Topics(kafka.prefix).limits, f"{kafka.prefix}.g"
    await apply(kafka.settings, [topic])
    consumer = consumer_of(LanePart(kafka=kafka.bootstrap, session_timeout_ms=6_000), group)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        assert not await is_member(admin, consumer, group)
        consumer.subscribe([topic.name])
        await consumer.start()
        async with asyncio.timeout(20):
            while not await is_member(admin, consumer, group):  # noqa: ASYNC110  # it joins in its own time
                await asyncio.sleep(0.05)
        await consumer.stop()
        assert not await is_member(admin, consumer, group)
    finally:
        await consumer.stop()
        await admin.close()
