"""Reads how far a group has got on its topic, from offsets alone; no records are read.

Transaction markers take offsets too, so the remainder is an upper bound; `bus.admin.lag` counts records.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pointsman.bus import connection
from pointsman.bus.admin.committed import committed_offsets
from pointsman.bus.admin.lag import WatchedTopic, span_of
from pointsman.bus.errors import KafkaUnavailableError
from pointsman.bus.partition import EARLIEST, LATEST
from pointsman.bus.read.partitions import Partitions
from pointsman.runtime.settings import KafkaPart

#: Time limit for one response, in seconds.
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class TopicProgress:
    """Sums over a topic's partitions: the end offsets, and the finished offsets."""

    end: int
    done: int

    @property
    def remaining(self) -> int:
        """An upper bound on the unfinished records."""
        return max(0, self.end - self.done)


class ProgressReader:
    """Reads progress over one connection, which stays open."""

    def __init__(self, settings: KafkaPart, admin: AIOKafkaAdminClient) -> None:
        self._kafka = settings.kafka
        self._admin = admin
        self._partitions = Partitions(admin._client, within=PATIENCE_S, user=settings.kafka_username)

    async def read(self, watched: Sequence[WatchedTopic]) -> dict[str, TopicProgress]:
        """Return the progress by topic.

        Raises:
            BusError: it could not be read.
        """
        try:
            places = await self._partitions.all({target.topic for target in watched})
            first = await self._partitions.offsets(dict.fromkeys(places, EARLIEST))
            end = await self._partitions.offsets(dict.fromkeys(places, LATEST))
            committed = {
                target.topic: await committed_offsets(self._admin, target.group, within=PATIENCE_S)
                for target in watched
            }
        except (KafkaError, OSError) as error:
            raise KafkaUnavailableError(self._kafka, PATIENCE_S, repr(error)) from error
        progress = {}
        for target in watched:
            own = [place for place in places if place[0] == target.topic]
            total = sum(end[place] for place in own)
            spans = (span_of(first[place], end[place], committed[target.topic].get(place)) for place in own)
            progress[target.topic] = TopicProgress(total, total - sum(span.waiting for span in spans))
        return progress


@contextlib.asynccontextmanager
async def progress_reader(settings: KafkaPart) -> AsyncIterator[ProgressReader]:
    """Return a connected reader.

    Raises:
        BusError: no broker answers.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            admin = await stack.enter_async_context(connection.connected_admin(settings, PATIENCE_S))
        except (KafkaError, OSError) as error:
            raise KafkaUnavailableError(settings.kafka, PATIENCE_S, repr(error)) from error
        yield ProgressReader(settings, admin)
