"""Trains a score model from examples; calibrates and tunes it on out-of-fold predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pointsman.learn.calibrate import calibrate, level
from pointsman.learn.compile import compiled
from pointsman.learn.decide import Estimates
from pointsman.learn.examples import FOLDS, Examples, Floats, Ints, fold_of
from pointsman.learn.network import NetworkRecipe, train
from pointsman.learn.tune import tune
from pointsman.learn.vocabulary import build
from pointsman.score.drift import profile, shapes
from pointsman.score.estimate import Estimate
from pointsman.score.exact import exp, sigmoid
from pointsman.score.model_file import parse
from pointsman.score.net import NetScore

#: Share of the own rows, the least familiar ones, that goes to the strongest tier without a decision.
UNFAMILIAR = 0.02

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Trained:
    """A trained score. `estimates`: of the own rows (`rows`), out of fold."""

    content: bytes
    model: NetScore
    rows: Ints
    estimates: Estimates


def fit(
    examples: Examples,
    *,
    name: str,
    recipe: NetworkRecipe = NetworkRecipe(),  # noqa: B008  # frozen
    trained_on: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train on all of `examples`; calibration, floor and bars come from out-of-fold predictions."""
    below = len(examples.tiers) - 1
    report_progress = progress or (lambda share: None)
    group = [fold_of(of) for of in examples.group]
    fold = np.array(group)
    rows = np.flatnonzero(examples.own)
    predicted = np.zeros((len(rows), 3 * below + 1))
    known_shares = np.zeros(len(rows))
    for at in range(FOLDS):
        away = rows[fold[rows] == at]
        if len(away):
            model = untuned(examples.take(np.flatnonzero(fold != at)), name=name, recipe=recipe)
            in_fold = fold[rows] == at
            predicted[in_fold], known_shares[in_fold] = _logits(model, [examples.texts[row] for row in away])
        report_progress((at + 1) / (FOLDS + 1))
    own = examples.take(rows)
    worse, better = _outcomes(own)
    relative = own.cost / examples.unit
    lines = [calibrate(predicted[:, at], worse[:, at]) for at in range(below)]
    lines += [calibrate(predicted[:, below + at], better[:, at]) for at in range(below)]
    lines += [level(predicted[:, 2 * below + at], relative[:, at]) for at in range(below + 1)]
    floor = round(float(np.quantile(known_shares, UNFAMILIAR)), 4)
    estimates = Estimates.of(
        [_read(row, lines, below, share) for row, share in zip(predicted, known_shares, strict=True)]
    )
    content = _compiled(
        examples,
        recipe,
        name=name,
        calibration=lines,
        bars=tune(estimates, own.score, own.cost, floor),
        floor=floor,
        profile={step: round(share, 6) for step, share in profile(shapes(own.texts)).items()},
        trained_on={
            **(trained_on or {}),
            "own": len(rows),
            "others": len(examples) - len(rows),
            "unit_usd": examples.unit,
            "recipe": asdict(recipe),
        },
    )
    report_progress(1.0)
    return Trained(content, parse(content), rows, estimates)


def untuned(examples: Examples, *, name: str, recipe: NetworkRecipe = NetworkRecipe()) -> NetScore:  # noqa: B008  # frozen
    """Train a score that ranks texts: neither calibrated nor tuned, so it has no bars."""
    return parse(_compiled(examples, recipe, name=name))


def _compiled(examples: Examples, recipe: NetworkRecipe, **fields: Any) -> bytes:
    below = len(examples.tiers) - 1
    vocabulary = build(examples.texts, recipe.least_texts)
    worse, better = _outcomes(examples)
    best = np.maximum(examples.score.max(axis=0), 1e-9)
    right = (examples.score / best >= 0.5).astype(float)  # auxiliary: teaches which texts are hard
    relative = np.maximum(examples.cost / examples.unit, 1e-6)
    rows = vocabulary.rows(examples.texts)
    targets = np.hstack([worse, better, right])
    nets = [
        train(rows, targets, relative, examples.weight, recipe=recipe, seed=seed)
        for seed in range(recipe.nets)
    ]
    heads = [*range(2 * below), *range(targets.shape[1], targets.shape[1] + below + 1)]
    return compiled(vocabulary, nets, heads, tiers=examples.tiers, **fields)


def _outcomes(examples: Examples) -> tuple[Floats, Floats]:
    strongest = examples.score[:, -1:]
    below = examples.score[:, :-1]
    return (below < strongest).astype(float), (below > strongest).astype(float)


def _logits(model: NetScore, texts: Sequence[str]) -> tuple[Floats, Floats]:
    outputs = [model.logits(text) for text in texts]
    return np.array([logits for logits, _ in outputs]), np.array([known_share for _, known_share in outputs])


def _read(row: Floats, lines: Sequence[tuple[float, float]], below: int, known_share: float) -> Estimate:
    values = [slope * float(logit) + offset for logit, (slope, offset) in zip(row, lines, strict=True)]
    return Estimate(
        (*(1.0 - sigmoid(value) for value in values[:below]), 1.0),
        (*(sigmoid(value) for value in values[below : 2 * below]), 0.0),
        tuple(exp(value) for value in values[2 * below :]),
        float(known_share),
    )
