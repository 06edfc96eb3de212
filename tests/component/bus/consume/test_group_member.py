"""Group membership as a real broker reports it."""

import asyncio

import pytest
from aiokafka import TopicPartition

from pointsman.bus.admin.topics import apply
from pointsman.bus.consume.group_member import group_member
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def test_a_consumer_is_in_its_group_from_joining_to_leaving(kafka: Kafka) -> None:
    topic, group = Topics(kafka.prefix).limits, f"{kafka.prefix}.g"
    await apply(kafka.settings, [topic])
    owned: list[set[TopicPartition]] = []

    async def assigned(partitions: set[TopicPartition]) -> None:
        owned.append(partitions)

    async with group_member(LanePart(kafka=kafka.bootstrap, session_timeout_ms=6_000), group) as member:
        assert not await member.is_member()
        await member.join(assigned, topics=[topic.name])
        async with asyncio.timeout(20):
            await member.settled.wait()
            while not await member.is_member():  # noqa: ASYNC110  # it joins in its own time
                await asyncio.sleep(0.05)
        assert owned[-1] == member.consumer.paused() != set()
        await member.consumer.stop()
        assert not await member.is_member()
