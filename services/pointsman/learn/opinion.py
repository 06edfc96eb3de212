"""Trains an opinion from examples and embeddings; calibrates and tunes it on out-of-fold predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pointsman.learn.calibrate import calibrate, level
from pointsman.learn.decide import Estimates
from pointsman.learn.examples import FOLDS, Examples, Floats, Ints, fold_of
from pointsman.learn.tune import tune
from pointsman.opinion.embed import Vectors
from pointsman.opinion.estimator import Opinion, TextSpace, before_calibration, calibrated, nearness
from pointsman.opinion.model_file import parse, write
from pointsman.opinion.surface import surface


@dataclass(frozen=True, slots=True)
class OpinionRecipe:
    """Hyperparameters. `ridge`: pull to the mean; `of_vector`, `of_surface`: how fast nearness falls."""

    landmarks: int = 700
    ridge: float = 2.0
    of_vector: float = 1.1832
    of_surface: float = 0.3


@dataclass(frozen=True)
class First:
    """The first score's out-of-fold estimates of the own rows, and its version."""

    estimates: Estimates
    version: str
    floor: float


@dataclass(frozen=True)
class TrainedOpinion:
    """Out-of-fold estimates of the own rows (`rows`): `alone`, and `joined` with the first score."""

    content: bytes
    model: Opinion
    rows: Ints
    alone: Estimates
    joined: Estimates


def fit(
    examples: Examples,
    vectors: Vectors,
    first: First,
    *,
    name: str,
    recipe: OpinionRecipe = OpinionRecipe(),
    trained_on: Mapping[str, Any] | None = None,
) -> TrainedOpinion:
    """Train on all of `examples`; `vectors` [n, SIZE] are the embeddings of their texts.

    The bars are for the mean of this and the first score.
    """
    tiers, rows = len(examples.tiers), np.flatnonzero(examples.own)
    surfaces = _surfaces(examples.texts)
    place = _place(surfaces, recipe)
    places = place(vectors, surfaces)
    targets = _targets(examples)
    fold = np.array([fold_of(of) for of in examples.group])
    predicted = np.zeros((len(rows), targets.shape[1]))
    similarity = np.zeros(len(rows))
    for at in range(FOLDS):
        in_fold = fold[rows] == at
        if in_fold.any():
            landmarks, weights, base = _lines(places, targets, examples, np.flatnonzero(fold != at), recipe)
            near = nearness(places[rows[in_fold]], landmarks)
            predicted[in_fold] = before_calibration(near @ weights + base, tiers)
            similarity[in_fold] = near.max(axis=1)
    lines = _calibration(predicted, targets[rows], tiers)
    alone = Estimates.of(
        [calibrated(row, lines, tiers, float(near)) for row, near in zip(predicted, similarity, strict=True)]
    )
    joined = _joined(first.estimates, alone)
    bars = tune(joined, examples.score[rows], examples.cost[rows], first.floor)
    landmarks, weights, base = _lines(places, targets, examples, np.arange(len(places)), recipe)
    body: dict[str, Any] = {
        "name": name,
        "tiers": list(examples.tiers),
        "base": base.tolist(),
        "lines": [list(line) for line in lines],
        "bars": {q: {"rate": bar.rate, "margin": bar.margin} for q, bar in bars.items()},
        "beside": first.version,
        "place": {
            "middle": place.middle.tolist(),
            "spread": place.spread.tolist(),
            "of_vector": place.of_vector,
            "of_surface": place.of_surface,
        },
        "trained_on": {
            **(trained_on or {}),
            "own": len(rows),
            "others": len(examples) - len(rows),
            "unit_usd": examples.unit,
        },
    }
    content = write(body, landmarks, weights)
    return TrainedOpinion(content, parse(content), rows, alone, joined)


def expected_gain(
    examples: Examples,
    vectors: Vectors,
    texts: Sequence[str],
    of_texts: Vectors,
    recipe: OpinionRecipe = OpinionRecipe(),
) -> Floats:
    """Return [n] by how much the strongest tier is expected to beat the weakest on each of `texts`.

    Trained on all of `examples`, to rank texts: neither calibrated nor tuned.
    """
    surfaces = _surfaces(examples.texts)
    place = _place(surfaces, recipe)
    everything = np.arange(len(examples))
    landmarks, weights, base = _lines(
        place(vectors, surfaces), _targets(examples), examples, everything, recipe
    )
    predicted = nearness(place(of_texts, _surfaces(texts)), landmarks) @ weights + base
    gain: Floats = predicted[:, 0] - predicted[:, len(examples.tiers) - 1]
    return gain


def _surfaces(texts: Sequence[str]) -> Floats:
    return np.array([surface(text) for text in texts])


def _place(surfaces: Floats, recipe: OpinionRecipe) -> TextSpace:
    return TextSpace(
        surfaces.mean(axis=0).round(6),
        np.maximum(surfaces.std(axis=0), 1e-3).round(6),
        recipe.of_vector,
        recipe.of_surface,
    )


def _targets(examples: Examples) -> Floats:
    strongest, below = examples.score[:, -1:], examples.score[:, :-1]
    cost = np.log(np.maximum(examples.cost / examples.unit, 1e-6))
    return np.hstack([below < strongest, below > strongest, cost])


def _lines(
    places: Floats, targets: Floats, examples: Examples, rows: Ints, recipe: OpinionRecipe
) -> tuple[Floats, Floats, Floats]:
    """Fit these rows by ridge regression on nearness: landmarks [m, d], weights [m, o] and base [o]."""
    landmarks = places[_landmarks(examples.own, rows, recipe.landmarks)]
    landmarks = landmarks.astype(np.float16).astype(np.float64)  # rounded as in the file
    weight = examples.weight[rows]
    base = np.average(targets[rows], axis=0, weights=weight)
    near = nearness(places[rows], landmarks)
    bent = near.T @ (near * weight[:, None]) + recipe.ridge * (
        nearness(landmarks, landmarks) + 1e-6 * np.eye(len(landmarks))
    )
    weights = np.linalg.solve(bent, near.T @ ((targets[rows] - base) * weight[:, None]))
    return landmarks, weights.astype(np.float64), base.astype(np.float64)


def _landmarks(own: Any, rows: Ints, count: int) -> Ints:
    """Draw half of the landmarks from own rows and half from others; deterministic."""
    drawn = np.random.RandomState(20240701).permutation(rows)
    ours, others = drawn[own[drawn]], drawn[~own[drawn]]
    half = count // 2
    most_own = max(half, count - len(others))
    return np.concatenate([ours[:most_own], others[: count - min(most_own, len(ours))]])


def _calibration(predicted: Floats, came: Floats, tiers: int) -> tuple[tuple[float, float], ...]:
    chances = 2 * (tiers - 1)
    return tuple(
        calibrate(predicted[:, at], came[:, at])
        if at < chances
        else level(predicted[:, at], np.exp(came[:, at]))
        for at in range(predicted.shape[1])
    )


def _joined(first: Estimates, second: Estimates) -> Estimates:
    return Estimates(
        (first.sufficient + second.sufficient) / 2,
        (first.better + second.better) / 2,
        (first.cost + second.cost) / 2,
        first.known,
    )
