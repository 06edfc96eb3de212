"""A job: what an agent wants a model to do, and how it looks once it is routed."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from pointsman_schemas.base import AgentId, Message, TierName, Timestamp, Value
from pointsman_schemas.cascades import CascadeStep
from pointsman_schemas.decisions import Decision


class ChatMessage(BaseModel):
    """One message of a conversation in the OpenAI chat shape; further fields pass through."""

    model_config = ConfigDict(frozen=True, extra="allow")

    role: str = Field(min_length=1, max_length=32)
    content: str | list[dict[str, Any]] | None = None

    @model_serializer(mode="wrap")
    def _as_sent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialize(self)
        if "content" not in self.model_fields_set:
            fields.pop("content", None)  # absent and null are not the same to every provider
        return fields


class ChatRequest(BaseModel):
    """The body for the provider, in the OpenAI chat shape; parameters unknown to us pass through."""

    model_config = ConfigDict(frozen=True, extra="allow")

    messages: list[ChatMessage] = Field(min_length=1)


#: In a job's metadata: the person whom the job is about; what is stored of it can be erased by this name.
SUBJECT = "data_subject"


#: In a job's metadata: the digest of the request that it was made of; its outcome says it again.
REQUEST_DIGEST = "pointsman_request"

#: In a job's request, beside a message for each input: it wants embeddings, with these parameters.
EMBEDDINGS = "embeddings"


def subject_in(metadata: object) -> str | None:
    """The person that the metadata name: a text, or a number as one."""
    named = metadata.get(SUBJECT) if isinstance(metadata, dict) else None
    usable = isinstance(named, str | int | float) and not isinstance(named, bool) and named != ""
    return str(named) if usable else None


class Job(Value):
    """What is asked, by whom, and under which conditions."""

    job_id: UUID
    agent_id: AgentId
    kind: str | None = Field(default=None, min_length=1, max_length=64, description="task kind, e.g. `sql`")
    tier: TierName | None = Field(default=None, description="ask for this tier; the policy decides")
    metadata: dict[str, str | int | float | bool | None] = Field(default={}, max_length=64)
    deadline: Timestamp | None = Field(default=None, description="no answer is wanted after this time")
    order_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="an agent's jobs of one key are done one after another",
    )
    request: ChatRequest

    @property
    def key(self) -> bytes:
        """The record key: the order key where one is given, else the job id."""
        return (self.order_key or str(self.job_id)).encode()

    @property
    def data_subject(self) -> str | None:
        """Whom the job is about, as its metadata say."""
        return subject_in(self.metadata)

    @property
    def request_digest(self) -> str | None:
        """Of the request that it was made of, as its metadata say."""
        digest = self.metadata.get(REQUEST_DIGEST)
        return digest if isinstance(digest, str) and len(digest) <= 64 else None


class JobSubmitted(Job, Message):
    """An agent asks for a job to be done (topic `jobs.intake`)."""

    type: Literal["job.submitted.v1"] = "job.submitted.v1"

    def job(self) -> Job:
        """The job without the message around it."""
        return Job.model_construct(**{name: getattr(self, name) for name in Job.model_fields})


class JobRouted(Message):
    """A tier is to do the job; the whole decision travels along (topic `jobs.tier.<tier>`).

    Written by the router, and in a cascade by the worker whose tier's answer fell short.
    """

    type: Literal["job.routed.v1"] = "job.routed.v1"
    job: Job
    decision: Decision
    steps: tuple[CascadeStep, ...] = Field(
        default=(), exclude_if=lambda steps: not steps, description="of a cascade: the tiers asked before"
    )


class JobUndecided(Message):
    """The score hung in the balance: a second opinion decides (topic `jobs.opinion`)."""

    type: Literal["job.undecided.v1"] = "job.undecided.v1"
    job: Job
    decision: Decision = Field(description="what the score alone would decide; nobody acts on it")


class JobCancel(Message):
    """Stop a job that has no outcome yet (topic `jobs.control`)."""

    type: Literal["job.cancel.v1"] = "job.cancel.v1"
    job_id: UUID
    agent_id: AgentId
    reason: str = Field(default="", max_length=500)


class RequestTaken(Message):
    """A gateway made a job of a request without an idempotency key (topic `gateway.requests`).

    Written with the job, and once more by a process that its client's own retry came to, which is the same
    job there: the last one waits for the answer.
    """

    type: Literal["request.taken.v1"] = "request.taken.v1"
    job_id: UUID
    agent_id: AgentId
    digest: str = Field(
        pattern="^[0-9a-f]{64}$", description="SHA-256 of agent, route and body, in hexadecimal"
    )
    process: UUID = Field(description="of the gateway that took it")
    left: bool = Field(
        default=False,
        exclude_if=lambda left: not left,
        description="nobody waits there any more: it is cancelled unless another took it before",
    )
