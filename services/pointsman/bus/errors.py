"""What can go wrong with Kafka: the text says what happened and why, `hint` what to do next."""

from collections.abc import Iterable, Sequence
from typing import Any


class BusError(Exception):
    """Anything that Kafka, or the way to it, did not do; a traceback shows the hint below the text."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        if hint:
            self.add_note(hint)


class KafkaUnavailableError(BusError):
    """No broker answered in time."""

    def __init__(self, bootstrap: str, seconds: float, why: str) -> None:
        super().__init__(
            f"Kafka at {bootstrap} was not reached within {seconds:g} s: {why}",
            f"see what is wrong: pointsman doctor --kafka {bootstrap}",
        )


class TopicMissingError(BusError):
    """Topics that are read or written do not exist."""

    def __init__(self, topics: Iterable[str]) -> None:
        super().__init__(
            f"not in Kafka: {', '.join(sorted(topics))}", "make what is missing: pointsman topics apply"
        )


class RecordsRefusedError(BusError):
    """Of a transaction that is undone: records that their topics will never take as they are.

    `known`: only these; else one of them at least. Then, and with `spent`, the writer is of no more use.
    """

    def __init__(self, records: Sequence[Any], what: str, *, known: bool = True, spent: bool = False) -> None:
        super().__init__(what)
        self.records = records
        self.known = known
        self.spent = spent or not known


class PublishRefusedError(BusError):
    """Records that were refused and are not in Kafka; `places` are their places in the call, from 0."""

    def __init__(self, what: str, places: tuple[int, ...]) -> None:
        super().__init__(what)
        self.places = places


class PublishUncertainError(BusError):
    """Nobody confirmed some records: each may be in Kafka, now or soon, or not. `places` as above."""

    def __init__(self, what: str, places: tuple[int, ...]) -> None:
        super().__init__(
            f"{what}; each of them may or may not be in Kafka",
            "publish again under the same job ids: a job that is already there is recognised and not "
            "done twice",
        )
        self.places = places
