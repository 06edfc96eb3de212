"""Decides after the cheap answers: accept one, or escalate to the strongest tier; ties and doubt escalate.

Invariants:
- A missing answer, a kind of answer that training has not seen, and every NaN escalate.
- An accepted answer's `sufficient` is greater than its bar requires, never equal.
- Whatever is decided, every call that was made counts in the cost (`charge`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from pointsman.cascade.accept_evidence import FEATURES, AcceptanceEvidence
from pointsman.cascade.accept_trees import Forest
from pointsman.score.choose import TierChoice, choose
from pointsman.score.estimate import Bar, Estimate, ScoreReason
from pointsman.score.exact import exp, sigmoid


@dataclass(frozen=True)
class AcceptModel:
    """An accept model. `version`: first 12 hex digits of the SHA-256 of its file.

    `tiers`: the checker, the tier whose answer may be accepted, and the strongest. `kinds`: of answers that
    training has seen often enough. `typical`: each feature's median in training. `bars`: by required quality
    as written ("0.995").
    """

    name: str
    version: str
    tiers: tuple[str, str, str]
    inputs: tuple[str, ...]
    typical: tuple[float, ...]
    kinds: frozenset[str]
    bars: Mapping[str, Bar]
    worse: Forest = field(repr=False)
    better: Forest = field(repr=False)
    cost: Forest = field(repr=False)

    def estimate(self, evidence: AcceptanceEvidence) -> Estimate:
        """Estimate answer and strongest tier, in this order. The answer costs 0, as it has been paid for."""
        row = evidence.values(self.inputs)
        return Estimate(
            (1.0 - sigmoid(self.worse(row)), 1.0),
            (sigmoid(self.better(row)), 0.0),
            (0.0, exp(self.cost(row))),
            1.0,
        )

    def pays(self, quality: str) -> bool:
        """Return whether to ask the cheap tiers: not if training found no bar, as all would escalate."""
        bar = self.bars[quality]
        return bar.rate > 0.0 or bar.margin < 1.0

    def reasons(self, evidence: AcceptanceEvidence, top: int = 5) -> list[ScoreReason]:
        """Return the strongest features for (> 0) and against accepting, compared with typical values."""
        row = evidence.values(self.inputs)
        base = self.worse(row)
        reasons = []
        for at, name in enumerate(self.inputs):
            weight = self.worse((*row[:at], self.typical[at], *row[at + 1 :])) - base
            if weight:
                reasons.append(ScoreReason(FEATURES[name].words, weight))
        return sorted(reasons, key=lambda reason: (-abs(reason.weight), reason.words))[:top]


def accept(model: AcceptModel, evidence: AcceptanceEvidence, quality: str) -> TierChoice:
    """Return the answer's tier if it is accepted, else the strongest tier. `quality`: one of the bars.

    Raises:
        KeyError: the model has no bar for this quality.
    """
    bar = model.bars[quality]
    _, answering, strongest = model.tiers
    if reason := _why_undecided(model, evidence):
        return TierChoice(strongest, (), reason)
    return choose(model.estimate(evidence), bar, (answering, strongest), floor=0.0)


def charge(costs: Iterable[float]) -> float:
    """Sum the costs of all calls for a job, used or not, in US dollars; NaN if one is unknown."""
    total = 0.0
    for cost in costs:
        total += cost
    return total


def _why_undecided(model: AcceptModel, evidence: AcceptanceEvidence) -> str | None:
    """Return why the model cannot judge this answer; None if it can."""
    checker, answer = evidence.checker, evidence.answer
    if (checker.tier, answer.tier) != model.tiers[:2]:
        return f"answers of {checker.tier} and {answer.tier}, the model knows {' and '.join(model.tiers[:2])}"
    if not (isfinite(checker.tokens) and isfinite(answer.tokens) and min(checker.tokens, answer.tokens) >= 0):
        return "the length of an answer is missing"
    for cheap in (checker, answer):
        if cheap.logprob is not None and not isfinite(cheap.logprob):
            return "an answer's certainty is not a number"
    kind = evidence.read[1].kind
    if kind == "none":
        return f"no answer can be read in what {answer.tier} said"
    if kind not in model.kinds:
        return f"training has not seen answers of the kind {kind!r}"
    return None
