"""A request that a gateway has taken, for its other processes."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Message


class RequestTaken(Message):
    """A gateway made a job from a request without an idempotency key (topic `gateway.requests`).

    Written with the job, and again by another gateway process when the client retries there: the retry joins
    the same job, and the process that wrote last waits for the answer.
    """

    type: Literal["request.taken.v1"] = "request.taken.v1"
    job_id: UUID
    agent_id: AgentId
    digest: str = Field(
        pattern="^[0-9a-f]{64}$", description="SHA-256 of agent, route and body, in hexadecimal"
    )
    process: UUID = Field(description="the gateway process that took it")
    left: bool = Field(
        default=False,
        exclude_if=lambda left: not left,
        description="the client has gone: the job is cancelled unless another process has taken the request",
    )
