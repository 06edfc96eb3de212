"""Receives the replies to this process's jobs: chunks of the answer, and the one outcome.

Invariants:
- A job's partition is read before the job is sent, so its outcome is not missed.
- Ids of new jobs hash to partitions assigned to this process, so each outcome is read by one process only.
- An agent sees its own jobs only.
- Memory is bounded, both for one answer's chunks and for outcomes kept for a repeated request.
"""

import asyncio
from collections import Counter, OrderedDict
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pointsman.bus.codec.decode import message_in
from pointsman.bus.codec.records import Incoming
from pointsman.bus.read.partition_reader import PartitionReader
from pointsman.bus.settings import LanePart
from pointsman.claims.claim_check import ClaimCheck
from pointsman.client.large_outcomes import LargeOutcomes
from pointsman.client.look_back import LookBack
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.waiting.queues import ByTier
from pointsman.runtime.background import background
from pointsman.runtime.clock import Clock, utc_now
from pointsman_schemas.catalog import OUTCOMES
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import Outcome
from pointsman_schemas.topics import Topics

#: Bytes of chunks kept for one answer. Later chunks are dropped; the outcome has the whole answer.
MOST_PIECE_BYTES = 8 * 1024 * 1024
#: Bounds on the outcomes kept for repeated requests: bytes of records, and number.
KEPT_BYTES, KEPT = 16 * 1024 * 1024, 2_000
#: The number of ids tried until one hashes to a partition of this process.
_TRIES = 10_000
_SWEEP_S, _GIVEN_UP_AFTER = 30.0, timedelta(minutes=10)
#: The greatest age of an outcome that is searched on the topic.
LOOKS_BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A search for the outcome of a job that another process sent."""

    agent_id: str
    number: int
    outcome: "asyncio.Future[Outcome]"


class JobReplies:
    """The replies by job id."""

    def __init__(
        self,
        settings: LanePart,
        group: str,
        topics: Topics,
        claim_check: ClaimCheck | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._results, self._chunks = topics.results.name, topics.chunks.name
        self._clock = clock
        self._open: dict[bytes, JobReply] = {}
        #: The number of open jobs by partition; kept as a count because the reader asks at every poll.
        self._awaited: Counter[int] = Counter()
        self._searches: dict[bytes, list[_Search]] = {}
        self._finished: OrderedDict[bytes, JobReply] = OrderedDict()
        self._kept_bytes = 0
        self._large = LargeOutcomes(claim_check, self._take_outcome)
        self._look_back = LookBack(settings, [self._results], self._take, most=LOOKS_BACK)
        self.reader = PartitionReader(
            settings, group, [self._results, self._chunks], self._take, self._needed
        )

    def __len__(self) -> int:
        """Return the number of jobs without an outcome."""
        return len(self._open)

    def new_id(self) -> UUID:
        """Return a job id that hashes to a partition of this process, if one is found.

        Raises:
            KafkaUnavailableError: there is no connection to Kafka.
        """
        owned = self.reader.owned
        for _ in range(_TRIES):
            job_id = uuid7(self._clock())
            if not owned or self.reader.number_of(_key(job_id)) in owned:
                break
        return job_id

    def expect(self, job: Job) -> JobReply:
        """Return the reply to a job, a new one or the one that is already known.

        Call `listen` before the job is sent.
        Raises:
            KafkaUnavailableError: there is no connection to Kafka.
        """
        reply = self.known(job.job_id)
        if reply is None:
            key, outcome = _key(job.job_id), asyncio.get_running_loop().create_future()
            reply = self._open[key] = JobReply(job, self.reader.number_of(key), outcome)
            self._awaited[reply.number] += 1
        return reply

    async def listen(self, reply: JobReply) -> None:
        """Return when the partition of the job's outcome is being read.

        Raises:
            KafkaUnavailableError: it cannot be read.
        """
        await self.reader.read_too(reply.number)

    async def search(self, job_id: UUID, agent_id: str, within_s: float) -> Outcome | None:
        """Return the outcome of an agent's job that another process sent; None if it is not found in time.

        Raises:
            BusError: the topic cannot be read.
        """
        key = _key(job_id)
        number = self.reader.number_of(key)
        search = _Search(agent_id, number, asyncio.get_running_loop().create_future())
        self._searches.setdefault(key, []).append(search)
        try:
            await self.reader.read_too(number)
            self._look_back.find(job_id)
            await asyncio.wait([search.outcome], timeout=within_s)
            return search.outcome.result() if search.outcome.done() else None
        finally:
            self._searches[key].remove(search)
            if not self._searches[key]:
                del self._searches[key]

    def look_back(self, job_id: UUID) -> None:
        """Search for an outcome that may have been written before this process expected it."""
        if (reply := self.known(job_id)) is not None and not reply.outcome.done():
            self._look_back.find(job_id)

    def known(self, job_id: UUID) -> JobReply | None:
        """Return the reply to a job that this process sent, if it is still kept."""
        return self._open.get(_key(job_id)) or self._finished.get(_key(job_id))

    def forget(self, reply: JobReply) -> None:
        """Drop the reply: its job was not sent, or its outcome is no longer needed."""
        key = _key(reply.job_id)
        if self._open.get(key) is reply:
            self._no_more_open(key)
        elif self._finished.get(key) is reply:
            del self._finished[key]
            self._kept_bytes -= reply.size

    def waits_since(self, moment: float) -> bool:
        """Whether a job sent before `moment` (monotonic seconds) still has no outcome."""
        oldest = next(iter(self._open.values()), None)
        return oldest is not None and oldest.since < moment

    def wake(self) -> None:
        """Wake everyone who follows an answer."""
        for reply in self._open.values():
            reply.notify()

    def mark(self, marks: ByTier[int]) -> None:
        """Note the present ends of the queues at each reply that has no marks yet."""
        for reply in self._open.values():
            reply.marks = reply.marks or marks

    def sweep(self, now: datetime) -> None:
        """Forget jobs that nobody waits for and that have no outcome long after their deadline."""
        for reply in list(self._open.values()):
            deadline = reply.job.deadline
            if not reply.waiting and deadline is not None and now - deadline > _GIVEN_UP_AFTER:
                self.forget(reply)

    def swept(self) -> AbstractAsyncContextManager[None]:
        """Sweep periodically while inside."""
        return background(self._keep_sweeping(), "sweep")

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.sweep(self._clock())

    async def close(self) -> None:
        """Stop all searches."""
        await self._look_back.close()
        await self._large.close()

    def _needed(self) -> set[int]:
        searched = (search.number for searches in self._searches.values() for search in searches)
        return {number for number, count in self._awaited.items() if count}.union(searched)

    def _no_more_open(self, key: bytes) -> JobReply:
        reply = self._open.pop(key)
        self._awaited[reply.number] -= 1
        return reply

    def _take(self, record: Incoming) -> None:
        key = record.key or b""
        reply = self._open.get(key)
        if record.topic == self._chunks:
            if reply is not None:
                self._take_piece(reply, record)
        elif (reply is not None or key in self._searches) and not self._large.fetch(record):
            self._take_outcome(record)

    def _take_piece(self, reply: JobReply, record: Incoming) -> None:
        size = len(record.value or b"")
        if reply.piece_bytes + size > MOST_PIECE_BYTES:
            return
        chunk = message_in(record)
        if isinstance(chunk, JobChunk) and _is_of(chunk, reply.job_id, reply.job.agent_id):
            reply.piece_bytes += size
            reply.pieces.append(chunk)
            reply.notify()

    def _take_outcome(self, record: Incoming) -> None:
        outcome, key = message_in(record), record.key or b""
        if not isinstance(outcome, OUTCOMES):
            return
        for search in self._searches.get(key, ()):
            if outcome.agent_id == search.agent_id and not search.outcome.done():
                search.outcome.set_result(outcome)
        reply = self._open.get(key)
        if reply is None or not _is_of(outcome, reply.job_id, reply.job.agent_id):
            return
        reply.size = len(record.value or b"") + reply.piece_bytes
        reply.end(outcome)
        self._finished[key] = self._no_more_open(key)
        self._kept_bytes += reply.size
        while self._kept_bytes > KEPT_BYTES or len(self._finished) > KEPT:
            _, oldest = self._finished.popitem(last=False)
            self._kept_bytes -= oldest.size


def _is_of(message: JobChunk | Outcome, job_id: UUID, agent_id: str) -> bool:
    """Whether a message is of this job and agent. Anyone may have written it under the job's key."""
    return message.job_id == job_id and message.agent_id == agent_id


def _key(job_id: UUID) -> bytes:
    return str(job_id).encode()
