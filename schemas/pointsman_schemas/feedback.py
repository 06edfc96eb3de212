"""Verdicts on answers (topic `feedback`)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, TierName
from pointsman_schemas.decisions import Score


class JobFeedback(Message):
    """A verdict on a job's answer. The latest verdict of each judge counts."""

    type: Literal["job.feedback.v1"] = "job.feedback.v1"
    job_id: UUID
    agent_id: AgentId = Field(description="the agent that submitted the job")
    by: AgentId = Field(description="the judge: a person or an agent")
    verdict: float = Field(ge=0, le=1, description="1: good, 0: bad")
    comment: str = Field(default="", max_length=2000)
    tier: TierName | None = Field(
        default=None, exclude_if=lambda tier: tier is None, description="copied from the outcome"
    )
    score: Score | None = Field(
        default=None,
        exclude_if=lambda score: score is None,
        description="copied from the outcome: the prediction that the verdict is compared with",
    )
