"""Submit jobs at a steady rate, and record which of them Kafka acknowledged."""

import asyncio
import json
import random
import time
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.produce.publisher import Publisher
from pointsman.dev import samples
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topic import Topic

_TICK_S = 0.1
_CHUNK = 500
#: Waits for acknowledgements through any outage: a job of unknown fate could not be compared.
_WITHIN_S = 300.0


class SampleLoad:
    """Sample jobs under new ids. Of a hundred, five have an order key and one asks for an unknown tier.

    `submitted` holds the ids of acknowledged jobs.
    """

    def __init__(self, kafka: KafkaPart, intake: Topic, seed: int) -> None:
        self._kafka = kafka
        self._jobs = _jobs(intake, random.Random(seed))
        self.submitted: list[str] = []

    async def at_once(self, count: int) -> None:
        """Submit `count` jobs as fast as possible."""
        async with Publisher(self._kafka) as publisher:
            for first in range(0, count, _CHUNK):
                await self._publish(publisher, min(_CHUNK, count - first))

    async def steadily(self, rate: float, seconds: float) -> None:
        """Submit `rate` jobs per second."""
        began, sent = time.monotonic(), 0
        async with Publisher(self._kafka) as publisher:
            while sent < int(rate * seconds):
                due = int(min(rate * (time.monotonic() - began), rate * seconds)) - sent
                if due > 0:
                    await self._publish(publisher, due)
                    sent += due
                await asyncio.sleep(_TICK_S)

    async def _publish(self, publisher: Publisher, count: int) -> None:
        batch = list(islice(self._jobs, count))
        records = [record for _, record in batch]
        while True:
            try:
                await publisher.publish(records, within=_WITHIN_S)
                break
            except KafkaUnavailableError:  # nothing was sent; the broker was killed and will restart
                await asyncio.sleep(_TICK_S)
        self.submitted += [job_id for job_id, _ in batch]


def _jobs(intake: Topic, chance: random.Random) -> Iterator[tuple[str, Outgoing]]:
    bodies = samples.load()
    number = 0
    while True:
        for job_body in bodies:
            job_id = str(UUID(int=chance.getrandbits(128), version=4))
            body = {**job_body, "job_id": job_id}
            if number % 20 == 7:
                body["order_key"] = f"order-{number % 7}"
            if number % 100 == 50:
                body["tier"] = "gigantic"
            key = str(body.get("order_key", job_id)).encode()
            yield job_id, Outgoing(intake.name, key, json.dumps(body).encode(), [])
            number += 1
