"""Routed jobs as records of a tier topic, and the decoded results of a worker."""

from datetime import UTC, datetime
from uuid import UUID

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.decisions import Decision
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import Job, JobRouted
from pointsman_schemas.topics import Topics

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGENT = "math-tutor"

DECISION = Decision(
    tier="small", rule="default", reason="nothing else fits", policy_version="p1", runner_up=None, checks=()
)


def job_id(number: int) -> UUID:
    """The same id for the same number."""
    return uuid7(NOW, number.to_bytes(10, "big"))


def routed(
    number: int = 1,
    *,
    deadline: datetime | None = None,
    topics: Topics | None = None,
    decision: Decision = DECISION,
    metadata: dict[str, str] | None = None,
    **request: object,
) -> Incoming:
    """Job `number`, routed to the small tier; `request` holds parameters beside the messages."""
    request.setdefault("messages", [{"role": "user", "content": f"question {number}"}])
    given = {"deadline": deadline, "metadata": metadata or {}, "request": request}
    job = Job.model_validate({"job_id": job_id(number), "agent_id": AGENT, **given})
    message = JobRouted(job=job, decision=decision)
    cover = first_envelope(
        job_id(number), source="test", type=message.TYPE, time=NOW, agent_id=AGENT, job_id=job.job_id
    )
    sent = emit((topics or Topics()).tier("small"), job.key, cover, message)
    return Incoming(sent.topic, 0, number, 0, sent.key, sent.value, tuple(sent.headers))


def messages(records: list[Outgoing]) -> list[Message]:
    """The messages of all records except dead letters, in order."""
    decoded_messages = []
    for number, record in enumerate(records):
        if record.topic == Topics().dead.name:
            continue
        decoded = decode(
            Incoming(record.topic, 0, number, 0, record.key, record.value, tuple(record.headers))
        )
        assert isinstance(decoded, Decoded), decoded
        decoded_messages.append(decoded.message)
    return decoded_messages


def calls(records: list[Outgoing]) -> list[CallFinished]:
    """The finished calls among them."""
    return [message for message in messages(records) if isinstance(message, CallFinished)]


def outcome(records: list[Outgoing]) -> Message:
    """The only message on the results topic."""
    (message,) = messages([record for record in records if record.topic == Topics().results.name])
    return message


def header(record: Made, name: str) -> str:
    """One header's text."""
    return dict(record.headers)[name].decode()
