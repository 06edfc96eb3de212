"""What somebody thinks of a job's answer (topic `feedback`)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, TierName
from pointsman_schemas.decisions import Score


class JobFeedback(Message):
    """A verdict on a job's answer, from whoever can tell; the last of each judge counts."""

    type: Literal["job.feedback.v1"] = "job.feedback.v1"
    job_id: UUID
    agent_id: AgentId = Field(description="whose job it is")
    by: AgentId = Field(description="who judged: a person, or an agent")
    verdict: float = Field(ge=0, le=1, description="1: good, 0: bad")
    comment: str = Field(default="", max_length=2000)
    tier: TierName | None = Field(
        default=None, exclude_if=lambda tier: tier is None, description="as the outcome has it"
    )
    score: Score | None = Field(
        default=None,
        exclude_if=lambda score: score is None,
        description="as the outcome has it: the promise that the verdict is held against",
    )
