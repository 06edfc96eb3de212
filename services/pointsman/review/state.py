"""The cases of a partition, decoded from its state."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from pointsman.bus.codec.records import Outgoing
from pointsman.review.case import WAITING
from pointsman_schemas.reviews import ReviewChanged

_CASE, _REQUEST = b"case/", b"request/"


def case_key(job_id: UUID) -> bytes:
    """Return a case's key in the state."""
    return _CASE + str(job_id).encode()


def request_key(job_id: UUID) -> bytes:
    """Return the key of the request that opened the case, kept while the case waits."""
    return _REQUEST + str(job_id).encode()


class CaseBook:
    """A partition's cases: loaded from the state on first use, then updated with each change.

    It depends on the state alone, so the new owner after a rebalance has the same cases.
    """

    def __init__(self) -> None:
        self._cases: dict[UUID, ReviewChanged] | None = None
        self._waiting: dict[UUID, ReviewChanged] = {}
        #: Time of the end and job id of ended cases, in order.
        self._ended: deque[tuple[datetime, UUID]] = deque()

    def read(self, state: Mapping[bytes, bytes]) -> None:
        """Load the cases of a restored state, once."""
        if self._cases is not None:
            return
        self._cases = {}
        cases = [
            ReviewChanged.model_validate_json(value) for key, value in state.items() if key.startswith(_CASE)
        ]
        for case in sorted(cases, key=attrgetter("at", "job_id")):
            self._put(case)

    def take(self, changes: Iterable[Outgoing]) -> None:
        """Apply changes; call it last, when they are handed over for writing."""
        assert self._cases is not None
        for change in changes:
            if change.key is None or not change.key.startswith(_CASE):
                continue
            if change.value is not None:
                self._put(ReviewChanged.model_validate_json(change.value))
                continue
            job_id = UUID(change.key.removeprefix(_CASE).decode())
            self._cases.pop(job_id, None)
            while self._ended and self._ended[0][1] not in self._cases:
                self._ended.popleft()

    def case(self, job_id: UUID) -> ReviewChanged | None:
        """Return the case of a job, waiting or recently ended; None if there is none."""
        assert self._cases is not None
        return self._cases.get(job_id)

    @property
    def waiting(self) -> list[ReviewChanged]:
        """The undecided cases, ordered by job id."""
        return sorted(self._waiting.values(), key=lambda case: case.job_id.int)

    def holds(self, by: str, at: datetime, but: UUID) -> int:
        """Count the cases other than `but` that this person has claimed."""
        claims = Counter(
            case.claim.by
            for case in self._waiting.values()
            if case.claim is not None and at < case.claim.until and case.job_id != but
        )
        return claims[by]

    def may_be_due(self, case: ReviewChanged, now: datetime) -> bool:
        """Return whether a deadline of the case, or its claim, has expired."""
        times = (case.deadline, case.job_deadline, None if case.claim is None else case.claim.until)
        return any(time is not None and now >= time for time in times)

    def forgettable(self, before: datetime) -> Iterator[UUID]:
        """Yield cases that ended before `before`."""
        assert self._cases is not None
        for ended, job_id in self._ended:
            if ended >= before:
                return
            case = self._cases.get(job_id)
            if case is not None and case.status not in WAITING and case.at == ended:
                yield job_id

    def _put(self, case: ReviewChanged) -> None:
        assert self._cases is not None
        self._cases[case.job_id] = case
        if case.status in WAITING:
            self._waiting[case.job_id] = case
        else:
            self._waiting.pop(case.job_id, None)
            self._ended.append((case.at, case.job_id))
            place = len(self._ended) - 1
            while place and self._ended[place - 1] > self._ended[place]:
                self._ended[place - 1], self._ended[place] = self._ended[place], self._ended[place - 1]
                place -= 1
