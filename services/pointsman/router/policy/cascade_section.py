"""The `cascade` section of a policy: the tiers in the order they are asked, and what is accepted."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_file import parse
from pointsman.cascade.plan import ascending, complete, payable
from pointsman.router.policy.named_files import BY_CONTENT, FileKind, NamedFile
from pointsman.router.policy.tier_names import PolicyTier, context_of
from pointsman.router.scoring.score_section import as_text
from pointsman_schemas.base import Value
from pointsman_schemas.cascades import Accept, CascadePlan

AcceptFile = NamedFile[AcceptModel]
#: Reads the accept model that a policy names; raises OSError and ModelFileError.
ReadAccept = Callable[[str], AcceptFile]
ACCEPT = FileKind("accept model", parse, "pointsman.score", "models/accept.json", "read_accept")


class CascadeSection(Value):
    """The settings of `tier: cascade`. The model's content, not its path, is part of the policy's version."""

    tiers: tuple[PolicyTier, ...] = Field(description="in the order in which they are asked")
    accept: Accept = Field(description="conditions for an answer of any tier but the last")
    threshold: float | None = Field(
        default=None, gt=0, lt=1, description="for `logprob`: the tokens' mean probability must exceed it"
    )
    model: Annotated[AcceptFile, PlainValidator(ACCEPT.named), BY_CONTENT] | None = Field(
        default=None, description="for `model`"
    )
    quality: Annotated[str, BeforeValidator(as_text)] | None = Field(
        default=None, description="for `model`: share of the strongest tier's quality to keep"
    )
    on_failure: Literal["up", "end"] = Field(
        default="up", description="what happens if a tier gives no answer after its attempts"
    )

    @field_validator("tiers")
    @classmethod
    def _ascending(cls, tiers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        ascending(tiers, context_of(info).get("tiers"))
        return tiers

    @field_validator("quality")
    @classmethod
    def _tuned(cls, quality: str | None, info: ValidationInfo) -> str | None:
        file: AcceptFile | None = info.data.get("model")
        return quality if file is None or quality is None else payable(file.model, quality)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        fields = {name for name in ("threshold", "model", "quality") if getattr(self, name) is not None}
        complete(self.accept, self.tiers, fields)
        return self

    @property
    def plan(self) -> CascadePlan:
        """The plan that travels with a job."""
        return CascadePlan(
            tiers=self.tiers,
            accept=self.accept,
            threshold=self.threshold,
            model=None if self.model is None else self.model.named,
            quality=self.quality,
            on_failure=self.on_failure,
        )
