"""Publishes the chunks of a streamed answer: gathered briefly, then sent without waiting.

Invariants:
- Events are sent within `GATHER_S`; at once, if nothing was sent for that long.
- Sending never waits: a chunk that cannot be sent is dropped, which its reader sees by the index.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from uuid import UUID

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Outgoing
from pointsman.runtime.clock import Clock
from pointsman_schemas.base import Json
from pointsman_schemas.chunks import MOST_EVENTS, JobChunk
from pointsman_schemas.envelope import Envelope, envelope_after
from pointsman_schemas.ids import uuid7
from pointsman_schemas.topic import Topic

GATHER_S = 0.02
#: Sent at once when so many bytes are gathered.
_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChunks:
    """Where the chunks of one job's answer go; `send` publishes or drops a record, without waiting."""

    send: Callable[[Outgoing], object]
    topic: Topic
    cause: Envelope
    root: tuple[str, int, int]
    source: str
    job_id: UUID
    agent_id: str
    clock: Clock

    def of_call(self) -> "CallChunks":
        """For the pieces of another call: its answer begins anew."""
        call = uuid7(self.clock())

        def send(index: int, events: Sequence[Json]) -> None:
            self.send(self._record(call, index, events))

        return CallChunks(send)

    def _record(self, call: UUID, index: int, events: Sequence[Json]) -> Outgoing:
        chunk = JobChunk(
            job_id=self.job_id, agent_id=self.agent_id, call=call, index=index, events=tuple(events)
        )
        step = f"chunk:{call}:{index}"
        envelope = envelope_after(
            self.cause, self.root, step=step, source=self.source, type=chunk.TYPE, time=self.clock()
        )
        return emit(self.topic, str(self.job_id).encode(), envelope, chunk)


class CallChunks:
    """The chunks of one call. `first_at`: `perf_counter` at the first event. `partial`: the answer so far."""

    def __init__(self, send: Callable[[int, Sequence[Json]], None]) -> None:
        self.first_at: float | None = None
        self.partial: Json | None = None
        self._send = send
        self._index = 0
        self._gathered: list[Json] = []
        self._bytes = 0
        self._sent_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def add(self, events: Sequence[Json], size: int) -> None:
        """Add events that arrived together, `size` bytes in all."""
        if not events:
            return
        if self.first_at is None:
            self.first_at = perf_counter()
        self._gathered += events
        self._bytes += size
        loop = asyncio.get_running_loop()
        remaining_s = self._sent_at + GATHER_S - loop.time()
        if remaining_s <= 0 or self._bytes >= _MOST_BYTES or len(self._gathered) >= MOST_EVENTS:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_later(remaining_s, self.flush)

    def flush(self) -> None:
        """Send what is gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for at in range(0, len(self._gathered), MOST_EVENTS):
            self._send(self._index, self._gathered[at : at + MOST_EVENTS])
            self._index += 1
        self._gathered.clear()
        self._bytes = 0
        self._sent_at = asyncio.get_running_loop().time()
