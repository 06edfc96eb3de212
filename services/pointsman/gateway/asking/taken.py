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

from pointsman.bus.codec.decode import message_in
from pointsman.bus.codec.emit import emit_of_job
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.read.follow import Follower
from pointsman.gateway.asking.repeats import RETRY_S
from pointsman.runtime.clock import Clock
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.gateway_requests import RequestTaken
from pointsman_schemas.jobs import Job
from pointsman_schemas.topics import Topics

#: The longest time for a lookup; after that the client is asked to try again. Seconds.
_WITHIN_S = 10.0
#: The number of records kept for one body, the latest ones.
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
    """Looks up taken requests, with one scan at a time for all callers.

    When a process dies, all its clients retry elsewhere at the same moment.
    """

    def __init__(self, kafka: KafkaPart, topics: Topics, clock: Clock) -> None:
        self._kafka = kafka
        self._topic = topics.requests
        self._clock = clock
        self._process = uuid4()
        self._next: _Scan | None = None
        self._scanning: asyncio.Task[None] | None = None

    def record(self, job: Job, digest: bytes, *, left: bool = False) -> Outgoing:
        """Return the record that says that this request is that job or, with `left`, no longer is."""
        key = _key(job.agent_id, digest)
        taken = RequestTaken(
            job_id=job.job_id, agent_id=job.agent_id, digest=key.decode(), process=self._process, left=left
        )
        return emit_of_job(self._topic, taken, by="gateway", now=self._clock(), key=key)

    async def job_id(self, agent_id: str, digest: bytes) -> UUID | None:
        """Return the job that the same request became in the last ten minutes, the latest if there are more.

        Raises:
            BusError: the topic cannot be read now.
        """
        holders = await self._holders(_key(agent_id, digest))
        return next((job_id for job_id, holder in reversed(holders.items()) if holder is not None), None)

    async def is_left(self, job: Job, digest: bytes) -> bool:
        """Whether the process that last took the request has given its job up.

        That process then cancels the job.
        Raises:
            BusError: the topic cannot be read now.
        """
        holders = await self._holders(_key(job.agent_id, digest))
        return holders.get(job.job_id, self._process) is None

    async def close(self) -> None:
        """Stop looking up."""
        if self._scanning is not None:
            self._scanning.cancel()
            await asyncio.wait([self._scanning])

    async def _holders(self, key: bytes) -> dict[UUID, UUID | None]:
        """Return, for each job of a request, the process that waits for it; None if it was given up.

        Latest taken last. The topic's order is the lock. Giving up does not count once another process has
        taken the job, and taking it does not count once it was given up.
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
                scan.answers.exception()  # retrieved, as asyncio logs an exception that nobody has retrieved

    async def _read(self, scan: _Scan) -> _Answers:
        """Read the topic since `scan.since`.

        Its end is fixed after the lookup began, so earlier records are all found.
        """
        answers: dict[bytes, deque[RequestTaken]] = defaultdict(lambda: deque(maxlen=_MOST_EQUAL))
        async with Follower(
            self._kafka, [self._topic.name], start=scan.since, isolation="read_uncommitted", until_end=True
        ) as follower:
            while not follower.ended:
                for record in await follower.read():
                    if record.key in scan.keys and isinstance(taken := message_in(record), RequestTaken):
                        answers[record.key].append(taken)
        return answers


def _key(agent_id: str, digest: bytes) -> bytes:
    """Include the agent in the key, so that no agent finds another agent's jobs."""
    return sha256(agent_id.encode() + b"\n" + digest).hexdigest().encode()
