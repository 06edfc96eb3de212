"""What routers decide by, on record: the policy in force and the models it names (topic `policy`)."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import Message, NamedModel, TierName


class PolicyApplied(Message):
    """A router begins to decide by this policy: what a decision's `policy_version` stands for."""

    type: Literal["policy.applied.v1"] = "policy.applied.v1"
    name: str
    policy_version: str
    text: str = Field(description="the file as a person wrote it")
    model: NamedModel | None = Field(description="the learned score that it names; null where it names none")
    accept: NamedModel | None = Field(
        default=None,
        exclude_if=lambda model: model is None,
        description="the model by which its cascade accepts answers; absent where it names none",
    )
    opinion: NamedModel | None = Field(
        default=None,
        exclude_if=lambda model: model is None,
        description="what gives a second opinion on undecided jobs; absent where it names none",
    )
    tiers: tuple[TierName, ...] = Field(
        default=(),
        exclude_if=lambda tiers: not tiers,
        max_length=16,
        description="the policy's, in order of ascending capability",
    )
    models: dict[str, TierName] = Field(
        default={},
        exclude_if=lambda models: not models,
        max_length=1_000,
        description="names of models that a client may ask for, and the tier that each stands for",
    )


class ModelApplied(Message):
    """The bytes of a model that a policy names, once for each content."""

    type: Literal["model.applied.v1"] = "model.applied.v1"
    model: NamedModel
    content: str = Field(description="the file's bytes in base64")
