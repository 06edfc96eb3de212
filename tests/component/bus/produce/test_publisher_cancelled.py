"""A publisher that is cancelled at any moment leaves no open connection."""

import asyncio
import gc
import warnings

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def _publish_one(kafka: Kafka) -> None:
    async with Publisher(kafka.settings) as publisher:
        await publisher.publish([Outgoing(Topics(kafka.prefix).dead.name, None, b"x", [])])


async def test_no_connection_stays_open(kafka: Kafka) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).dead])
    cancelled = 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        while True:
            publishing = asyncio.create_task(_publish_one(kafka))
            done, _ = await asyncio.wait([publishing], timeout=cancelled / 5_000)
            if done:
                break
            cancelled += 1
            publishing.cancel()
            await asyncio.wait([publishing])
        gc.collect()
    assert cancelled > 10
    assert [str(warning.message) for warning in warned if warning.category is ResourceWarning] == []
