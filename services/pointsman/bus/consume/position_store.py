"""The interface of the audit reader's store: records and positions are stored together."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pointsman.bus.admin.topic_ids import TopicId
from pointsman.bus.codec.records import Incoming
from pointsman.bus.places import Place


class MovedError(Exception):
    """The store's position is not where this reader left it."""


class TopicsChangedError(Exception):
    """These topics are not those that were read before: they were recreated, or are another cluster's."""

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__(", ".join(sorted(topics)))
        self.topics = frozenset(topics)


class UnavailableError(Exception):
    """The store cannot be reached now; the same batch may be tried again.

    `broke`: the connection ended while the batch was being stored.
    """

    def __init__(self, problem: str, *, broke: bool = False) -> None:
        super().__init__(problem)
        self.broke = broke


class Store(Protocol):
    """Stores records and the reader's positions."""

    async def positions(self, places: Sequence[Place], ids: Mapping[str, TopicId]) -> Mapping[Place, int]:
        """The next offset of each place that has one.

        Raises:
            TopicsChangedError, UnavailableError
        """

    async def lose(self, place: Place, expected: int, next: int) -> None:
        """Put on record that what stood from `expected` to before `next` was never read, and move there.

        Raises:
            MovedError, UnavailableError
        """

    async def append(
        self,
        batches: Mapping[Place, Sequence[Incoming]],
        expected: Mapping[Place, int | None],
        ends: Mapping[Place, int],
        *,
        bare: bool = False,
    ) -> None:
        """Store all or nothing, and move each place from `expected` to its end.

        `bare`: of each record its place and digest alone, as nothing more of it can be stored.

        Raises:
            MovedError, UnavailableError: nothing was stored.
        """


def halved(batches: Mapping[Place, list[Incoming]]) -> dict[Place, list[Incoming]] | None:
    """The first half: of the places, or of the records of the only one; None for a single record."""
    places = list(batches)
    if len(places) > 1:
        return {place: batches[place] for place in places[: len(places) // 2]}
    ((place, records),) = batches.items()
    return {place: records[: len(records) // 2]} if len(records) > 1 else None
