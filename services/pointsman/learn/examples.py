"""What a score is trained on."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
#: Into so many parts examples are split where each is to be answered by what the others teach.
FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """`n` texts with outcomes of `t` tiers, ascending.

    `score` [n, t] points; `cost` [n, t] US dollars, none missing; `weight` [n] how much a row counts in
    training;
    `own` [n] whether it is of the work that the score is for: only such rows calibrate and tune it.
    `group` [n]: rows of one group are about the same question and stay on one side of every split.
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
        """The strongest tier's mean cost on the own work, in US dollars."""
        return float(self.cost[self.own, -1].mean())

    def take(self, rows: Sequence[int] | Ints) -> "Examples":
        """The examples at these rows."""
        kept = [int(row) for row in rows]
        return Examples(
            self.tiers,
            tuple(self.texts[row] for row in kept),
            tuple(self.group[row] for row in kept),
            self.score[kept],
            self.cost[kept],
            self.weight[kept],
            self.own[kept],
        )

    def join(self, other: "Examples") -> "Examples":
        """Both, one after the other; their tiers must be the same."""
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
    """The part in which a group's examples are; the same every time."""
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[8:16], "big") % FOLDS
