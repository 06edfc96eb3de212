"""A lane's transactions on a real broker: no record in them is refused and sent a second time."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NoError, for_code
from aiokafka.producer.sender import SendProduceReqHandler

from pointsman.bus.admin import apply
from pointsman.bus.lane_writer import LaneWriter
from pointsman.bus.records import Outgoing
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack

TIERS = ("small", "medium", "frontier")
TRANSACTIONS = 150


async def test_no_record_of_a_transaction_is_refused(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Counter[type[Exception]] = Counter()

    before = SendProduceReqHandler.handle_response

    def handle_response(self: Any, response: Any) -> Any:
        answers.update(for_code(part[1]) for _, parts in response.topics for part in parts)
        return before(self, response)

    monkeypatch.setattr(SendProduceReqHandler, "handle_response", handle_response)
    topics = Topics(kafka.prefix)
    await apply(kafka.bootstrap, topics.all(TIERS))
    settings = LanePart(kafka=kafka.bootstrap, prefix=kafka.prefix)

    async def work(partition: int) -> None:
        lane = TopicPartition(topics.intake.name, partition)
        writer = await LaneWriter.open(settings, f"{kafka.prefix}.router", lane)
        try:
            for number in range(TRANSACTIONS):
                key = b"%d" % number
                await writer.write(
                    [Outgoing(topics.tier(tier).name, key, key, []) for tier in TIERS], number + 1
                )
        finally:
            await writer.close()

    await asyncio.gather(*map(work, range(topics.intake.partitions)))
    assert answers == {NoError: topics.intake.partitions * TRANSACTIONS * len(TIERS)}
