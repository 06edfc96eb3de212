"""All files and batches, folded from their topic; every process has all of them.

Invariants:
- After `caught_up` everything written before is visible.
- An ended batch stays ended, even if a process still works on it; a deleted file stays deleted.
"""

from contextlib import AbstractAsyncContextManager
from typing import assert_never

from pointsman.bus.codec.emit import emit_own
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.settings import LanePart
from pointsman.runtime.clock import Clock
from pointsman_schemas.control.batches import BatchCancel, BatchChanged, BatchSubmitted, FileKept
from pointsman_schemas.topics import Topics

BatchMessage = FileKept | BatchSubmitted | BatchCancel | BatchChanged
_KINDS: tuple[type[BatchMessage], ...] = (FileKept, BatchSubmitted, BatchCancel, BatchChanged)


class BatchBoard:
    """The process's view of files and batches; use it inside `running`."""

    def __init__(self, settings: LanePart, topics: Topics, publisher: Publisher, clock: Clock) -> None:
        self._topic = topics.batches
        self._listener = MessageListener(settings, self._topic, _KINDS, lambda message, _: self.fold(message))
        self._publisher = publisher
        self._clock = clock
        self.files: dict[str, FileKept] = {}
        self.batches: dict[str, BatchSubmitted] = {}
        self.cancels: dict[str, BatchCancel] = {}
        self.states: dict[str, BatchChanged] = {}

    def running(self) -> AbstractAsyncContextManager[None]:
        """Follow the topic while inside."""
        return self._listener.running()

    async def caught_up(self) -> None:
        """Return when everything written until now has been read.

        Raises:
            BusError: the topic cannot be read.
        """
        await self._listener.catch_up()

    async def write(self, *messages: BatchMessage) -> None:
        """Publish messages to all processes; this one sees them at once.

        Raises:
            BusError: some or all of them were not written.
        """
        await self._publisher.publish([self._record(message) for message in messages])
        for message in messages:
            self.fold(message)

    def file(self, file_id: str) -> FileKept | None:
        """The file, if it is known and was not deleted."""
        file = self.files.get(file_id)
        return None if file is None or file.deleted_at is not None else file

    def open_batches(self, agent_id: str) -> list[BatchSubmitted]:
        """Return the agent's batches that have not ended."""
        ours = (batch for batch in self.batches.values() if batch.agent_id == agent_id)
        return [batch for batch in ours if not self.is_over(batch.batch_id)]

    def is_over(self, batch_id: str) -> bool:
        """Whether the batch has ended."""
        state = self.states.get(batch_id)
        return state is not None and state.status != "in_progress"

    def fold(self, message: BatchMessage) -> None:
        """Apply a message; applying it again changes nothing."""
        match message:
            case FileKept() if message.deleted_at is not None:
                self.files[message.file_id] = message
            case FileKept():
                self.files.setdefault(message.file_id, message)
            case BatchSubmitted():
                self.batches.setdefault(message.batch_id, message)
            case BatchCancel():
                self.cancels.setdefault(message.batch_id, message)
            case BatchChanged():
                if not self.is_over(message.batch_id):
                    self.states[message.batch_id] = message
            case _:
                assert_never(message)

    def _record(self, message: BatchMessage) -> Outgoing:
        agent_id = message.agent_id
        return emit_own(self._topic, _key(message), "gateway", message, self._clock(), agent_id=agent_id)


def _key(message: BatchMessage) -> str:
    """Give each type of message its own key, so that in the compacted topic none replaces another."""
    if isinstance(message, FileKept):
        return f"file/{message.file_id}"
    return f"{message.TYPE.split('.')[1]}/{message.batch_id}"
