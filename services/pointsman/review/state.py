"""The cases of a partition, decoded from the state's bytes."""

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
    """Under which a case stands in the state."""
    return _CASE + str(job_id).encode()


def request_key(job_id: UUID) -> bytes:
    """Under which the request that opened it stands, as long as the case waits."""
    return _REQUEST + str(job_id).encode()


class CaseBook:
    """Filled from the state on first use, then updated with each change.

    It depends on the state alone: after a rebalance the new owner has the same.
    """

    def __init__(self) -> None:
        self._cases: dict[UUID, ReviewChanged] | None = None
        self._waiting: dict[UUID, ReviewChanged] = {}
        #: When which case ended, oldest first, those of one instant by their ids.
        self._ended: deque[tuple[datetime, UUID]] = deque()

    def read(self, state: Mapping[bytes, bytes]) -> None:
        """Read the cases of a state that was just restored."""
        if self._cases is not None:
            return
        self._cases = {}
        cases = [
            ReviewChanged.model_validate_json(value) for key, value in state.items() if key.startswith(_CASE)
        ]
        for case in sorted(cases, key=attrgetter("at", "job_id")):
            self._put(case)

    def take(self, changes: Iterable[Outgoing]) -> None:
        """Take in what was just made of the cases: the last thing before it is handed over."""
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
        """The case of a job, if there is or lately was one."""
        assert self._cases is not None
        return self._cases.get(job_id)

    @property
    def waiting(self) -> list[ReviewChanged]:
        """Those that nobody has decided yet, in the order of their jobs' ids."""
        return sorted(self._waiting.values(), key=lambda case: case.job_id.int)

    def holds(self, by: str, at: datetime, but: UUID) -> int:
        """How many cases other than `but` this person has claimed."""
        claims = Counter(
            case.claim.by
            for case in self._waiting.values()
            if case.claim is not None and at < case.claim.until and case.job_id != but
        )
        return claims[by]

    def may_be_due(self, case: ReviewChanged, now: datetime) -> bool:
        """Whether a time of the case is over."""
        times = (case.deadline, case.job_deadline, None if case.claim is None else case.claim.until)
        return any(time is not None and now >= time for time in times)

    def forgettable(self, before: datetime) -> Iterator[UUID]:
        """Cases that ended before that."""
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
