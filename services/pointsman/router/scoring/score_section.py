"""The `score` section of a policy: the model, the required quality, and the tiers' names."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, field_validator

from pointsman.router.policy.named_files import BY_CONTENT, FileKind, NamedFile
from pointsman.router.policy.tier_names import PolicyTier, context_of
from pointsman.router.scoring.opinion_section import OpinionSection
from pointsman.score.estimate import tuned_for
from pointsman.score.model_file import parse
from pointsman.score.net import NetScore
from pointsman_schemas.base import Value

ModelFile = NamedFile[NetScore]
#: Reads the model that a policy names; raises OSError and ModelFileError.
ReadModel = Callable[[str], ModelFile]
SCORE = FileKind("model", parse, "pointsman.score", "models/general.json", "read_model")


def as_text(value: Any) -> Any:
    """Convert a number to text: 0.99 may be written as either."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class ScoreSection(Value):
    """The settings of `tier: scored`. The model's content, not its path, is part of the policy's version."""

    model: Annotated[ModelFile, PlainValidator(SCORE.named), BY_CONTENT]
    quality: Annotated[str, BeforeValidator(as_text)] = Field(
        description="share of the strongest tier's quality to keep"
    )
    opinion: OpinionSection | None = Field(
        default=None, description="the model that is asked about undecided jobs"
    )
    tiers: dict[PolicyTier, str] = Field(
        default={},
        validate_default=True,
        description="the model's names for this policy's tiers, if they differ",
    )
    prices: dict[PolicyTier, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default={},
        description="a tier's price today, relative to its price in the model's training; default 1",
    )

    @field_validator("quality")
    @classmethod
    def _tuned(cls, quality: str, info: ValidationInfo) -> str:
        file: ModelFile | None = info.data.get("model")
        return quality if file is None else tuned_for(file.model.bars, quality)

    @field_validator("opinion")
    @classmethod
    def _check_opinion(cls, opinion: OpinionSection | None, info: ValidationInfo) -> OpinionSection | None:
        file: ModelFile | None = info.data.get("model")
        quality = info.data.get("quality")
        if opinion is None or file is None or quality is None:
            return opinion
        card = opinion.model.model
        if card.score_version != file.model.version or card.tiers != file.model.tiers:
            raise ValueError(
                f"this opinion was tuned beside the score {card.score_version} of {', '.join(card.tiers)}; "
                f"the policy's is {file.model.version}: train them together"
            )
        if quality not in card.bars:
            raise ValueError(
                f"the opinion is not tuned for `{quality}`; it is for {', '.join(sorted(card.bars))}"
            )
        return opinion

    @field_validator("tiers")
    @classmethod
    def _matched(cls, tiers: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        file: ModelFile | None = info.data.get("model")
        tiers_of_policy = context_of(info).get("tiers")
        if file is None or tiers_of_policy is None:
            return tiers
        model = file.model
        matched = model_names(tiers, tiers_of_policy, model)
        for name in model.tiers:
            if name not in matched.values():
                hint = f"say which it is: `tiers: {{<yours>: {name}}}`"
                raise ValueError(f"the model's tier `{name}` is none of this policy's; {hint}")
        if [matched[tier] for tier in tiers_of_policy if tier in matched] != list(model.tiers):
            raise ValueError(f"the model's tiers ascend as {', '.join(model.tiers)}, each once")
        return tiers


def model_names(written: Mapping[str, str], tiers: tuple[str, ...], model: NetScore) -> dict[str, str]:
    """Return the model's name for each of the policy's tiers that it knows."""
    names = {tier: written.get(tier, tier) for tier in tiers}
    return {tier: name for tier, name in names.items() if name in model.tiers}
