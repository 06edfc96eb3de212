"""Judges whether a cheap tier's answer is accepted or the job is escalated; pure.

Invariants:
- Doubt escalates: a value that is missing, unreadable, not a number, or equal to its threshold.
- The last tier's answer is never judged; a cancelled or expired job is never escalated.
- The same plan, steps and answer give the same step, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, assert_never

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

#: Characters kept from an answer's end, where its conclusion is: as many as are ever read.
KEPT = 8_000


@dataclass(frozen=True, slots=True)
class Spent:
    """The calls of a tier and their cost.

    `cost_usd`: None if it is unknown. `most_usd`: then their maximum cost, if `usd_per_job` applies.
    """

    attempts: int
    cost_usd: Decimal | None
    most_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A job's stage in its cascade: the `tier` that was asked, and the steps of earlier tiers.

    `spent`: on this tier. `model`: the plan's, if available.
    """

    plan: CascadePlan
    tier: str
    before: Sequence[CascadeStep]
    request: ChatRequest
    spent: Spent
    model: AcceptModel | None = None

    @property
    def is_judged(self) -> bool:
        """Whether this tier's answer is judged; the last tier's is not."""
        return self.tier in self.plan.tiers[:-1]

    @property
    def first(self) -> Evidence | None:
        """The evidence from the first tier's answer, for comparison."""
        return next((step.evidence for step in self.before if step.tier == self.plan.tiers[0]), None)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged answer. `up`: the next tier; None if the answer is accepted."""

    step: CascadeStep
    up: str | None


def judge(stage: Stage, answer: Completion) -> Judged | None:
    """Judge the answer of the stage's tier; None if it is not judged."""
    if not stage.is_judged:
        return None
    flaw = flaw_of(answer, stage.request)
    if flaw is not None:
        return _judged(stage, _step(stage, flaw.reason, flaw.detail))
    match stage.plan.accept:
        case "answer":
            detail = f"whole: {len(answer.text):,} characters"
            step = _step(stage, StepReason.SURE, detail, accepted=True)
        case "logprob":
            step = _likely(stage, answer)
        case "agreement":
            step = _agreed(stage, answer)
        case "model":
            step = _modelled(stage, answer)
        case _:
            assert_never(stage.plan.accept)
    return _judged(stage, step)


def failed(stage: Stage, message: str) -> Judged | None:
    """Judge a tier's failure to answer; None if the job ends there."""
    if not stage.is_judged or stage.plan.on_failure == "end":
        return None
    return _judged(stage, _step(stage, StepReason.FAILED, message))


def _judged(stage: Stage, step: CascadeStep) -> Judged:
    """Add the next tier. If two answers are compared and the first is missing, skip the second tier."""
    tiers = stage.plan.tiers
    if step.accepted:
        return Judged(step, None)
    if stage.plan.accept in COMPARING and step.evidence is None:
        return Judged(step, tiers[-1])
    return Judged(step, tiers[tiers.index(stage.tier) + 1])


def _step(
    stage: Stage, reason: StepReason, detail: str, *, accepted: bool = False, **compared: Any
) -> CascadeStep:
    """`compared`: confidence, threshold and the answer's evidence, if any."""
    about = {"tier": stage.tier, "accepted": accepted, "reason": reason, "detail": detail}
    return CascadeStep(**about, **asdict(stage.spent), **compared)


def _likely(stage: Stage, answer: Completion) -> CascadeStep:
    threshold = stage.plan.threshold
    if answer.logprob is None or threshold is None:
        problem = "the provider told no probabilities of its tokens"
        return _step(stage, StepReason.UNKNOWN, problem, threshold=threshold)
    return _compared(stage, exp(answer.logprob), threshold, exp(answer.logprob) > threshold)


def _compared(stage: Stage, confidence: float, threshold: float, sure: bool) -> CascadeStep:
    reason, words = StepReason.SURE if sure else StepReason.UNSURE, in_words(confidence, threshold)
    threshold = min(max(threshold, 0.0), 1.0)
    return _step(stage, reason, words, accepted=sure, confidence=confidence, threshold=threshold)


def _agreed(stage: Stage, answer: Completion) -> CascadeStep:
    first, tier, mine = stage.plan.tiers[0], stage.tier, read_answer(answer.text)
    if tier == first:
        if mine.kind in ("none", "long"):
            return _step(stage, StepReason.UNKNOWN, f"{_short(mine)}: no two models would word it alike")
        return _kept(stage, answer, _short(mine))
    if stage.first is None:
        return _step(stage, StepReason.UNKNOWN, f"nothing is there of {first} to compare it with")
    other = read_answer(stage.first.said)
    if mine.agrees(other):
        return _step(stage, StepReason.AGREED, f"{first} and {tier} say {_short(mine)}", accepted=True)
    return _step(stage, StepReason.DIFFERED, f"{first} says {_short(other)}, {tier} says {_short(mine)}")


def _modelled(stage: Stage, answer: Completion) -> CascadeStep:
    plan, model, first = stage.plan, stage.model, stage.first
    if model is None or plan.quality is None or plan.quality not in model.bars:
        name = plan.model.name if plan.model else "of no name"
        return _step(
            stage, StepReason.UNKNOWN, f"the accept model {name} for {plan.quality} is not to be had"
        )
    if stage.tier == plan.tiers[0]:
        return _kept(stage, answer, f"{len(answer.text):,} characters")
    if first is None:
        return _step(stage, StepReason.UNKNOWN, f"nothing is there of {plan.tiers[0]} to compare it with")
    evidence = AcceptanceEvidence(
        text_of(stage.request.messages),
        CheapAnswer(model.tiers[0], first.said, first.tokens, first.logprob),
        CheapAnswer(model.tiers[1], answer.text, answer.tokens, answer.logprob),
    )
    choice = accept(model, evidence, plan.quality)
    if choice.undecided is not None:
        return _step(stage, StepReason.UNKNOWN, choice.undecided)
    (comparison,) = choice.compared
    return _compared(stage, comparison.sufficient, comparison.required, comparison.reached)


def _kept(stage: Stage, answer: Completion, summary: str) -> CascadeStep:
    evidence = Evidence(said=answer.text[-KEPT:], tokens=answer.tokens, logprob=answer.logprob)
    detail = f"{summary}, kept to be compared with {stage.plan.tiers[1]}'s"
    return _step(stage, StepReason.COMPARED_LATER, detail, evidence=evidence)


def _short(answer: CanonicalAnswer) -> str:
    if answer.kind == "none":
        return "nothing that can be read"
    text = " ".join(answer.text.split())
    return f"`{text if len(text) <= 40 else text[:39] + '…'}`" if answer.kind != "long" else "a long text"
