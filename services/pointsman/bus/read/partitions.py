"""The partitions of topics: their first and end offsets, and the offset at a time."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import assert_never

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, LeaderNotAvailableError, NoError, for_code
from aiokafka.structs import TopicPartition

from pointsman.bus.errors import TopicMissingError
from pointsman.bus.partition import EARLIEST, LATEST, Partition, Start, Topics
from pointsman.bus.protocol.offset_requests import list_offsets

#: How long a new topic may take to be known, in seconds.
_TOPIC_S = 3.0
_PAUSE_S = 0.1
#: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, OFFSET_NOT_AVAILABLE: the client has no names for them.
_LEADER_CHANGES = (74, 75, 78)


class Partitions:
    """Queries brokers through a connected client. `committed_only`: the end is the last stable offset.

    `within`: seconds for each request. `user`: the client's login, if it has one.
    """

    def __init__(
        self, client: AIOKafkaClient, *, within: float, committed_only: bool = True, user: str = ""
    ) -> None:
        self._user = user
        self._client = client
        self._within = within
        self._committed_only = committed_only

    async def existing(self, topics: Topics) -> set[Partition]:
        """Return the partitions that `topics` have now; a missing topic has none.

        Raises:
            KafkaError: no broker answers.
        """
        cluster = await self._client.fetch_all_metadata()
        names = cluster.topics()
        topic_names = filter(topics.match, names) if isinstance(topics, re.Pattern) else set(topics) & names
        return {(name, number) for name in topic_names for number in cluster.partitions_for_topic(name) or ()}

    async def all(self, topics: Topics) -> set[Partition]:
        """Return the partitions as `existing`; each named topic must exist.

        Raises:
            KafkaError: no broker answers.
            TopicMissingError: a named topic does not exist.
        """
        give_up = time.monotonic() + _TOPIC_S
        while True:
            partitions = await self.existing(topics)
            missing = (
                set() if isinstance(topics, re.Pattern) else set(topics) - {topic for topic, _ in partitions}
            )
            if not missing:
                return partitions
            if time.monotonic() > give_up:
                raise TopicMissingError(missing, self._user)
            await asyncio.sleep(_PAUSE_S)

    async def offsets(self, times: Mapping[Partition, int]) -> dict[Partition, int]:
        """Return offsets as `list_offsets` does; a partition whose leader changes is queried again.

        Raises:
            KafkaError: no response in time, or a refusal.
        """
        give_up = time.monotonic() + self._within
        offsets_found: dict[Partition, int] = {}
        while unresolved := {place: at for place, at in times.items() if place not in offsets_found}:
            error = await self._ask(unresolved, offsets_found)
            if error is None:
                continue
            if time.monotonic() > give_up or not error.retriable:
                raise error
            await asyncio.sleep(_PAUSE_S)
            await self._client.force_metadata_update()
        return offsets_found

    async def first(self, place: Partition) -> int:
        """Return a partition's first offset; raises as `offsets`."""
        return (await self.offsets({place: EARLIEST}))[place]

    async def _ask(
        self, times: Mapping[Partition, int], offsets_found: dict[Partition, int]
    ) -> KafkaError | None:
        """Query each leader once; return an error if there was one."""
        leaders: dict[int, dict[Partition, int]] = {}
        first_error: KafkaError | None = None
        for place, at in times.items():
            leader = self._client.cluster.leader_for_partition(TopicPartition(*place))
            if leader in (None, -1):
                first_error = LeaderNotAvailableError(f"{place[0]}-{place[1]}")
            else:
                leaders.setdefault(leader, {})[place] = at
        for leader, positions in leaders.items():
            request = list_offsets(positions, committed_only=self._committed_only)
            try:
                answered = await self._client.send(leader, request)
            except KafkaError as error:
                first_error = error
                continue
            for place, (code, offset) in answered.items():
                kind = for_code(code)
                if kind is NoError:
                    offsets_found[place] = offset
                elif code in _LEADER_CHANGES:
                    first_error = LeaderNotAvailableError(f"{place[0]}-{place[1]}")
                else:
                    first_error = kind(f"{place[0]}-{place[1]}")
        return first_error

    async def resolve(self, places: Collection[Partition], start: Start) -> dict[Partition, int]:
        """Return each place's offset for `start`; its first one if `start` does not name it.

        An offset that the partition no longer or not yet has is replaced by its first one.

        Raises:
            KafkaError: as `offsets`.
        """
        match start:
            case "beginning":
                return await self.offsets(dict.fromkeys(places, EARLIEST))
            case "end":
                return await self.offsets(dict.fromkeys(places, LATEST))
            case datetime():
                at_ms = max(0, int(start.timestamp() * 1000))
                offsets = await self.offsets(dict.fromkeys(places, at_ms))
                none_yet = [place for place, offset in offsets.items() if offset < 0]
                return offsets | await self.offsets(dict.fromkeys(none_yet, LATEST))
            case Mapping():
                first = await self.offsets(dict.fromkeys(places, EARLIEST))
                named = [place for place in places if start.get(place, 0) > first[place]]
                end = await self.offsets(dict.fromkeys(named, LATEST))
                return first | {place: start[place] for place in named if start[place] <= end[place]}
            case _:
                assert_never(start)
