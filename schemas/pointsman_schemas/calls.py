"""One provider call, as it was made and answered (topic `calls`)."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Json, Message, TierName, Timestamp, Value


class Usage(Value):
    """Tokens as the provider counted them."""

    input_tokens: int = Field(ge=0)
    output_tokens: int = Field(ge=0)
    cached_tokens: int = Field(default=0, ge=0, description="part of input_tokens served from a cache")
    cache_write_tokens: int = Field(
        default=0,
        ge=0,
        exclude_if=lambda tokens: tokens == 0,
        description="part of input_tokens that was written to a cache",
    )
    cache_write_1h_tokens: int = Field(
        default=0,
        ge=0,
        exclude_if=lambda tokens: tokens == 0,
        description="part of cache_write_tokens that is kept for an hour, where it has a price of its own",
    )


class RawBody(Value):
    """What a provider sent, as it came, up to a bound."""

    encoding: Literal["utf-8", "base64"] = Field(description="utf-8: `content` is the text itself")
    content: str
    whole: bool = Field(description="false: more came, or was still to come, than is kept here")


class CallFinished(Message):
    """Request, response, usage, cost and duration of one attempt."""

    type: Literal["call.finished.v1"] = "call.finished.v1"
    job_id: UUID
    agent_id: AgentId
    tier: TierName
    provider: str
    model: str = Field(description="the model asked for")
    model_answered: str | None = Field(description="the model as the provider named it")
    attempt: int = Field(ge=1)
    started_at: Timestamp
    duration_ms: float = Field(ge=0)
    first_event_ms: float | None = Field(
        default=None,
        ge=0,
        exclude_if=lambda ms: ms is None,
        description="from sent until the first event of a streamed answer",
    )
    status: Literal["ok", "retry", "reject", "cancelled", "expired"]
    http_status: int | None
    error_type: str | None = Field(description="closed vocabulary, see FailReason; null when ok")
    error: str | None = Field(description="what the provider or the connection said")
    retry_after_s: float | None = Field(default=None, description="the wait before the next attempt")
    request: Json
    response: Json | None
    response_raw: RawBody | None = Field(
        default=None,
        exclude_if=lambda raw: raw is None,
        description="the body, where `response` cannot hold it as it came",
    )
    usage: Usage | None
    cost_usd: Decimal | None = Field(description="null when the model's price is not known")
    prices: str | None = Field(description="where the price is from, with its version")
