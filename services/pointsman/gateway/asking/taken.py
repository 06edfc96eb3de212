"""Finds the job that a request became in another gateway process, when the client retries in this one.

A retry without an idempotency key has only its body, and two different requests may have the same one. So the
id cannot be derived, and the first request's job must be looked up; only retries pay for that.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.read.follow import Follower
from pointsman.gateway.asking.repeats import RETRY_S
from pointsman.runtime.clock import Clock
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.envelope import start
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job, RequestTaken
from pointsman_schemas.topics import Topics

#: So long one looks; whoever asks is told to come again where that is not enough.
_WITHIN_S = 10.0
#: Of one body, the last so many.
_MOST_EQUAL = 1_000

_Answers = Mapping[bytes, Sequence[RequestTaken]]


@dataclass(frozen=True, slots=True, eq=False)
class _Scan:
    since: datetime
    keys: set[bytes] = field(default_factory=set)
    answers: "asyncio.Future[_Answers]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class TakenRequests:
    """One scan at a time for all who ask: a process that dies sends all of its clients to the others."""

    def __init__(self, kafka: KafkaPart, topics: Topics, clock: Clock) -> None:
        self._kafka = kafka
        self._topic = topics.requests
        self._clock = clock
        self._process = uuid4()
        self._next: _Scan | None = None
        self._scanning: asyncio.Task[None] | None = None

    def record(self, job: Job, digest: bytes, *, left: bool = False) -> Outgoing:
        """What tells the others that this request is that job, or is none any more where it was `left`."""
        key, now = _key(job.agent_id, digest), self._clock()
        taken = RequestTaken(
            job_id=job.job_id, agent_id=job.agent_id, digest=key.decode(), process=self._process, left=left
        )
        envelope = start(
            uuid7(now), source="gateway", type=taken.TYPE, time=now, agent_id=job.agent_id, job_id=job.job_id
        )
        return emit(self._topic, key, envelope, taken)

    async def job_id(self, agent_id: str, digest: bytes) -> UUID | None:
        """The job that the same request of the last ten minutes became; the last, where there were several.

        Raises:
            BusError: it cannot be looked for.
        """
        holders = await self._holders(_key(agent_id, digest))
        return next((job_id for job_id, holder in reversed(holders.items()) if holder is not None), None)

    async def is_left(self, job: Job, digest: bytes) -> bool:
        """Whether the last process that had taken a request has left its job, which it cancels then.

        Raises:
            BusError: it cannot be looked for.
        """
        holders = await self._holders(_key(job.agent_id, digest))
        return holders.get(job.job_id, self._process) is None

    async def close(self) -> None:
        """Look for nothing any more."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.wait([self._scanning])

    async def _holders(self, key: bytes) -> dict[UUID, UUID | None]:
        """Of each job of a request the process that waits for it, None where it is left; the last taken last.

        The topic's order is the lock: who leaves it after another has taken it does not count, nor who takes
        it after it was left.
        """
        holders: dict[UUID, UUID | None] = {}
        for record in await self._look_up(key):
            holder = holders.get(record.job_id, record.process)
            if record.left:
                holders[record.job_id] = None if holder == record.process else holder
            else:
                holders.pop(record.job_id, None)
                holders[record.job_id] = None if holder is None else record.process
        return holders

    async def _look_up(self, key: bytes) -> Sequence[RequestTaken]:
        scan = self._next = self._next or _Scan(self._clock() - timedelta(seconds=RETRY_S))
        scan.keys.add(key)
        if self._scanning is None or self._scanning.done():
            self._scanning = asyncio.create_task(self._scan(), name="taken requests")
        await asyncio.wait([scan.answers], timeout=_WITHIN_S)
        if not scan.answers.done():
            raise BusError(f"{self._topic.name} was not read within {_WITHIN_S:g} s")
        return scan.answers.result().get(key, ())

    async def _scan(self) -> None:
        while (scan := self._next) is not None:
            self._next = None
            try:
                scan.answers.set_result(await self._read(scan))
            except BusError as error:
                scan.answers.set_exception(error)
                scan.answers.exception()  # seen: nobody has to wait for it

    async def _read(self, scan: _Scan) -> _Answers:
        """Whatever was written before a question is found: the follower's end is fixed after it was asked."""
        answers: dict[bytes, deque[RequestTaken]] = defaultdict(lambda: deque(maxlen=_MOST_EQUAL))
        async with Follower(
            self._kafka, [self._topic.name], start=scan.since, isolation="read_uncommitted", until_end=True
        ) as follower:
            while not follower.ended:
                for record in await follower.read():
                    if record.key in scan.keys and (taken := _taken_in(record)) is not None:
                        answers[record.key].append(taken)
        return answers


def _taken_in(record: Incoming) -> RequestTaken | None:
    decoded = decode(record)
    message = decoded.message if isinstance(decoded, Decoded) else None
    return message if isinstance(message, RequestTaken) else None


def _key(agent_id: str, digest: bytes) -> bytes:
    """No agent is told of another's jobs: whose a request is belongs to what is looked for."""
    return sha256(agent_id.encode() + b"\n" + digest).hexdigest().encode()
