"""Provider calls with request, response, usage and cost (topic `calls`)."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Json, Message, TierName, Timestamp, Value


class Usage(Value):
    """Token counts as reported by the provider."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cached_tokens: int = Field(default=0, ge=0, description="part of input_tokens served from a cache")
    cache_write_tokens: int = Field(
        default=0,
        ge=0,
        exclude_if=lambda tokens: tokens == 0,
        description="part of input_tokens written to a cache",
    )
    cache_write_1h_tokens: int = Field(
        default=0,
        ge=0,
        exclude_if=lambda tokens: tokens == 0,
        description="part of cache_write_tokens kept for an hour, if that has a separate price",
    )


class RawBody(Value):
    """The body that a provider sent, unchanged, up to a maximum size."""

    encoding: Literal["utf-8", "base64"] = Field(description="utf-8: `content` is the text itself")
    content: str
    whole: bool = Field(description="false: the body was longer than this")


class CallFinished(Message):
    """One attempt: request, response, usage, cost and duration."""

    type: Literal["call.finished.v1"] = "call.finished.v1"
    job_id: UUID
    agent_id: AgentId
    tier: TierName
    provider: str
    model: str = Field(description="the requested model")
    model_answered: str | None = Field(description="the model's name in the answer")
    attempt: int = Field(ge=1)
    started_at: Timestamp
    duration_ms: float = Field(ge=0)
    first_event_ms: float | None = Field(
        default=None,
        ge=0,
        exclude_if=lambda ms: ms is None,
        description="time until the first event of a streamed answer",
    )
    status: Literal["ok", "retry", "reject", "cancelled", "expired"]
    http_status: int | None
    error_type: str | None = Field(description="a value of FailReason; null if the call succeeded")
    error: str | None = Field(description="the error message of the provider or the connection")
    retry_after_s: float | None = Field(default=None, description="the wait before the next attempt")
    request: Json
    response: Json | None
    response_raw: RawBody | None = Field(
        default=None,
        exclude_if=lambda raw: raw is None,
        description="the body, if it is not a JSON object that `response` can hold unchanged",
    )
    usage: Usage | None
    cost_usd: Decimal | None = Field(description="null if the model's price is unknown")
    prices: str | None = Field(description="source and version of the price")
