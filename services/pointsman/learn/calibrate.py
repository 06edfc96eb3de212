"""Calibrates a score by a straight line in log-odds, fitted out of fold."""

import numpy as np

from pointsman.learn.examples import Floats


def calibrate(predicted: Floats, came: Floats, strength: float = 3.0) -> tuple[float, float]:
    """Return the (slope, offset) with which `predicted` [n] log-odds best match `came` [n] of 0 or 1.

    `strength` pulls the slope to 1, so that a few rows cannot change it much; it stays positive.
    """
    slope, offset = 1.0, 0.0
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(slope * predicted + offset, -30, 30)))
        wrong = chance - came
        certain = chance * (1 - chance)
        first = np.array([(wrong * predicted).sum() + strength * (slope - 1), wrong.sum()])
        cross = (certain * predicted).sum()
        second = np.array(
            [
                [(certain * predicted * predicted).sum() + strength, cross],
                [cross, certain.sum() + 1e-6],
            ]
        )
        move = np.linalg.solve(second, first)
        slope, offset = max(slope - float(move[0]), 0.05), offset - float(move[1])
        if np.abs(move).max() < 1e-10:
            break
    return round(slope, 9), round(offset, 9)


def level(predicted: Floats, came: Floats) -> tuple[float, float]:
    """Return the (1, offset) with which the mean of e^`predicted` equals the mean of `came`, all above 0."""
    return 1.0, round(float(np.log(came.mean() / np.exp(np.clip(predicted, -20, 20)).mean())), 9)
