"""Errors of Kafka: the text says what happened and why, `hint` what to do next."""

from collections.abc import Iterable, Sequence
from typing import Any


class BusError(Exception):
    """A failure of Kafka or of the connection to it; a traceback shows the hint below the text."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.hint = hint
        if hint:
            self.add_note(hint)

    @property
    def line(self) -> str:
        """The problem and the hint in one line, for a log."""
        return f"{self}; {self.hint}" if self.hint else str(self)


def line_of(error: BaseException) -> str:
    """Return an error in one line for a log: ours in words, others as their repr."""
    return error.line if isinstance(error, BusError) else repr(error)


class KafkaUnavailableError(BusError):
    """No broker answered in time."""

    def __init__(self, bootstrap: str, seconds: float, why: str) -> None:
        super().__init__(
            f"Kafka at {bootstrap} was not reached within {seconds:g} s: {why}",
            f"see what is wrong: pointsman doctor --kafka {bootstrap}",
        )
        self.why = why


class KafkaLoginError(KafkaUnavailableError):
    """The broker refuses the connection. `sure`: retrying is useless until settings, ours or its, change."""

    def __init__(self, problem: str, hint: str, *, sure: bool = True) -> None:
        BusError.__init__(self, problem, hint)
        self.why = problem
        self.sure = sure


_RIGHTS = "see which rights it has: pointsman access plan"


class TopicMissingError(BusError):
    """Topics do not exist, or this user may not see them."""

    def __init__(self, topics: Iterable[str], user: str = "") -> None:
        names, hint = ", ".join(sorted(topics)), "make what is missing: pointsman topics apply"
        if user:
            super().__init__(f"not in Kafka, or not for {user}: {names}", f"{hint}; or {_RIGHTS}")
        else:
            super().__init__(f"not in Kafka: {names}", hint)


class RecordsRefusedError(BusError):
    """A transaction was aborted; `records`: those that their topics will never accept as they are."""

    def __init__(self, records: Sequence[Any], problem: str) -> None:
        super().__init__(problem)
        self.records = records


class TopicsClosedError(BusError):
    """A transaction was aborted, because this user may not write to these topics."""

    def __init__(self, topics: Iterable[str]) -> None:
        self.topics = frozenset(topics)
        super().__init__(f"may not write to {', '.join(sorted(self.topics))}", _RIGHTS)


class BrokerTooOldError(BusError):
    """The cluster has not agreed on version 2 of transactions (KIP-890)."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__(
            f"Kafka at {bootstrap} has no transactions of version 2: pointsman needs Kafka 4.0 or newer",
            "if its brokers are that new: "
            f"kafka-features.sh --bootstrap-server {bootstrap} upgrade --feature transaction.version=2",
        )


class PublishRefusedError(BusError):
    """Kafka refused records and did not store them; `indexes`: their indexes in the call, from 0."""

    def __init__(self, problem: str, indexes: tuple[int, ...], hint: str = "") -> None:
        super().__init__(problem, hint)
        self.indexes = indexes


class PublishUncertainError(BusError):
    """Some records were not acknowledged: each may or may not be stored, now or soon. `indexes` as above."""

    def __init__(self, problem: str, indexes: tuple[int, ...]) -> None:
        super().__init__(
            f"{problem}; each of them may or may not be in Kafka",
            "publish again under the same job ids: a job that is already there is recognised and not "
            "done twice",
        )
        self.indexes = indexes
