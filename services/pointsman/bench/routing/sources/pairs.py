"""RouteLLM's three benchmarks, each with labels of its own kind but none of the tested questions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pointsman.bench.routing.opinion_vectors import VectorsOf
from pointsman.bench.routing.routellm import PUBLISHED, protocol
from pointsman.bench.routing.router import Progress, Router, need
from pointsman.bench.routing.sources.data import folds, without
from pointsman.bench.routing.sources.examples import examples
from pointsman.bench.routing.sources.outcomes import Floats, TierAnswers
from pointsman.bench.routing.sources.stem import place
from pointsman.learn.opinion import expected_gain
from pointsman.learn.train import untuned

LABELS = 1_500
FOLDS = 5


#: How much each question needs the strong model, by way of ranking.
Needs = dict[str, Floats]
SCORE, OPINION = "", ", with second opinion"


def pairs(
    outcomes: TierAnswers, progress: Progress, vectors: VectorsOf | None = None
) -> dict[str, dict[str, object]]:
    """Return APGR, CPT50 and CPT80 of each benchmark and the best published. `vectors`: for an opinion."""
    source = np.array(outcomes.source)
    every = {name: outcomes.take(np.flatnonzero(source == name)) for name in sorted(set(outcomes.source))}
    report: dict[str, dict[str, object]] = {}
    for at, (name, rows) in enumerate(every.items()):
        others = [outcomes for other, outcomes in every.items() if other != name]
        scores: dict[str, object] = {}
        if len(rows) > 2 * LABELS:
            order = np.argsort([place(of, "routellm") for of in rows.stems], kind="stable")
            train, test = rows.take(order[:LABELS]), rows.take(order[LABELS:])
            scores |= _scored(f"{LABELS:,} labels", test, _needs(without(train, [test]), [], test, vectors))
        if len(rows) >= 100:
            scores |= _scored("five-fold", rows, _fold_by_fold(rows, others, vectors))
        else:
            elsewhere = _needs(others[0], others[1:], rows, vectors)
            scores |= _scored("labels of the other two only", rows, elsewhere)
        scores["best published"] = PUBLISHED.get(name)
        report[name] = scores
        progress((at + 1) / len(every))
    return report


def _fold_by_fold(rows: TierAnswers, others: Sequence[TierAnswers], vectors: VectorsOf | None) -> Needs:
    fold = np.array(folds(rows, FOLDS, "routellm"))
    by_way: Needs = {}
    added = others if len(rows) < LABELS else []  # a small set is trained with the others
    for at in range(FOLDS):
        here = fold == at
        train, test = rows.take(np.flatnonzero(~here)), rows.take(np.flatnonzero(here))
        for way, needs in _needs(train, added, test, vectors).items():
            by_way.setdefault(way, np.zeros(len(rows)))[here] = needs
    return by_way


def _needs(
    train: TierAnswers, added: Sequence[TierAnswers], test: TierAnswers, vectors: VectorsOf | None
) -> Needs:
    made = examples(train, *(without(source, [test]) for source in added))
    score = need(Router(untuned(made, name="routellm")).estimates(test.prompts))
    if vectors is None:
        return {SCORE: score}
    opinion = expected_gain(made, vectors(made.texts), test.prompts, vectors(test.prompts))
    return {SCORE: score, OPINION: (score + opinion) / 2}


def _scored(how: str, rows: TierAnswers, by_way: Needs) -> dict[str, dict[str, Any]]:
    return {
        f"{how}{way}": protocol(needs, rows.score[:, 0], rows.score[:, -1]) for way, needs in by_way.items()
    }
