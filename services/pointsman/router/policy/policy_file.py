"""`policy.yaml` as written by people: tiers, rules, a default and limits, checked as a whole."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pointsman.router.policy.cascade_section import ACCEPT, CascadeSection, ReadAccept
from pointsman.router.policy.review_section import ReviewSection, queue_problems
from pointsman.router.policy.tier_names import (
    ASKED,
    CASCADE,
    SCORED,
    PolicyTier,
    context_of,
    known_tier,
    unique_name,
)
from pointsman.router.scoring.opinion_section import OPINION, ReadOpinion
from pointsman.router.scoring.score_section import SCORE, ReadModel, ScoreSection
from pointsman.runtime import yaml_file
from pointsman.runtime.unknown_tier import unknown_tier
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.base import AgentId, TierName, Value

#: The name of the default, as a rule.
DEFAULT = "default"
#: The name of a shadow's rule.
SHADOW = "shadow"
#: The model name that lets the policy choose, and the prefix of one that asks for a tier.
AUTO, BY_TIER = "auto", "tier:"

T = TypeVar("T")

#: One value, or a list of alternatives.
OneOf = Annotated[
    tuple[T, ...],
    BeforeValidator(lambda value: value if isinstance(value, list | tuple) else [value]),
    Field(min_length=1),
]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
#: A rule's name is a label of a metric.
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class When(Value):
    """The conditions of a rule; all that are given must hold."""

    tier: OneOf[Annotated[TierName, known_tier(ASKED)]] | None = Field(
        default=None, description="`asked`: any tier; else one of these"
    )
    kind: OneOf[Kind] | None = None
    agent: OneOf[AgentId] | None = None
    metadata: dict[str, OneOf[str | int | float | bool]] = Field(default={}, description="key: value or list")
    min_chars: int | None = Field(default=None, ge=0, description="characters of text in all messages")
    max_chars: int | None = Field(default=None, ge=0)
    min_turns: int | None = Field(default=None, ge=1, description="messages of the conversation")
    max_turns: int | None = Field(default=None, ge=1)
    tools: bool | None = Field(default=None, description="whether the request has tools")
    response_format: bool | None = Field(default=None, description="whether the request demands JSON")

    @model_validator(mode="after")
    def _possible(self) -> "When":
        if not self.model_dump(exclude_defaults=True):
            raise ValueError("has no condition; what always holds is the `default`")
        for low, high, unit in (
            (self.min_chars, self.max_chars, "chars"),
            (self.min_turns, self.max_turns, "turns"),
        ):
            if low is not None and high is not None and low > high:
                raise ValueError(f"can never hold: min_{unit} {low} is above max_{unit} {high}")
        return self


class RuleTarget(Value):
    """Where jobs go, and why; the reason is shown to people."""

    tier: TierName
    fallback: Annotated[TierName, known_tier(CASCADE)] | None = Field(
        default=None, description="with `tier: scored`: tier of jobs whose score is undecided or suspended"
    )
    reason: Text

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if self.tier == SCORED and self.fallback is None:
            raise ValueError(
                f"`tier: {SCORED}` needs a `fallback`: the tier for jobs that the score is not sure about"
            )
        if self.tier != SCORED and self.fallback is not None:
            raise ValueError(f"`fallback` is for `tier: {SCORED}`")
        return self


class Rule(RuleTarget):
    """Jobs that meet `when` go to `tier`."""

    name: Annotated[RuleName, unique_name("rule", **{DEFAULT: "the default", SHADOW: "every shadow's rule"})]
    when: When
    tier: Annotated[TierName, known_tier(ASKED, SCORED, CASCADE)]

    @model_validator(mode="after")
    def _check_asked(self) -> "Rule":
        if self.tier == ASKED and self.when.tier is None:
            raise ValueError(f"`tier: {ASKED}` needs `when: {{tier: {ASKED}}}`, or there may be no such tier")
        return self


def _not_asked(tier: object) -> object:
    if tier == ASKED:
        raise ValueError(f"the default must name a tier; `{ASKED}` is for rules")
    return tier


class Default(RuleTarget):
    """Where a job goes that meets no rule."""

    tier: Annotated[TierName, BeforeValidator(_not_asked), known_tier(SCORED, CASCADE)]


class Limits(Value):
    """What a record on the intake may weigh."""

    max_record_bytes: int = Field(default=262_144, ge=1_024, le=1_048_576)


class ShadowSection(Value):
    """A share of the jobs that is done on further tiers too, for the score to learn from."""

    share: float = Field(gt=0, le=1, description="share of all jobs, chosen by a hash of their ids")
    tiers: OneOf[PolicyTier] = Field(description="tiers for shadows, except the one that the job goes to")
    jobs_per_hour: int = Field(ge=1, le=1_000_000, description="most shadows per hour")
    max_chars: int = Field(default=20_000, ge=1, description="longer jobs have no shadow")

    @field_validator("tiers")
    @classmethod
    def _distinct(cls, tiers: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(tiers)) < len(tiers):
            raise ValueError("lists a tier twice")
        return tiers


def _free_name(name: str) -> str:
    if name == AUTO or name.startswith(BY_TIER):
        raise ValueError(f"`{AUTO}` and `{BY_TIER}NAME` are reserved; give the model another name")
    return name


ModelName = Annotated[
    str, StringConstraints(pattern=r"^[!-~]+$", min_length=1, max_length=128), AfterValidator(_free_name)
]


class PolicyFile(Value):
    """The whole file. `tiers` is in order of ascending capability."""

    name: RuleName
    tiers: tuple[TierName, ...] = Field(min_length=1, max_length=16)
    default: Default
    rules: tuple[Rule, ...] = Field(default=(), max_length=200)
    limits: Limits = Limits()
    score: ScoreSection | None = None
    cascade: CascadeSection | None = None
    shadow: ShadowSection | None = None
    review: ReviewSection | None = None
    models: dict[ModelName, TierName] = Field(
        default={}, max_length=1_000, description="model names for the gateway's clients, each with its tier"
    )

    @field_validator("tiers")
    @classmethod
    def _distinct(cls, tiers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if ASKED in tiers:
            raise ValueError(f"`{ASKED}` stands for the job's own choice; give the tier another name")
        if SCORED in tiers:
            raise ValueError(f"`{SCORED}` stands for the score's choice; give the tier another name")
        if CASCADE in tiers:
            raise ValueError(f"`{CASCADE}` stands for several tiers in turn; give the tier another name")
        if len(set(tiers)) < len(tiers):
            raise ValueError("lists a tier twice")
        context_of(info)["tiers"] = tiers  # later fields are validated against it
        return tiers

    @property
    def version(self) -> str:
        """`p-` and 12 hex digits of the content's SHA-256; comments, layout and defaults do not count."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"p-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def load(path: Path) -> PolicyFile:
    """Read a policy and the models that it names.

    Raises:
        FileError: every problem with file, line and column.
    """
    return load_text(path)[0]


