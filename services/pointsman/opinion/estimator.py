"""Estimate each tier's quality for a text by kernel regression on its similarity to landmarks.

Landmarks are training texts. A text that resembles none of them gets about the mean of the training set, and
`known` approaches 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pointsman.opinion.card import Card
from pointsman.score.estimate import Estimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextSpace:
    """Maps texts to points. `middle` and `spread` [s] normalise surface features; the rest are weights."""

    middle: Floats
    spread: Floats
    of_vector: float
    of_surface: float

    def __call__(self, vectors: npt.NDArray[np.floating], surfaces: Floats) -> Floats:
        """Return points [n, d]; similar texts are near each other."""
        flat: Floats = np.clip((surfaces - self.middle) / self.spread, -4.0, 4.0)
        placed: Floats = np.hstack([vectors.astype(np.float64) * self.of_vector, flat * self.of_surface])
        return placed


def nearness(places: Floats, landmarks: Floats) -> Floats:
    """Return similarities [n, m] between 0 and 1."""
    square = (places**2).sum(1)[:, None] + (landmarks**2).sum(1)[None] - 2.0 * places @ landmarks.T
    near: Floats = np.exp(-np.maximum(square, 0.0) / 2.0)
    return near


@dataclass(frozen=True)
class Opinion(Card):
    """An opinion with `landmarks` [m, d], `weights` [m, o] and `base` [o].

    The outputs are P(worse) for each tier below the strongest, P(better) for the same tiers, then the log of
    each tier's cost; `lines` [o] (slope, offset) calibrate them.
    """

    place: TextSpace
    landmarks: Floats = field(repr=False)
    weights: Floats = field(repr=False)
    base: Floats = field(repr=False)
    lines: tuple[tuple[float, float], ...]

    def estimates(self, vectors: npt.NDArray[np.floating], surfaces: Floats) -> list[Estimate]:
        """Return an estimate for each text."""
        near = nearness(self.place(vectors, surfaces), self.landmarks)
        predicted = before_calibration(near @ self.weights + self.base, len(self.tiers))
        return [
            calibrated(row, self.lines, len(self.tiers), float(closest))
            for row, closest in zip(predicted, near.max(axis=1), strict=True)
        ]


def before_calibration(raw: Floats, tiers: int) -> Floats:
    """Return probabilities as log-odds, and logs of costs unchanged."""
    chances = np.clip(raw[:, : 2 * tiers - 2], 0.004, 0.996)
    return np.hstack([np.log(chances / (1.0 - chances)), raw[:, 2 * tiers - 2 :]])


def calibrated(row: Floats, lines: Sequence[tuple[float, float]], tiers: int, known: float) -> Estimate:
    """Return the estimate of one row of outputs, calibrated by `lines`."""
    values = [slope * float(value) + offset for value, (slope, offset) in zip(row, lines, strict=True)]
    below = tiers - 1
    chances = [float(1.0 / (1.0 + np.exp(-value))) for value in values[: 2 * below]]
    return Estimate(
        (*(1.0 - chance for chance in chances[:below]), 1.0),
        (*chances[below:], 0.0),
        tuple(float(np.exp(value)) for value in values[2 * below :]),
        known,
    )
