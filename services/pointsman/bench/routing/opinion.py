"""The second opinion measured: first score and opinion combined, with the opinion asked if undecided only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pointsman.bench.routing.measure import Figures, by_task, of_choice
from pointsman.bench.routing.opinion_vectors import VectorsOf
from pointsman.bench.routing.sources.examples import examples, origin
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.learn.examples import Ints
from pointsman.learn.opinion import First, TrainedOpinion, fit
from pointsman.learn.train import Trained
from pointsman.opinion.band import together, undecided
from pointsman.opinion.embed import Vectors
from pointsman.opinion.estimator import Opinion
from pointsman.opinion.surface import surface
from pointsman.score.choose import choose
from pointsman.score.estimate import Estimate
from pointsman.score.net import NetScore

#: The opinion is asked for if the first choice's margin is below this.
BAND = 0.05


@dataclass(frozen=True)
class WithOpinion:
    """The first score and the opinion, both frozen."""

    first: NetScore
    opinion: Opinion
    band: float = BAND

    def decide(self, outcomes: TierAnswers, vectors: Vectors, quality: str) -> tuple[Ints, Ints]:
        """[n] indices of the chosen tiers, and [n] 1 where the opinion was asked."""
        firsts = [self.first.estimate(prompt) for prompt in outcomes.prompts]
        seconds = self.opinion.estimates(vectors, np.array([surface(prompt) for prompt in outcomes.prompts]))
        choices = [self._one(*pair, quality) for pair in zip(firsts, seconds, strict=True)]
        return np.array([at for at, _ in choices], dtype=np.intp), np.array(
            [asked for _, asked in choices], dtype=np.intp
        )

    def figures(self, outcomes: TierAnswers, vectors: Vectors, quality: str) -> Figures:
        """Return the figures of every router, those by task, and the share of jobs that asked the opinion."""
        chosen, is_asked = self.decide(outcomes, vectors, quality)
        return {
            **of_choice(outcomes, chosen),
            "asked": round(float(is_asked.mean()), 5),
            "by_task": by_task(outcomes, chosen),
        }

    def _one(self, first: Estimate, second: Estimate, quality: str) -> tuple[int, bool]:
        tiers, floor = self.first.tiers, self.first.floor
        choice = choose(first, self.first.bars[quality], tiers, floor=floor)
        asks = undecided(choice, self.band)
        if asks:
            both = together(first, second)
            choice = choose(both, self.opinion.bars[quality], tiers, floor=floor)
        return tiers.index(choice.tier), asks


def trained(
    own: TierAnswers,
    others: Sequence[TierAnswers],
    first: Trained,
    vectors: VectorsOf,
    *,
    name: str = "bench",
) -> TrainedOpinion:
    """Return an opinion trained on the data of `first`, and tuned for use together with it."""
    made = examples(own, *others)
    return fit(
        made,
        vectors(made.texts),
        First(first.estimates, first.model.version, first.model.floor),
        name=name,
        trained_on=origin(own, *others),
    )
