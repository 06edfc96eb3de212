"""Whether a cheap tier's answer counts, or the job goes up: pure.

Invariants:
- Doubt goes up: what is missing, what is no number, what equals its threshold, what nobody can read.
- The last tier's answer is never judged, and whoever cancelled or came too late is not asked again.
- Same plan, steps and answer: same step, to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

from pointsman.cascade.accept import AcceptModel, accept
from pointsman.cascade.accept_answer import CanonicalAnswer, read_answer
from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.cascade.completion import Completion, flaw_of
from pointsman.cascade.plan import COMPARING
from pointsman.score.choose import in_words
from pointsman.score.exact import exp
from pointsman.score.text import text_of
from pointsman_schemas.cascades import CascadePlan, CascadeStep, Evidence
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.reasons import StepReason

#: The conclusion of an answer stands at its end; as much as is ever read of it.
KEPT = 8_000


@dataclass(frozen=True, slots=True)
class Spent:
    """What a tier's calls came to; `cost_usd` None: a price is unknown."""

    attempts: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a job stands in its cascade: the `tier` that was asked, and the steps of the tiers before it.

    `model`: the plan's, where it could be had.
    """

    plan: CascadePlan
    tier: str
    before: Sequence[CascadeStep]
    request: ChatRequest
    model: AcceptModel | None = None

    @property
    def is_judged(self) -> bool:
        """Whether anything is asked of this tier's answer; the last one's counts as it is."""
        return self.tier in self.plan.tiers[:-1]

    @property
    def first(self) -> Evidence | None:
        """What the first tier's answer left to be compared with."""
        return next((step.evidence for step in self.before if step.tier == self.plan.tiers[0]), None)


@dataclass(frozen=True, slots=True)
class Judged:
    """`up`: the tier that is asked next; None where the answer is accepted."""

    step: CascadeStep
    up: str | None


@dataclass(frozen=True, slots=True)
class _Finding:
    reason: StepReason
    detail: str
    accepted: bool = False
    confidence: float | None = None
    threshold: float | None = None
    evidence: Evidence | None = None


def judge(stage: Stage, answer: Completion, spent: Spent) -> Judged | None:
    """What becomes of the answer that the stage's tier gave; None where nothing is asked of it."""
    if not stage.is_judged:
        return None
    flaw = flaw_of(answer, stage.request)
    if flaw is not None:
        return _judged(stage, _Finding(flaw.reason, flaw.detail), spent)
    match stage.plan.accept:
        case "answer":
            finding = _Finding(StepReason.SURE, f"whole: {len(answer.text):,} characters", accepted=True)
        case "logprob":
            finding = _likely(stage.plan, answer)
        case "agreement":
            finding = _agreed(stage, answer)
        case "model":
            finding = _modelled(stage, answer)
        case _:
            assert_never(stage.plan.accept)
    return _judged(stage, finding, spent)


def failed(stage: Stage, message: str, spent: Spent) -> Judged | None:
    """What becomes of a job whose tier could not answer; None where it ends there."""
    if not stage.is_judged or stage.plan.on_failure == "end":
        return None
    return _judged(stage, _Finding(StepReason.FAILED, message), spent)


def _judged(stage: Stage, finding: _Finding, spent: Spent) -> Judged:
    step = CascadeStep(
        tier=stage.tier,
        accepted=finding.accepted,
        reason=finding.reason,
        detail=finding.detail,
        confidence=finding.confidence,
        threshold=finding.threshold,
        attempts=spent.attempts,
        cost_usd=spent.cost_usd,
        evidence=finding.evidence,
    )
    return Judged(step, None if finding.accepted else _next(stage, finding))


def _next(stage: Stage, finding: _Finding) -> str:
    """Where two answers are compared and the first is none, the second could not be judged: past it."""
    tiers = stage.plan.tiers
    if stage.plan.accept in COMPARING and finding.evidence is None:
        return tiers[-1]
    return tiers[tiers.index(stage.tier) + 1]


def _likely(plan: CascadePlan, answer: Completion) -> _Finding:
    if answer.logprob is None or plan.threshold is None:
        return _Finding(
            StepReason.UNKNOWN, "the provider told no probabilities of its tokens", threshold=plan.threshold
        )
    confidence = exp(answer.logprob)
    sure = confidence > plan.threshold
    reason = StepReason.SURE if sure else StepReason.UNSURE
    return _Finding(reason, in_words(confidence, plan.threshold), sure, confidence, plan.threshold)


def _agreed(stage: Stage, answer: Completion) -> _Finding:
    first, tier, mine = stage.plan.tiers[0], stage.tier, read_answer(answer.text)
    if tier == first:
        if mine.kind in ("none", "long"):
            return _Finding(StepReason.UNKNOWN, f"{_short(mine)}: no two models would word it alike")
        return _kept(stage, answer, _short(mine))
    if stage.first is None:
        return _Finding(StepReason.UNKNOWN, f"nothing is there of {first} to compare it with")
    other = read_answer(stage.first.said)
    if mine.agrees(other):
        return _Finding(StepReason.AGREED, f"{first} and {tier} say {_short(mine)}", accepted=True)
    return _Finding(StepReason.DIFFERED, f"{first} says {_short(other)}, {tier} says {_short(mine)}")


def _modelled(stage: Stage, answer: Completion) -> _Finding:
    plan, model, first = stage.plan, stage.model, stage.first
    if model is None or plan.quality is None or plan.quality not in model.bars:
        name = plan.model.name if plan.model else "of no name"
        return _Finding(StepReason.UNKNOWN, f"the accept model {name} for {plan.quality} is not to be had")
    if stage.tier == plan.tiers[0]:
        return _kept(stage, answer, f"{len(answer.text):,} characters")
    if first is None:
        return _Finding(StepReason.UNKNOWN, f"nothing is there of {plan.tiers[0]} to compare it with")
    evidence = AcceptanceEvidence(
        text_of(stage.request.messages),
        CheapAnswer(model.tiers[0], first.said, first.tokens, first.logprob),
        CheapAnswer(model.tiers[1], answer.text, answer.tokens, answer.logprob),
    )
    choice = accept(model, evidence, plan.quality)
    if choice.undecided is not None:
        return _Finding(StepReason.UNKNOWN, choice.undecided)
    (held,) = choice.compared
    return _Finding(
        StepReason.SURE if held.reached else StepReason.UNSURE,
        in_words(held.sufficient, held.required),
        held.reached,
        held.sufficient,
        min(max(held.required, 0.0), 1.0),
    )


def _kept(stage: Stage, answer: Completion, summary: str) -> _Finding:
    evidence = Evidence(said=answer.text[-KEPT:], tokens=answer.tokens, logprob=answer.logprob)
    detail = f"{summary}, kept to be compared with {stage.plan.tiers[1]}'s"
    return _Finding(StepReason.COMPARED_LATER, detail, evidence=evidence)


def _short(read: CanonicalAnswer) -> str:
    if read.kind == "none":
        return "nothing that can be read"
    text = " ".join(read.text.split())
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`" if read.kind != "long" else "a long text"
