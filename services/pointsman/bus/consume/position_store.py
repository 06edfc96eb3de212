"""The interface of the audit reader's store: records and positions are stored together."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.codec.records import Incoming
from pointsman.bus.partition import Offsets, Partition


class MovedError(Exception):
    """The store's position is not the one that this reader expects."""


class TopicsChangedError(Exception):
    """These topics were recreated, or are another cluster's: they are not those read before."""

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__(", ".join(sorted(topics)))
        self.topics = frozenset(topics)


class UnavailableError(Exception):
    """The store cannot be reached; the same batch may be tried again.

    `broke`: the connection ended while the batch was being stored.
    """

    def __init__(self, problem: str, *, broke: bool = False) -> None:
        super().__init__(problem)
        self.broke = broke


class Store(Protocol):
    """Stores records and the reader's positions. `places`: the reader's partitions."""

    async def positions(self, places: Sequence[Partition], ids: Mapping[str, TopicId]) -> Offsets:
        """The next offset to store of each partition that has one. `ids`: of the partitions' topics.

        Raises:
            TopicsChangedError: topics with other ids were stored under these names.
            UnavailableError: try again.
        """

    async def record_loss(self, place: Partition, expected: int, next: int) -> None:
        """Record that the offsets from `expected` to before `next` were deleted unread, and move there.

        Raises:
            MovedError, UnavailableError: as `append`.
        """

    async def append(
        self,
        batches: Mapping[Partition, Sequence[Incoming]],
        expected: Mapping[Partition, int | None],
        ends: Mapping[Partition, int],
        *,
        bare: bool = False,
    ) -> None:
        """Store all batches or none, and move each partition from `expected` to its end.

        `bare`: store only offset and digest of each record, as the rest cannot be stored.

        Raises:
            MovedError, UnavailableError: nothing was stored.
        """


def halved(batches: Mapping[Partition, list[Incoming]]) -> dict[Partition, list[Incoming]] | None:
    """The first half: of the partitions, or of the records of the only one; None for a single record."""
    places = list(batches)
    if len(places) > 1:
        return {place: batches[place] for place in places[: len(places) // 2]}
    ((place, records),) = batches.items()
    return {place: records[: len(records) // 2]} if len(records) > 1 else None
