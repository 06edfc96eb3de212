"""A review handler with its state in memory, driven like a lane that never fails."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.registry.cancellations import Cancellations
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman.review.handler import ReviewHandler
from pointsman_schemas.base import Message
from pointsman_schemas.control.registry import AgentEntry, RegistryRules
from pointsman_schemas.reviews import ReviewAnswered
from tests.support.review.cases import NOW, TOPICS, record

PEOPLE = ("ana", "ben", "eva")


def registry(*entries: AgentEntry, identity: Any = "claimed") -> RegistryInForce:
    """A registry with three reviewers of the queue `legal` and the agent of the jobs."""
    people = [AgentEntry(id=name, owner="reviewers", reviews=("legal", "board")) for name in PEOPLE]
    known = {
        entry.id: entry for entry in (*people, AgentEntry(id="contract-reviewer", owner="legal"), *entries)
    }
    return RegistryInForce(
        Registry.of(known.values(), RegistryRules(unregistered="admit", identity=identity))
    )


class Driven:
    """`now`: the handler's clock. `sent`: all records written, in order."""

    def __init__(self, in_force: RegistryInForce | None = None) -> None:
        self.now = NOW
        self.in_force = in_force or registry()
        self.cancellations = Cancellations(lambda: self.now)
        self.state: dict[bytes, bytes] = {}
        self.sent: list[Outgoing] = []
        #: Called with each record for the changelog.
        self.on_change: Callable[[Outgoing], object] = lambda _: None
        self._offset = 0
        self.restart()

    def restart(self) -> None:
        """Simulates a crash: state from the changelog, and a new handler."""
        self._handler = ReviewHandler(self.in_force, TOPICS, self.cancellations, lambda: self.now)

    def put(self, message: Message, at: datetime | None = None) -> list[Message]:
        """Handles a record with this message. Returns the decoded results."""
        self.now = at or self.now
        self._offset += 1
        return self.take(record(message, self._offset, self.now))

    def take(self, incoming: Incoming) -> list[Message]:
        return self._apply(*self._handler.handle(incoming, self.state))

    def due(self, at: datetime) -> list[Message]:
        """Runs the timers until nothing is due."""
        self.now, made = at, []
        while any(effects := self._handler.due(at, self.state)):
            made += self._apply(*effects)
        return made

    def answer(self, message: Message, at: datetime | None = None) -> ReviewAnswered:
        """The answer to a command."""
        (answer,) = [made for made in self.put(message, at) if isinstance(made, ReviewAnswered)]
        return answer

    def _apply(self, records: Any, changes: Any) -> list[Message]:
        for change in changes:
            self.on_change(change)
            assert change.topic == TOPICS.reviews_state.name
            if change.value is None:
                self.state.pop(change.key, None)
            else:
                self.state[change.key] = change.value
        self.sent += records
        return [decoded(made) for made in records]


def decoded(made: Outgoing) -> Message:
    """A decoded record, which readers must accept."""
    read = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
    assert isinstance(read, Decoded), read
    return read.message
