"""A double of the reader of `gateway.requests`, which returns what was written before it was opened."""

from collections.abc import Sequence
from typing import Any

from pointsman.bus.codec.records import Incoming, Outgoing


def follower_of(written: Sequence[Outgoing], topic: str) -> type[Any]:
    """A class that replaces `Follower` and returns the records in `written` for `topic`."""

    class Follower:
        def __init__(self, *_: object, **__: object) -> None:
            self.ended = False

        async def __aenter__(self) -> "Follower":
            self._records = [sent for sent in written if sent.topic == topic]
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def read(self) -> list[Incoming]:
            self.ended = True
            return [
                Incoming(sent.topic, 0, at, 0, sent.key, sent.value, tuple(sent.headers))
                for at, sent in enumerate(self._records)
            ]

    return Follower
