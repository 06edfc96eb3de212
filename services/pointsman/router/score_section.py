"""The `score` section of a policy: which learned model is asked, for which quality, under which names."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator, ValidationInfo, field_validator

from pointsman.router.tier_names import check_tier, context_of
from pointsman.score.model import ScoreModel
from pointsman.score.model_file import ModelFileError, parse
from pointsman_schemas.base import TierName, Value
from pointsman_schemas.models import NamedModel

#: Instead of a file: the model that comes with pointsman, and where it lies in the package.
BUILTIN, BUILTIN_FILE = "builtin", "models/general.json"

#: What fits into one record of the topic `policy`, written in base64.
MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model and the bytes it was read from."""

    content: bytes
    sha256: str
    model: ScoreModel

    @classmethod
    def of(cls, content: bytes) -> "ModelFile":
        """The model that these bytes are.

        Raises:
            ModelFileError: they are none.
        """
        return cls.holding(content, parse(content))

    @classmethod
    def holding(cls, content: bytes, model: ScoreModel) -> "ModelFile":
        """`model`, which was read from these bytes."""
        return cls(content, hashlib.sha256(content).hexdigest(), model)

    @property
    def named(self) -> NamedModel:
        """What the record calls it."""
        return NamedModel(name=self.model.name, version=self.model.version, sha256=self.sha256)


#: The model that a policy calls by this name; raises OSError and ModelFileError.
ReadModel = Callable[[str], ModelFile]


def read_beside(policy: Path) -> ReadModel:
    """Reads model files by their path relative to the policy's."""

    def read(name: str) -> ModelFile:
        if name == BUILTIN:
            return ModelFile.of(files("pointsman.score").joinpath(BUILTIN_FILE).read_bytes())
        return ModelFile.of((policy.parent / name).read_bytes())

    return read


def _model(written: Any, info: ValidationInfo) -> ModelFile:
    if not isinstance(written, str) or not written:
        raise ValueError(f"must be the path of a model file, relative to this one, or `{BUILTIN}`")
    read: ReadModel = context_of(info).get("read_model") or read_beside(Path())
    try:
        file = read(written)
    except OSError as error:
        raise ValueError(f"`{written}` cannot be read: {error.strerror or error}") from None
    except ModelFileError as error:
        raise ValueError(f"`{written}` is no model: {error}") from None
    if len(file.content) > MAX_BYTES:
        raise ValueError(f"`{written}` has {len(file.content):,} bytes; what fits on record is {MAX_BYTES:,}")
    context_of(info)["model"] = file.model
    return file


def as_text(value: Any) -> Any:
    """0.99 may be written as a number or as a text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class ScoreSection(Value):
    """What `tier: scored` asks. The model's content is part of the policy's version, its path is not."""

    model: Annotated[ModelFile, PlainValidator(_model), PlainSerializer(lambda file: file.sha256, str)]
    quality: Annotated[str, BeforeValidator(as_text)] = Field(
        description="share of the strongest tier's quality that must be kept"
    )
    tiers: dict[TierName, str] = Field(
        default={},
        validate_default=True,
        description="what the model calls this policy's tiers, where it differs",
    )
    prices: dict[TierName, Annotated[float, Field(gt=0, le=1000)]] = Field(
        default={},
        description="a tier's price today over its price in the model's training; 1 where left out",
    )

    @field_validator("quality")
    @classmethod
    def _tuned(cls, quality: str, info: ValidationInfo) -> str:
        model: ScoreModel | None = context_of(info).get("model")
        if model is None:
            return quality
        try:
            same = [each for each in model.bars if Decimal(each) == Decimal(quality)]
        except InvalidOperation:
            same = []
        if not same:
            raise ValueError(
                f"the model is not tuned for `{quality}`; it is for {', '.join(sorted(model.bars))}"
            )
        return same[0]

    @field_validator("tiers")
    @classmethod
    def _matched(cls, tiers: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        for tier in tiers:
            check_tier(tier, info)
        model: ScoreModel | None = context_of(info).get("model")
        known = context_of(info).get("tiers")
        if model is None or known is None:
            return tiers
        matched = model_names(tiers, known, model)
        for name in model.tiers:
            if name not in matched.values():
                said = f"say which it is: `tiers: {{<yours>: {name}}}`"
                raise ValueError(f"the model's tier `{name}` is none of this policy's; {said}")
        if [matched[tier] for tier in known if tier in matched] != list(model.tiers):
            raise ValueError(f"the model's tiers ascend as {', '.join(model.tiers)}, each once")
        return tiers

    @field_validator("prices")
    @classmethod
    def _priced(cls, prices: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        for tier in prices:
            check_tier(tier, info)
        return prices


def model_names(written: Mapping[str, str], tiers: tuple[str, ...], model: ScoreModel) -> dict[str, str]:
    """What the model calls each of the policy's tiers that it knows."""
    said = {tier: written.get(tier, tier) for tier in tiers}
    return {tier: name for tier, name in said.items() if name in model.tiers}
