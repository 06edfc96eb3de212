"""A router in front of work that it has never seen: with no labels, and with a few."""

from collections.abc import Sequence

import numpy as np

from pointsman.bench.routing.measure import Figures, of_choice
from pointsman.bench.routing.router import Progress, Router, trained
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.bench.routing.sources.stem import place
from pointsman.score.drift import shift

LABELS = (300, 1_000)


def transfer(
    router: Router,
    home: Sequence[TierAnswers],
    foreign: TierAnswers,
    quality: str,
    progress: Progress | None = None,
) -> dict[str, Figures]:
    """Figures on a foreign set, always on the same questions: those beyond the most labels.

    `0 labels, unguarded`: the router as it is. `0 labels`: with the check of the whole set in front,
    which leaves all of an unfamiliar set to the strongest tier. `N labels`: trained on N of its
    questions, `home` beside them.
    """
    order = np.argsort([place(of, "labels") for of in foreign.stems], kind="stable")
    most = min(max(LABELS), len(order) // 2)
    test = foreign.take(order[most:])
    estimates = router.estimates(test.prompts)
    chosen = router.decide(estimates, quality)
    moved = shift(router.model.profile, test.prompts)
    figures = {"0 labels, unguarded": of_choice(test, chosen)}
    guarded = chosen if moved.familiar else np.full(len(test), len(test.tiers) - 1)
    figures["0 labels"] = {**of_choice(test, guarded), "shift": round(moved.size, 4)}
    stems = set(test.stems)
    for count in LABELS:
        if count > most:
            continue
        own = foreign.take([row for row in order[:count] if foreign.stems[row] not in stems])
        beside = [
            source.take([row for row, of in enumerate(source.stems) if of not in stems]) for source in home
        ]
        made = Router(trained(own, beside, progress=progress).model)
        figures[f"{count:,} labels"] = of_choice(test, made.decide(made.estimates(test.prompts), quality))
    return figures
