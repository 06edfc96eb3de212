"""Suspension of a learned score whose predictions are wrong, shared by all routers (topic `policy`)."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import AgentId, Message, Timestamp


class PromiseBroken(Message):
    """A score's judged answers are worse than predicted. It is not used until a person trusts it again."""

    type: Literal["promise.broken.v1"] = "promise.broken.v1"
    model: str = Field(description="the score's name and version, e.g. `general@3f2a9c1d0b7e`")
    found: str = Field(description="the counted verdicts, in words")
    judged_at: Timestamp = Field(description="time of the newest counted verdict")


class PromiseRenewed(Message):
    """A person trusts a score again. Earlier verdicts are ignored from now on."""

    type: Literal["promise.renewed.v1"] = "promise.renewed.v1"
    model: str = Field(description="the score's name and version")
    by: AgentId
    comment: str = Field(default="", max_length=2000)
