"""The state of one partition, shared by its lanes, one for each input topic; one lane uses it at a time.

Invariants:
- Between two steps it equals the changelog at the committed offsets. A step that does not commit discards it,
  and the next one restores it.
- It is valid for one group generation: after a rebalance another process may have owned the partition and
  written effects of time, which move no offset.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType

from aiokafka import TopicPartition

from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.consume.state.handler import LARGEST_CHANGE, Effects, StateHandler
from pointsman.bus.produce.lane_writer import LaneWriter
from pointsman.bus.protocol.transaction_requests import Membership
from pointsman.runtime.clock import Clock
from pointsman.runtime.metrics import STATE_BYTES, STATE_ENTRIES

_EVERY_S, _MOST_S = 1.0, 60.0


class BadChangeError(Exception):
    """A handler returned an invalid change."""


class RecordGivenUpError(Exception):
    """The handler failed on every attempt; see the cause for the last one."""


class _State:
    """`values`: restored under `membership`, with all later changes. `size`: in bytes."""

    def __init__(self, membership: Membership, values: dict[bytes, bytes], handler: StateHandler) -> None:
        self.membership = membership
        self.values = values
        self.view = MappingProxyType(values)
        self.handler = handler
        self.size = sum(len(key) + len(value) for key, value in values.items())

    def change(self, key: bytes, value: bytes | None) -> None:
        before = self.values.pop(key, None)
        if before is not None:
            self.size -= len(key) + len(before)
        if value is not None:
            self.values[key] = value
            self.size += len(key) + len(value)


class StateTable:
    """Runs the handler for a partition's lanes. `lock`: held by the lane at work, until its commit.

    `inputs`: the topics of the lanes. `read`: restores the values from the changelog.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        changelog: TopicPartition,
        make_handler: Callable[[int], StateHandler],
        clock: Clock,
        read: Callable[[], Awaitable[dict[bytes, bytes]]],
    ) -> None:
        self._inputs = inputs
        self.changelog = changelog
        self._read = read
        self.lock = asyncio.Lock()
        self._make_handler = make_handler
        self._clock = clock
        self._state: _State | None = None
        #: The handler's latest error.
        self.failed: BaseException | None = None
        self._due_at = 0.0
        self._due_again_s = _EVERY_S

    def is_restored(self, membership: Membership) -> bool:
        """Whether there is a state that is valid under this membership."""
        return self._state is not None and self._state.membership == membership

    @property
    def due_in_s(self) -> float:
        """Seconds until `due` is to be called."""
        return max(0.0, self._due_at - time.monotonic())

    async def restore(self, writer: LaneWriter) -> None:
        """Restore the state if it was discarded or the membership changed. `writer`: that of a lane.

        Raises: as `read`.
        """
        while not self.is_restored(writer.membership):
            self._state, membership = None, writer.membership
            # An abandoned lane may have a write in flight that is not in the changelog yet.
            await writer.wait_for_writes_of(self._inputs)
            values = await self._read()
            self._state = _State(membership, values, self._make_handler(self.changelog.partition))
            self.measure()

    def discard(self) -> None:
        """Discard the state, as it may differ from the changelog.

        A running step goes on with its own copy.
        """
        self._state = None

    def measure(self) -> None:
        """Export the state's size as metrics."""
        if self._state is not None:
            STATE_ENTRIES.labels(*self.changelog).set(len(self._state.values))
            STATE_BYTES.labels(*self.changelog).set(self._state.size)

    def handle_records(self, records: Sequence[Incoming]) -> list[Made]:
        """Return all outputs for `records`, changes included, which are applied to the state."""
        state, output = self._present(), list[Made]()
        try:
            for record in records:
                output += self._changed(state, state.handler.handle(record, state.view))
        except BaseException as error:
            self.failed = error
            raise
        return output

    def due(self) -> list[Outgoing]:
        """Return all effects of the time. If there are any, it is to be called again at once."""
        state = self._present()
        output = self._changed(state, state.handler.due(self._clock(), state.view))
        self._due_at = time.monotonic() + (0.0 if output else _EVERY_S)
        return output

    def due_done(self) -> None:
        """Note that the effects of time are written."""
        self._due_again_s = _EVERY_S

    def due_failed(self) -> float:
        """Note that the effects of time failed; return the seconds until the next attempt."""
        again_s, self._due_again_s = self._due_again_s, min(self._due_again_s * 2, _MOST_S)
        self._due_at = time.monotonic() + again_s
        return again_s

    def fail(self, record: Incoming) -> list[Outgoing]:
        """Raise, so that the lane writes a dead letter."""
        raise RecordGivenUpError(f"{record.topic}/{record.partition}@{record.offset}") from self.failed

    def remember_records(self, records: Sequence[Incoming]) -> None:
        """Do nothing: earlier records are in the changelog."""

    def remember_batch(self, batch: RecordBatch) -> bool:
        """Do nothing, as `remember_records`."""
        return True

    def handle_batches(self, batches: Sequence[RecordBatch]) -> None:
        """Return None: records are handled one by one."""

    def _present(self) -> _State:
        assert self._state is not None, "not restored"
        return self._state

    def _changed(self, state: _State, effects: Effects) -> list[Outgoing]:
        records, changes = effects
        if any(record.topic == self.changelog.topic for record in records):
            raise BadChangeError("a record for the changelog that is not among the changes")
        keyed = [(change.key, self._seen(change)) for change in changes if change.key is not None]
        if len(keyed) < len(changes):
            raise BadChangeError("a change without a key")
        for key, change in keyed:
            state.change(key, change.value)
        return [*records, *changes]

    def _seen(self, change: Outgoing) -> Outgoing:
        if change.topic != self.changelog.topic:
            raise BadChangeError(f"a change for {change.topic}, which is not the changelog")
        size = len(change.key or b"") + len(change.value or b"")
        size += sum(len(name) + len(content) for name, content in change.headers)
        if size > LARGEST_CHANGE:
            raise BadChangeError(f"a change of {size:,} bytes; at most {LARGEST_CHANGE:,} are kept of a key")
        return change
