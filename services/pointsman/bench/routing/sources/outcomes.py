"""Outcomes of real models on the same questions, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pointsman.bench.routing.sources.stem import stem

Floats = npt.NDArray[np.float64]


class DataError(Exception):
    """The outcomes cannot be used; `hint` says what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.hint = hint


@dataclass(frozen=True)
class TierAnswers:
    """`n` questions, each answered by `t` tiers, in ascending capability.

    `score` [n, t] are points, `cost` [n, t] US dollars and `out_tokens` [n, t] counts, both NaN if the file
    has none. `answers` are n normalised texts per tier, empty if the file has none. `source` and `task` [n]
    are for reports only, never input of a router. `sha256` is that of the file's bytes.
    """

    name: str
    sha256: str
    tiers: tuple[str, ...]
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    source: tuple[str, ...]
    task: tuple[str, ...]
    score: Floats
    cost: Floats
    out_tokens: Floats
    answers: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.prompts)

    @cached_property
    def stems(self) -> tuple[str, ...]:
        return tuple(map(stem, self.prompts))

    @property
    def sufficient(self) -> Floats:
        """[n, t] 1 where the tier's answer was at least as good as the strongest tier's."""
        return (self.score >= self.score[:, -1:]).astype(float)

    def take(self, rows: Sequence[int] | npt.NDArray[np.intp], name: str = "") -> "TierAnswers":
        """Return the questions at these rows, in this order."""
        kept = [int(row) for row in rows]
        return replace(
            self,
            name=name or self.name,
            prompts=tuple(self.prompts[row] for row in kept),
            source=tuple(self.source[row] for row in kept),
            task=tuple(self.task[row] for row in kept),
            score=self.score[kept],
            cost=self.cost[kept],
            out_tokens=self.out_tokens[kept],
            answers=tuple(tuple(of[row] for row in kept) for of in self.answers),
        )
