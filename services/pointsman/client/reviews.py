"""Reads cases that wait for a person and sends reviewers' commands, through Kafka alone."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Self
from uuid import UUID

from pointsman.bus.codec.decode import Decoded, decode, message_in
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import Follower, follow
from pointsman.identity.keys import PrivateKey
from pointsman.review.case import WAITING, RefusedCommand, envelope_of, plan_of, queue_of, unreasoned
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.base import Json
from pointsman_schemas.ids import uuid7
from pointsman_schemas.reviews import (
    ReviewAnswered,
    ReviewChanged,
    ReviewChoice,
    ReviewClaim,
    ReviewDecide,
    ReviewRefusal,
    ReviewRelease,
    ReviewRequested,
)
from pointsman_schemas.topics import Topics

_CASE, _REQUEST = b"case/", b"request/"
#: Refusals after which `claim_next` stops: the reviewer has probably no right to the others either.
_MOST_TRIES = 20


class ReviewTimeoutError(TimeoutError):
    """A command was not answered in time; it may have been carried out."""

    def __init__(self, job_id: UUID, seconds: float) -> None:
        super().__init__(
            f"no answer about the case of job {job_id} within {seconds:g} s; is the service there "
            f"(pointsman run review)? What became of it: pointsman review show {job_id}"
        )


@dataclass(slots=True)
class KnownCase:
    """A case; `request` is None once it has ended. `seen`: the request's digest, for a decision."""

    case: ReviewChanged
    request: ReviewRequested | None = None
    seen: str = ""


@dataclass(slots=True)
class KnownCases:
    """The current cases, folded from the records of `reviews.state`."""

    _cases: dict[UUID, ReviewChanged] = field(default_factory=dict)
    _requests: dict[bytes, bytes] = field(default_factory=dict)

    def take(self, record: Incoming) -> None:
        """Apply the next record of the topic; ignore one that cannot be read."""
        key = record.key or b""
        if key.startswith(_REQUEST):
            if record.value is None:
                self._requests.pop(key, None)
            else:
                self._requests[key] = record.value
        elif record.value is None:
            if key.startswith(_CASE) and len(key) == len(_CASE) + 36:  # the case ended long ago
                self._cases.pop(UUID(key.removeprefix(_CASE).decode()), None)
        else:
            message = message_in(record)
            if isinstance(message, ReviewChanged):
                self._cases[message.job_id] = message

    @property
    def all(self) -> list[ReviewChanged]:
        """All cases, in order of deadline."""
        return sorted(self._cases.values(), key=lambda case: (case.deadline, case.job_id))

    def case(self, job_id: UUID) -> ReviewChanged | None:
        """Return the case of a job, without its request."""
        return self._cases.get(job_id)

    def known(self, job_id: UUID) -> KnownCase | None:
        """Return the case of a job with all that is needed to decide it."""
        case = self._cases.get(job_id)
        if case is None:
            return None
        value = self._requests.get(_REQUEST + str(job_id).encode())
        if value is None:
            return KnownCase(case)
        return KnownCase(case, ReviewRequested.model_validate_json(value), sha256(value).hexdigest())


async def read_cases(kafka: KafkaPart, topics: Topics) -> KnownCases:
    """Return the current cases.

    Raises:
        BusError: the topic cannot be read.
    """
    cases = KnownCases()
    async for record in follow(kafka, [topics.reviews_state.name], start="beginning", until_end=True):
        cases.take(record)
    return cases


async def claim_next(
    kafka: KafkaPart, topics: Topics, reviewer: "Reviewer", queue: str, now: datetime
) -> tuple[KnownCase | None, ReviewAnswered | None]:
    """Claim the first open case that the reviewer may have; returns it, or None and the last refusal.

    `queue`: the only queue to use; empty for any.

    Raises:
        ReviewTimeoutError, BusError: see `Reviewer`.
    """
    cases = await read_cases(kafka, topics)
    refused: ReviewAnswered | None = None
    tries = 0
    for case in cases.all:
        is_free = case.status == "open" or (case.claim is not None and case.claim.until <= now)
        if not is_free or case.status not in WAITING or queue not in ("", case.queue):
            continue
        answer = await reviewer.claim(case)
        if answer.refused is None:
            return (await read_cases(kafka, topics)).known(case.job_id), None
        refused, tries = answer, tries + 1
        if answer.refused is ReviewRefusal.TOO_MANY_CLAIMS or tries == _MOST_TRIES:
            break
    return None, refused


