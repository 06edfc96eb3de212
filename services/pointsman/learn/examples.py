"""The examples that a score is trained on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
#: Number of folds for out-of-fold predictions.
FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """`n` texts with outcomes of `t` tiers in ascending order.

    `score` [n, t] points; `cost` [n, t] US dollars, none missing; `weight` [n] of a row in training; `own`
    [n] whether the row is from the work that the score is for: only these rows calibrate and tune it. `group`
    [n]: rows of a group are about the same question and stay on one side of every split.
    """

    tiers: tuple[str, ...]
    texts: tuple[str, ...]
    group: tuple[str, ...]
    score: Floats
    cost: Floats
    weight: Floats
    own: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def unit(self) -> float:
        """The strongest tier's mean cost on the own rows, in US dollars."""
        return float(self.cost[self.own, -1].mean())

    def take(self, rows: Sequence[int] | Ints) -> "Examples":
        """Return the examples at these rows."""
        indices = [int(row) for row in rows]
        return Examples(
            self.tiers,
            tuple(self.texts[row] for row in indices),
            tuple(self.group[row] for row in indices),
            self.score[indices],
            self.cost[indices],
            self.weight[indices],
            self.own[indices],
        )

    def join(self, other: "Examples") -> "Examples":
        """Return both, concatenated. Raises ValueError if their tiers differ."""
        if self.tiers != other.tiers:
            raise ValueError(f"the tiers differ: {', '.join(self.tiers)} and {', '.join(other.tiers)}")
        return Examples(
            self.tiers,
            self.texts + other.texts,
            self.group + other.group,
            np.concatenate([self.score, other.score]),
            np.concatenate([self.cost, other.cost]),
            np.concatenate([self.weight, other.weight]),
            np.concatenate([self.own, other.own]),
        )


def fold_of(group: str) -> int:
    """Return the fold of a group; the same every time."""
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[8:16], "big") % FOLDS
