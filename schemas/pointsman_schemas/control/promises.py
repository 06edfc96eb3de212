"""Whether a learned score keeps what it promises, as all routers are to know (topic `policy`)."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, Timestamp


class PromiseBroken(Message):
    """A score's judged answers are worse than it promised: it is not asked until somebody trusts it again."""

    type: Literal["promise.broken.v1"] = "promise.broken.v1"
    model: str = Field(description="the score's name and version, e.g. `general@3f2a9c1d0b7e`")
    found: str = Field(description="what was counted, in words")
    judged_at: Timestamp = Field(description="when the last verdict that was counted came")


class PromiseRenewed(Message):
    """Somebody trusts a score again: verdicts from before count no more."""

    type: Literal["promise.renewed.v1"] = "promise.renewed.v1"
    model: str = Field(description="the score's name and version")
    by: AgentId
    comment: str = Field(default="", max_length=2000)
