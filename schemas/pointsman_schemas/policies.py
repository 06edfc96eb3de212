"""What routers decide by, on record: the policy in force and the model it names (topic `policy`)."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import Message, Value


class NamedModel(Value):
    """A learned score, by its content."""

    name: str
    version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file's bytes")


class PolicyApplied(Message):
    """A router begins to decide by this policy: what a decision's `policy_version` stands for."""

    type: Literal["policy.applied.v1"] = "policy.applied.v1"
    name: str
    policy_version: str
    text: str = Field(description="the file as a person wrote it")
    model: NamedModel | None = Field(description="the learned score that it names; null where it names none")


class ModelApplied(Message):
    """The bytes of a model that a policy names, once for each content."""

    type: Literal["model.applied.v1"] = "model.applied.v1"
    model: NamedModel
    content: str = Field(description="the file's bytes in base64")
