"""A trained score as a router, applied to many prompts at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pointsman.bench.routing.sources.data import refuse_overlap
from pointsman.bench.routing.sources.examples import examples, origin
from pointsman.bench.routing.sources.outcomes import DataError, Floats, TierAnswers
from pointsman.learn.decide import Estimates, decide
from pointsman.learn.examples import Ints
from pointsman.learn.train import Trained, fit
from pointsman.score.estimate import Bar
from pointsman.score.net import NetScore

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Router:
    """A frozen router: it has the model's bars and floor, and never uses outcomes."""

    model: NetScore

    def estimates(self, prompts: Sequence[str]) -> Estimates:
        """Return the estimates for the prompts, as the router in service gets them."""
        return Estimates.of([self.model.estimate(prompt) for prompt in prompts])

    def decide(self, estimates: Estimates, quality: str, prices: Floats | None = None) -> Ints:
        """[n] indices of the chosen tiers for this required quality."""
        return decide(estimates, self.bar(quality), self.model.floor, prices)

    def bar(self, quality: str) -> Bar:
        """Return the bar for this quality. Raises DataError if the model is not tuned for it."""
        try:
            return self.model.bars[quality]
        except KeyError:
            known = ", ".join(self.model.bars)
            raise DataError(f"not tuned for quality {quality}", f"it is for {known}") from None


def trained(
    own: TierAnswers,
    others: Sequence[TierAnswers] = (),
    *,
    name: str = "bench",
    progress: Progress | None = None,
) -> Trained:
    """Return a score trained on `own` work and on `others`. Its file records what it was trained on."""
    return fit(examples(own, *others), name=name, trained_on=origin(own, *others), progress=progress)


def need(estimates: Estimates) -> Floats:
    """[n] how much better the strongest tier is expected to be than the weakest."""
    gained: Floats = np.asarray(1.0 - estimates.sufficient[:, 0] - estimates.better[:, 0])
    return gained


def checked(train: Sequence[TierAnswers], test: TierAnswers) -> None:
    """Raise DataError if the tiers differ, or if a question is both in training and in the test."""
    for source in train:
        if source.tiers != test.tiers:
            raise DataError(
                f"{test.name} has the tiers {', '.join(test.tiers)}, "
                f"{source.name} has {', '.join(source.tiers)}",
                "a router is tested on outcomes of the tiers that it was trained for",
            )
        refuse_overlap(source, test)
