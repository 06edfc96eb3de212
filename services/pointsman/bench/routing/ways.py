"""Other ways to choose tiers: with a second opinion, and by cascade, trained and measured alike."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pointsman.bench.routing import cascade, opinion
from pointsman.bench.routing.measure import Figures, mean_of, of_choice, of_mix
from pointsman.bench.routing.opinion_vectors import VectorsOf
from pointsman.bench.routing.sources.data import refuse_overlap
from pointsman.bench.routing.sources.examples import costs
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.learn.train import Trained

OPINION, CASCADE = "with second opinion", "cascade"


def ways(
    first: Trained,
    train: TierAnswers,
    others: Sequence[TierAnswers],
    test: TierAnswers,
    vectors: VectorsOf | None,
) -> dict[str, dict[str, Figures]]:
    """Return figures by way and required quality. `first` is the score trained on `train` and `others`.

    The second opinion is left out if `vectors` is None, the cascade if the files lack answers.
    """
    for source in (train, *others):
        refuse_overlap(source, test)
    by_way: dict[str, dict[str, Figures]] = {}
    if vectors is not None:
        both = opinion.WithOpinion(first.model, opinion.trained(train, others, first, vectors).model)
        of_test = vectors(test.prompts)
        by_way[OPINION] = {quality: both.figures(test, of_test, quality) for quality in both.opinion.bars}
    if cascade.can_cascade(train) and cascade.can_cascade(test):
        frozen = cascade.Cascade(cascade.trained(train, others).model)
        by_way[CASCADE] = {quality: frozen.figures(test, quality) for quality in frozen.model.bars}
    return by_way


def over_splits(splits: Sequence[dict[str, dict[str, Figures]]], checked: Sequence[str]) -> dict[str, Any]:
    """Return for several results of `ways` how often each target was met, and the means."""
    return {
        way: {
            quality: {
                "splits": len(splits),
                "met": sum(split[way][quality]["quality"] >= float(quality) for split in splits),
                "saved": mean_of([split[way][quality] for split in splits], "saved"),
                "quality": mean_of([split[way][quality] for split in splits], "quality"),
                "each": [[split[way][quality]["saved"], split[way][quality]["quality"]] for split in splits],
            }
            for quality in checked
        }
        for way in (splits[0] if splits else {})
    }


def rows(by_way: dict[str, dict[str, Figures]]) -> dict[str, Figures]:
    """Return the figures as rows for the table of routers."""
    return {
        f"{way}, quality {quality}": figures for way, by in by_way.items() for quality, figures in by.items()
    }


def baselines(train: TierAnswers, test: TierAnswers, wanted: float = 0.99) -> dict[str, Figures]:
    """Return figures of: each tier alone, mixes that reach `wanted` on `train`, and the oracle."""
    n, tiers = len(test), len(test.tiers)
    figures = {f"always {tier}": of_choice(test, np.full(n, at)) for at, tier in enumerate(test.tiers)}
    figures["random mix, cheapest and strongest"] = of_mix(test, np.tile(_mix(train, [0], wanted), (n, 1)))
    mixes = [_mix(train, [at], wanted) for at in range(tiers - 1)]
    best = min(mixes, key=lambda share: float((share * costs(train)).sum()))
    figures["best static mix"] = of_mix(test, np.tile(best, (n, 1)))
    sufficient = test.score >= test.score[:, -1:]
    figures["oracle"] = of_choice(test, np.argmax(sufficient, axis=1))
    return figures


def _mix(train: TierAnswers, weaker: list[int], wanted: float) -> np.ndarray:
    """[t] probabilities: as much of a weaker tier as keeps `wanted` of the strongest tier's quality."""
    share = np.zeros(len(train.tiers))
    kept = train.score[:, weaker[0]].sum() / max(train.score[:, -1].sum(), 1e-9)
    of_weaker = 1.0 if kept >= wanted else (1 - wanted) / (1 - kept)
    share[weaker[0]] = of_weaker
    share[-1] += 1 - of_weaker
    return share
