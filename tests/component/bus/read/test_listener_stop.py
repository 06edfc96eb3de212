"""A listener ends when it is told to, also while its client is closing."""

import asyncio
import contextlib

import pytest
from aiokafka.client import AIOKafkaClient

from pointsman.bus.admin.topics import apply
from pointsman.bus.read.commands import TopicListener
from pointsman.bus.settings import LanePart
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka

pytestmark = pytest.mark.stack


async def test_a_cancellation_that_a_closing_client_swallows_still_ends_it(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, closing = Topics(kafka.prefix).control, asyncio.Event()
    await apply(kafka.settings, [topic])
    close = AIOKafkaClient.close

    async def close_slowly(client: AIOKafkaClient) -> None:
        if not closing.is_set():  # as aiokafka does if its own task ends late
            closing.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(600)
        await close(client)

    monkeypatch.setattr(AIOKafkaClient, "close", close_slowly)
    settings = LanePart(**kafka.settings.model_dump())
    async with asyncio.timeout(60):
        async with TopicListener(settings, [topic], lambda _: None).running():
            await closing.wait()