def refusal(case: ReviewChanged, by: str, refused: RefusedCommand) -> ReviewAnswered:
    """Return the answer that the service would give."""
    return ReviewAnswered(
        job_id=case.job_id,
        by=by,
        refused=refused.refusal,
        message=refused.message,
        status=case.status,
        revision=case.revision,
    )


class Reviewer:
    """Sends a person's commands: an async context manager; each command returns the service's answer.

    Raises (on entering): BusError: Kafka cannot be reached, or the topics are missing.
    """

    def __init__(
        self,
        kafka: KafkaPart,
        topics: Topics,
        by: str,
        key: PrivateKey | None = None,
        *,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
    ) -> None:
        self._topics = topics
        self._by = by
        self._key = key
        self._timeout_s = timeout_s
        self._clock = clock
        self._publisher = Publisher(kafka)
        self._answers = Follower(kafka, [topics.reviews_answers.name], start="end")
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(self._answers)
            await opened.enter_async_context(self._publisher)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self._opened.__aexit__(*raised)

    async def claim(self, case: ReviewChanged) -> ReviewAnswered:
        """Claim the case; raises as `decide`."""
        return await self._send(case, ReviewClaim(job_id=case.job_id, by=self._by, revision=case.revision))

    async def release(self, case: ReviewChanged) -> ReviewAnswered:
        """Release the case; raises as `decide`."""
        return await self._send(case, ReviewRelease(job_id=case.job_id, by=self._by, revision=case.revision))

    async def decide(
        self,
        known_case: KnownCase,
        choice: ReviewChoice,
        *,
        reason: str = "",
        response: Json | None = None,
        tier: str | None = None,
    ) -> ReviewAnswered:
        """Decide the case; claim it first if this person has not.

        Raises:
            ReviewTimeoutError: the service did not answer.
            BusError: see `Publisher.publish`.
        """
        case = known_case.case
        command = ReviewDecide(
            job_id=case.job_id,
            by=self._by,
            revision=case.revision,
            choice=choice,
            seen=known_case.seen,
            reason=reason,
            response=response,
            tier=tier,
        )
        if case.claim is None or case.claim.by != self._by or case.claim.until <= self._clock():
            if known_case.request is not None:  # what is sure to be refused leaves no claim behind
                queue = queue_of(plan_of(known_case.request), case.queue)
                if (refused := unreasoned(command, queue)) is not None:
                    return refusal(case, self._by, refused)
            claimed = await self.claim(case)
            if claimed.refused is not None:
                return claimed
            command = command.model_copy(update={"revision": claimed.revision})
        return await self._send(case, command)

    async def _send(
        self, case: ReviewChanged, command: ReviewClaim | ReviewRelease | ReviewDecide
    ) -> ReviewAnswered:
        now = self._clock()
        envelope = envelope_of(case, uuid7(now), source=self._by, type=command.TYPE, at=now)
        record = emit(self._topics.reviews_decided, str(case.job_id).encode(), envelope, command)
        async with self._lock:
            await self._publisher.publish([sign(record, self._key)])
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._answer_to(envelope.id)
            except TimeoutError:
                raise ReviewTimeoutError(case.job_id, self._timeout_s) from None

    async def _answer_to(self, command: UUID) -> ReviewAnswered:
        while True:
            for record in await self._answers.read():
                decoded = decode(record)
                if (
                    isinstance(decoded, Decoded)
                    and decoded.envelope.causation_id == command
                    and isinstance(decoded.message, ReviewAnswered)
                ):
                    return decoded.message
