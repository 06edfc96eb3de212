"""What a listener does after each read is done again later if it fails, and no record is taken twice."""

import asyncio

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import TopicListener
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def test_work_after_a_read_that_failed_is_done_again(kafka: Kafka) -> None:
    topic, done = Topics(kafka.prefix).control, asyncio.Event()
    await apply(kafka.settings, [topic])
    values: list[bytes | None] = []
    failures: list[str] = []

    def take(record: Incoming) -> None:
        values.append(record.value)

    async def publish() -> None:
        if not values:
            return
        if not failures:
            failures.append("once")
            raise BusError("the topic cannot be written")
        done.set()

    settings = LanePart(**kafka.settings.model_dump())
    listener = TopicListener(settings, [topic], take, after=publish)
    async with asyncio.timeout(60), listener.running():
        await listener.caught_up.wait()
        async with Publisher(kafka.settings) as publisher:
            await publisher.publish([Outgoing(topic.name, b"key", b"value", [])])
        await done.wait()
        assert (values, failures, listener.problem) == ([b"value"], ["once"], None)
