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


#: Metadata key: the person the job is about, by whose name the audit's copy can be erased.
SUBJECT = "data_subject"
#: Metadata key: the digest of the HTTP request that the job was made from. The outcome repeats it, if the job
#: could be read.
REQUEST_DIGEST = "pointsman_request"
#: Request parameter: embeddings are wanted, with these parameters. Each input is one message.
EMBEDDINGS = "embeddings"


def subject_in(metadata: object) -> str | None:
    """The data subject that the metadata name; a number is returned as text."""
    named = metadata.get(SUBJECT) if isinstance(metadata, dict) else None
    usable = isinstance(named, str | int | float) and not isinstance(named, bool) and named != ""
    return str(named) if usable else None


class Job(Value):
    """One request for an answer: who asks, for what, by when."""

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
        """The person the job is about, from its metadata."""
        return subject_in(self.metadata)

    @property
    def request_digest(self) -> str | None:
        """The digest of the HTTP request it was made from, from its metadata."""
        digest = self.metadata.get(REQUEST_DIGEST)
        return digest if isinstance(digest, str) and len(digest) <= 64 else None


class JobSubmitted(Job, Message):
    """An agent asks for a job to be done (topic `jobs.intake`)."""

    type: Literal["job.submitted.v1"] = "job.submitted.v1"

    def job(self) -> Job:
        """The job alone, without the message's own fields."""
        return Job.model_construct(**{name: getattr(self, name) for name in Job.model_fields})


class JobRouted(Message):
    """A job for a tier, with the whole decision (topic `jobs.tier.<tier>`).

    Written by the router; in a cascade also by the worker that escalates the job to the next tier.
    """

    type: Literal["job.routed.v1"] = "job.routed.v1"
    job: Job
    decision: Decision
    steps: tuple[CascadeStep, ...] = Field(
        default=(), exclude_if=lambda steps: not steps, description="of a cascade: the tiers asked before"
    )


class JobUndecided(Message):
    """A job for which the score is undecided: a second opinion decides (topic `jobs.opinion`)."""

    type: Literal["job.undecided.v1"] = "job.undecided.v1"
    job: Job
    decision: Decision = Field(description="what the score alone would decide; nobody acts on it")


class JobCancel(Message):
    """Stop a job that has no outcome yet (topic `jobs.control`)."""

    type: Literal["job.cancel.v1"] = "job.cancel.v1"
    job_id: UUID
    agent_id: AgentId
    reason: str = Field(default="", max_length=500)
