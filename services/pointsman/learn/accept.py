"""Trains an accept model from answered questions; calibrates and tunes it on out-of-fold predictions."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_evidence import FEATURES, MISSING, AcceptanceEvidence
from pointsman.cascade.accept_file import forest, parse, write
from pointsman.learn.calibrate import calibrate, level
from pointsman.learn.decide import Estimates, decide
from pointsman.learn.examples import FOLDS, Floats, Ints, fold_of
from pointsman.learn.forests import classifier, regressor
from pointsman.learn.tune import NEVER, tune

#: Rows of the own work that a kind of answer needs to be accepted at all.
LEAST_OF_KIND = 30

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Cascades:
    """`n` questions that the checker, the answering tier and the strongest tier have answered.

    In this order, `score` [n, 3] has points and `cost` [n, 3] US dollars; `weight`, `own` and `group` as in
    `Examples`.
    """

    tiers: tuple[str, str, str]
    evidence: tuple[AcceptanceEvidence, ...]
    group: tuple[str, ...]
    score: Floats
    cost: Floats
    weight: Floats
    own: npt.NDArray[np.bool_]

    @property
    def charged(self) -> Floats:
        """[n, 2] the cost of accepting and of escalating: both cheap calls are paid for either way."""
        cheap = self.cost[:, 0] + self.cost[:, 1]
        return np.stack([cheap, cheap + self.cost[:, 2]], axis=1)


@dataclass(frozen=True)
class TrainedAccept:
    """A trained model. `estimates`: of the own rows (`rows`), out of fold."""

    content: bytes
    model: AcceptModel
    rows: Ints
    estimates: Estimates


def fit(
    cascades: Cascades,
    *,
    name: str,
    trees: int = 80,
    trained_on: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> TrainedAccept:
    """Train on all of `cascades`; calibration and bars come from out-of-fold predictions.

    Logprobs are used if every row has them.
    """
    report_progress = progress or (lambda share: None)
    inputs = _inputs(cascades.evidence)
    x = np.array([pair.values(inputs) for pair in cascades.evidence])
    rows = np.flatnonzero(cascades.own)
    unit = float(cascades.cost[rows, 2].mean())
    came = _came(cascades, unit)
    fold = np.array([fold_of(of) for of in cascades.group])
    predicted = np.zeros((len(rows), 3))
    for at in range(FOLDS):
        in_fold = fold[rows] == at
        away = fold != at
        if in_fold.any():
            trained = _forests(x[away], came[away], cascades.weight[away], trees)
            raw = [forest({**body, "slope": 1, "offset": 0}, len(inputs)).raw for body in trained]
            predicted[in_fold] = np.array([[value(row) for value in raw] for row in x[rows][in_fold]])
        report_progress((at + 1) / (FOLDS + 1))
    lines = (
        calibrate(predicted[:, 0], came[rows, 0]),
        calibrate(predicted[:, 1], came[rows, 1]),
        level(predicted[:, 2], came[rows, 2]),
    )
    estimates = _estimates(predicted, lines)
    kinds = _kinds(cascades, rows)
    readable = np.array([cascades.evidence[row].read[1].kind in kinds for row in rows])
    estimates.known[~readable] = np.nan  # these are always escalated
    charged = cascades.charged[rows]
    bars = tune(estimates, cascades.score[rows][:, 1:], charged, 0.0)
    dearest = float(cascades.cost[rows, 2].sum())  # of the strongest tier alone, without cheap calls
    for quality, bar in bars.items():
        spent = charged[np.arange(len(rows)), decide(estimates, bar, 0.0)].sum()
        bars[quality] = bar if spent < dearest else NEVER
    forests = _forests(x, came, cascades.weight, trees)
    body: dict[str, Any] = {
        "name": name,
        "tiers": list(cascades.tiers),
        "inputs": list(inputs),
        "typical": [round(float(value), 3) for value in np.median(x[rows], axis=0)],
        "kinds": sorted(kinds),
        "bars": {q: {"rate": bar.rate, "margin": bar.margin} for q, bar in bars.items()},
        "trained_on": {
            **(trained_on or {}),
            "own": len(rows),
            "others": len(x) - len(rows),
            "unit_usd": unit,
            "trees": trees,
        },
    }
    for key, trees_of, (slope, offset) in zip(("worse", "better", "cost"), forests, lines, strict=True):
        body[key] = {**trees_of, "slope": slope, "offset": offset}
    content = write(body)
    report_progress(1.0)
    return TrainedAccept(content, parse(content), rows, estimates)


def _came(cascades: Cascades, unit: float) -> Floats:
    """Return [n, 3]: was the answer worse, was it better, and the strongest call's cost in units."""
    answer, strongest = cascades.score[:, 1], cascades.score[:, 2]
    return np.stack(
        [answer < strongest, answer > strongest, np.maximum(cascades.cost[:, 2] / unit, 1e-6)], axis=1
    )


def _forests(x: Floats, came: Floats, weight: Floats, trees: int) -> tuple[dict[str, Any], ...]:
    """Return the forests for worse, better and cost, as in the file, before calibration."""
    return (
        classifier(x, came[:, 0], weight, trees=trees, seed=0),
        classifier(x, came[:, 1], weight, trees=trees, seed=1),
        regressor(x, np.log(came[:, 2]), weight, trees=trees),
    )


def _inputs(evidence: Sequence[AcceptanceEvidence]) -> tuple[str, ...]:
    measures = ("answer_logprob", "surer")
    return tuple(
        name
        for name, feature in FEATURES.items()
        if name not in measures or all(feature.value(pair) != MISSING for pair in evidence)
    )


def _estimates(predicted: Floats, lines: Sequence[tuple[float, float]]) -> Estimates:
    worse, better, cost = (slope * predicted[:, at] + offset for at, (slope, offset) in enumerate(lines))
    ones, none = np.ones(len(predicted)), np.zeros(len(predicted))
    return Estimates(
        np.stack([1 - 1 / (1 + np.exp(-worse)), ones], axis=1),
        np.stack([1 / (1 + np.exp(-better)), none], axis=1),
        np.stack([none, np.exp(cost)], axis=1),
        ones.copy(),
    )


def _kinds(cascades: Cascades, rows: Ints) -> set[str]:
    counted = Counter(cascades.evidence[row].read[1].kind for row in rows)
    return {
        kind for kind, count in counted.items() if count >= LEAST_OF_KIND and kind not in ("none", "long")
    }
