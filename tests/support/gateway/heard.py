"""A gateway's replies without Kafka: the test hands the records over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.errors import BusError
from pointsman.bus.settings import LanePart
from pointsman.gateway.replies import JobReplies
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import Message
from pointsman_schemas.chunks import JobChunk
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import ChatMessage, ChatRequest, Job
from pointsman_schemas.outcomes import JobCancelled, JobCompleted
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

TOPICS = Topics("t")


@dataclass
class FakeReader:
    """`error`: raised instead of reading. The partition is the last four bits of an id."""

    owned: frozenset[int] = frozenset((1, 2))
    error: BusError | None = None
    read: list[int] = field(default_factory=list)

    def number_of(self, key: bytes) -> int:
        return int(key[-1:], 16)

    async def read_too(self, number: int) -> None:
        if self.error is not None:
            raise self.error
        self.read.append(number)


@dataclass
class FakePublisher:
    """Keeps sent records with the partitions read at that time. `errors`: for the next records, in order."""

    reader: FakeReader
    errors: list[BusError | None] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    read_before: list[list[int]] = field(default_factory=list)

    async def publish(self, records: Sequence[Outgoing]) -> list[Any]:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.sent += records
        self.read_before.append(list(self.reader.read))
        return []


@dataclass
class FakeTaken:
    """Jobs of other processes: `jobs` by body, and those that no client waits for."""

    jobs: dict[bytes, UUID] = field(default_factory=dict)
    left: set[UUID] = field(default_factory=set)
    error: BusError | None = None
    asked: int = 0

    def record(self, job: Job, digest: bytes, *, left: bool = False) -> Outgoing:
        text = f"left {job.job_id}" if left else str(job.job_id)
        return Outgoing(TOPICS.requests.name, digest, text.encode(), [])

    async def job_id(self, agent_id: str, digest: bytes) -> UUID | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.jobs.get(digest)

    async def is_left(self, job: Job, digest: bytes) -> bool:
        if self.error is not None:
            raise self.error
        return job.job_id in self.left

    async def close(self) -> None:
        pass


def replies_of(reader: FakeReader) -> JobReplies:
    replies = JobReplies(LanePart(prefix="t"), "g", TOPICS)
    replies.reader = reader  # type: ignore[assignment]
    return replies


def job(job_id: UUID | None = None, agent_id: str = "app") -> Job:
    request = ChatRequest(messages=[ChatMessage(role="user", content="Hello")])
    return Job(job_id=job_id or uuid7(utc_now()), agent_id=agent_id, request=request)


def outcome(
    of: UUID, agent_id: str = "app", text: str = "Yes", key: bytes | None = None, **about: Any
) -> Incoming:
    message = {"role": "assistant", "content": text}
    response = {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    completed = JobCompleted(
        job_id=of, agent_id=agent_id, tier="small", attempts=1, cost_usd=None, provider="p", model="m",
        usage=None, response=response, **about,
    )  # fmt: skip
    return came(TOPICS.results, completed, of, agent_id, key)


def cancelled(of: UUID, agent_id: str = "app") -> Incoming:
    message = JobCancelled(
        job_id=of, agent_id=agent_id, tier="small", attempts=0, cost_usd=None, cancelled_by=agent_id,
        message="",
    )  # fmt: skip
    return came(TOPICS.results, message, of, agent_id)


def piece(
    of: UUID, index: int = 0, agent_id: str = "app", text: str = "Y", key: bytes | None = None
) -> Incoming:
    event = {"choices": [{"index": 0, "delta": {"content": text}}]}
    chunk = JobChunk(job_id=of, agent_id=agent_id, call=UUID(int=1), index=index, events=(event,))
    return came(TOPICS.chunks, chunk, of, agent_id, key)


def came(topic: Topic, message: Message, of: UUID, agent_id: str, key: bytes | None = None) -> Incoming:
    """The record as read; `key`: a key other than the job's."""
    envelope = first_envelope(
        uuid7(utc_now()), source="test", type=message.TYPE, time=utc_now(), agent_id=agent_id, job_id=of
    )
    sent = emit(topic, key or str(of).encode(), envelope, message)
    return Incoming(sent.topic, 0, 0, 0, sent.key, sent.value, tuple(sent.headers))
