"""After the cheap answers: accept one, or go up to the strongest tier; ties and doubt go up.

Invariants:
- A missing answer, a kind of answer that training has not seen, and every NaN escalate.
- An accepted answer's `sufficient` is greater than its bar requires, never equal.
- Whatever is decided, every call that was made is paid for (`charge`).
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
    """`version`: first 12 hex digits of the SHA-256 of the file.

    `tiers`: the checker, the one whose answer may be accepted, the strongest. `kinds`: of answers that
    training has seen often enough. `typical`: each feature's median in training.
    `bars`: by required quality as written ("0.995").
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
        """Of the answer and the strongest tier, in this order. The answer costs nothing more: it is there."""
        row = evidence.values(self.inputs)
        return Estimate(
            (1.0 - sigmoid(self.worse(row)), 1.0),
            (sigmoid(self.better(row)), 0.0),
            (0.0, exp(self.cost(row))),
            1.0,
        )

    def pays(self, quality: str) -> bool:
        """Whether to ask the cheap tiers at all: False where training found no bar, so all would go up."""
        bar = self.bars[quality]
        return bar.rate > 0.0 or bar.margin < 1.0

    def reasons(self, evidence: AcceptanceEvidence, top: int = 5) -> list[ScoreReason]:
        """The strongest features for (> 0) and against accepting, each held against its typical value."""
        row = evidence.values(self.inputs)
        whole = self.worse(row)
        reasons = []
        for at, name in enumerate(self.inputs):
            weight = self.worse((*row[:at], self.typical[at], *row[at + 1 :])) - whole
            if weight:
                reasons.append(ScoreReason(FEATURES[name].words, weight))
        return sorted(reasons, key=lambda reason: (-abs(reason.weight), reason.words))[:top]


def accept(model: AcceptModel, evidence: AcceptanceEvidence, quality: str) -> TierChoice:
    """The answer's tier where it may be accepted, else the strongest tier.

    `quality`: one of the model's bars.

    Raises:
        KeyError: the model has no bar for this quality.
    """
    bar = model.bars[quality]
    _, answering, strongest = model.tiers
    if reason := _why_undecided(model, evidence):
        return TierChoice(strongest, (), reason)
    return choose(model.estimate(evidence), bar, (answering, strongest), floor=0.0)


def charge(costs: Iterable[float]) -> float:
    """US dollars of all calls that were made for a job, kept or not; NaN where one is unknown."""
    total = 0.0
    for cost in costs:
        total += cost
    return total


def _why_undecided(model: AcceptModel, evidence: AcceptanceEvidence) -> str | None:
    """Why nothing can be said about this answer; None if something can."""
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
