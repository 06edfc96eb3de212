"""The cascade measured: two cheap tiers are asked; their answer is accepted, or the strongest is asked too.

Every call is charged: an accepted answer costs both cheap calls, an escalated job all three.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pointsman.bench.routing.measure import Figures, by_task, of_choice
from pointsman.bench.routing.sources.examples import costs, examples, origin
from pointsman.bench.routing.sources.outcomes import DataError, TierAnswers
from pointsman.cascade.accept import AcceptModel, accept, charge
from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.learn.accept import Cascades, Progress, TrainedAccept, fit
from pointsman.learn.examples import Ints

#: Name of the escalated outcome among the tiers of `charged`.
UP = "frontier after both"


@dataclass(frozen=True)
class Cascade:
    """A frozen accept model. It uses neither the strongest tier's outcomes nor any score."""

    model: AcceptModel

    def decide(self, outcomes: TierAnswers, quality: str) -> Ints:
        """[n] 0 where the answer is accepted, 1 where the job escalates, 2 where no cheap tier is asked."""
        if quality not in self.model.bars:
            known = ", ".join(self.model.bars)
            raise DataError(f"the cascade is not tuned for quality {quality}", f"it is for {known}")
        if not self.model.pays(quality):
            return np.full(len(outcomes), 2, dtype=np.intp)
        strongest = self.model.tiers[-1]
        return np.array(
            [accept(self.model, pair, quality).tier == strongest for pair in evidence(outcomes)],
            dtype=np.intp,
        )

    def figures(self, outcomes: TierAnswers, quality: str) -> Figures:
        """Return the figures that every router has, and those by task."""
        chosen = self.decide(outcomes, quality)
        paid = charged(outcomes)
        up = round(float((chosen > 0).mean()), 5)
        shares = dict(zip(outcomes.tiers, (0.0, round(1 - up, 5), up), strict=True))  # of kept answers
        return {**of_choice(paid, chosen), "shares": shares, "by_task": by_task(paid, chosen)}


def can_cascade(outcomes: TierAnswers) -> bool:
    """Return whether the outcomes have what a cascade needs: three tiers with answers and lengths."""
    return (
        len(outcomes.tiers) == 3
        and all(map(any, outcomes.answers))
        and bool(np.isfinite(outcomes.out_tokens[:, :2]).all())
    )


def evidence(outcomes: TierAnswers) -> tuple[AcceptanceEvidence, ...]:
    """Return what the accept model knows of each question after both cheap tiers have answered."""
    weak, strong = outcomes.tiers[:2]
    return tuple(
        AcceptanceEvidence(
            prompt, CheapAnswer(weak, one, float(tokens[0])), CheapAnswer(strong, other, float(tokens[1]))
        )
        for prompt, one, other, tokens in zip(
            outcomes.prompts, outcomes.answers[0], outcomes.answers[1], outcomes.out_tokens, strict=True
        )
    )


def charged(outcomes: TierAnswers) -> TierAnswers:
    """Return the questions with the cascade's ends as tiers: accepted, escalated, always strongest."""
    cost = costs(outcomes)
    accepted = np.array([charge(row[:2]) for row in cost])
    up = np.array([charge(row) for row in cost])
    answer, strongest = outcomes.score[:, 1], outcomes.score[:, 2]
    return replace(
        outcomes,
        tiers=(outcomes.tiers[1], UP, outcomes.tiers[2]),
        cost=np.stack([accepted, up, cost[:, 2]], axis=1),
        score=np.stack([answer, strongest, strongest], axis=1),
    )


def trained(
    own: TierAnswers,
    others: Sequence[TierAnswers] = (),
    *,
    name: str = "bench",
    progress: Progress | None = None,
) -> TrainedAccept:
    """Return an accept model trained on `own` work and on those of `others` that have answers."""
    if not can_cascade(own):
        raise DataError(
            f"{own.name}: a cascade cannot be trained on it",
            "it needs three tiers with `answer_<tier>` and `out_tokens_<tier>`",
        )
    used = [other for other in others if len(other) and other.tiers == own.tiers and can_cascade(other)]
    rows = examples(own, *used)
    weak, strong, strongest = own.tiers
    seen = Cascades(
        (weak, strong, strongest),
        tuple(pair for of in (own, *used) for pair in evidence(of)),
        rows.group,
        rows.score,
        rows.cost,
        rows.weight,
        rows.own,
    )
    return fit(seen, name=name, trained_on=origin(own, *used), progress=progress)
