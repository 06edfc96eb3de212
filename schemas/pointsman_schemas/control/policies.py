"""The policy in force and its models (topic `policy`)."""

from typing import Literal

from pydantic import Field

from pointsman_schemas.base import Message, NamedModel, TierName


class PolicyApplied(Message):
    """A router starts to use this policy. Decisions refer to it by `policy_version`."""

    type: Literal["policy.applied.v1"] = "policy.applied.v1"
    name: str
    policy_version: str
    text: str = Field(description="content of the policy file")
    model: NamedModel | None = Field(description="its learned score; null: none")
    accept: NamedModel | None = Field(
        default=None,
        exclude_if=lambda model: model is None,
        description="the accept model of its cascade; absent: none",
    )
    opinion: NamedModel | None = Field(
        default=None,
        exclude_if=lambda model: model is None,
        description="the model that gives second opinions on undecided jobs; absent: none",
    )
    tiers: tuple[TierName, ...] = Field(
        default=(),
        exclude_if=lambda tiers: not tiers,
        max_length=16,
        description="its tiers, from least to most capable",
    )
    models: dict[str, TierName] = Field(
        default={},
        exclude_if=lambda models: not models,
        max_length=1_000,
        description="model names that clients may request, and the tier of each",
    )


class ModelApplied(Message):
    """The content of a model that a policy uses, written once for each content."""

    type: Literal["model.applied.v1"] = "model.applied.v1"
    model: NamedModel
    content: str = Field(description="the file in base64")