def load_text(path: Path) -> tuple[PolicyFile, str]:
    """Read a policy as `load`; return its text too."""
    text = yaml_file.read_text(path)
    return parse(text, str(path)), text


def parse(
    text: str,
    path: str = "policy.yaml",
    *,
    read_model: ReadModel | None = None,
    read_accept: ReadAccept | None = None,
    read_opinion: ReadOpinion | None = None,
) -> PolicyFile:
    """Parse a policy. `path`: for errors. `read_*`: read the models that it names, by default from files."""
    readers = {"read_model": read_model, "read_accept": read_accept, "read_opinion": read_opinion}
    context = _readers(Path(path)) | {name: read for name, read in readers.items() if read is not None}
    return yaml_file.parse(text, path, PolicyFile, context=context, check=_problems)


def _readers(path: Path) -> dict[str, object]:
    """Return the readers of the models that a policy at `path` names."""
    return {kind.reader: kind.reader_beside(path) for kind in (SCORE, ACCEPT, OPINION)}


def _problems(file: PolicyFile) -> Iterator[tuple[Loc, str]]:
    if file.score is None:
        problem = f"`{SCORED}` needs a `score` section that names a model"
        yield from _uses_of(file, SCORED, f"{problem}: score: {{model: builtin, quality: 0.99}}")
    if file.cascade is None:
        problem = f"`{CASCADE}` needs a `cascade` section that names its tiers"
        example = f"{{tiers: [{', '.join(file.tiers[:3])}], accept: agreement}}"
        yield from _uses_of(file, CASCADE, f"{problem}: cascade: {example}")
    if file.review is not None:
        yield from queue_problems(file.review)
    for name, tier in file.models.items():
        if tier not in file.tiers:
            yield ("models", name), unknown_tier(tier, file.tiers)


def _uses_of(file: PolicyFile, name: str, problem: str) -> Iterator[tuple[Loc, str]]:
    """Yield `problem` at each place where a target names `name`."""
    targets: list[tuple[Loc, RuleTarget]] = [(("default",), file.default)]
    targets += [(("rules", index), rule) for index, rule in enumerate(file.rules)]
    for loc, target in targets:
        for key in ("tier", "fallback"):
            if getattr(target, key) == name:
                yield (*loc, key), problem
