"""RouteLLM's three benchmarks, each with labels of its own kind and none of the tested questions."""

from collections.abc import Sequence

import numpy as np

from pointsman.bench.routing.data import folds
from pointsman.bench.routing.examples import examples
from pointsman.bench.routing.outcomes import Floats, Outcomes
from pointsman.bench.routing.routellm import PUBLISHED, protocol
from pointsman.bench.routing.router import Progress, Router, need
from pointsman.bench.routing.stem import place
from pointsman.learn.train import untuned

LABELS = 1_500
FOLDS = 5


def pairs(outcomes: Outcomes, progress: Progress) -> dict[str, dict[str, object]]:
    """APGR, CPT50 and CPT80 of each benchmark, beside the best published ones."""
    source = np.array(outcomes.source)
    every = {name: outcomes.take(np.flatnonzero(source == name)) for name in sorted(set(outcomes.source))}
    found: dict[str, dict[str, object]] = {}
    for at, (name, rows) in enumerate(every.items()):
        others = [each for other, each in every.items() if other != name]
        told: dict[str, object] = {}
        if len(rows) > 2 * LABELS:
            order = np.argsort([place(of, "routellm") for of in rows.stems], kind="stable")
            train, test = rows.take(order[:LABELS]), rows.take(order[LABELS:])
            kept = set(test.stems)
            train = train.take([row for row, of in enumerate(train.stems) if of not in kept])
            told[f"{LABELS:,} labels"] = _scored(test, _need(train, [], test))
        if len(rows) >= 100:
            told["five-fold"] = _scored(rows, _fold_by_fold(rows, others))
        else:
            told["labels of the other two only"] = _scored(rows, _elsewhere(rows, others))
        told["best published"] = PUBLISHED.get(name)
        found[name] = told
        progress((at + 1) / len(every))
    return found


def _fold_by_fold(rows: Outcomes, others: Sequence[Outcomes]) -> Floats:
    fold = np.array(folds(rows, FOLDS, "routellm"))
    said = np.zeros(len(rows))
    beside = others if len(rows) < LABELS else []  # a small set learns from the others too
    for at in range(FOLDS):
        here = fold == at
        train, test = rows.take(np.flatnonzero(~here)), rows.take(np.flatnonzero(here))
        said[here] = _need(train, beside, test)
    return said


def _elsewhere(rows: Outcomes, others: Sequence[Outcomes]) -> Floats:
    return _need(others[0], others[1:], rows)


def _need(train: Outcomes, beside: Sequence[Outcomes], test: Outcomes) -> Floats:
    taken = set(test.stems)
    clear = [each.take([row for row, of in enumerate(each.stems) if of not in taken]) for each in beside]
    router = Router(untuned(examples(train, *clear), name="routellm"))
    return need(router.estimates(test.prompts))


def _scored(rows: Outcomes, said: Floats) -> dict[str, float]:
    return protocol(said, rows.score[:, 0], rows.score[:, -1])
