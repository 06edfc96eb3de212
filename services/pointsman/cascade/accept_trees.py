"""A sum of small decision trees in integers: the total is the same in any order and on any machine."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Units per 1.0 of log-odds in a leaf's value.
UNIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree. Node 0 is the root; `feature` -1 marks a leaf; other nodes go `left` if `value <= threshold`.

    A node's children come after it, so no walk can loop.
    """

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf: tuple[int, ...]

    def __post_init__(self) -> None:
        size = len(self.feature)
        if not size or any(len(part) != size for part in (self.threshold, self.left, self.right, self.leaf)):
            raise ValueError("a tree's parts differ in length")
        for at, feature in enumerate(self.feature):
            if feature >= 0 and not (at < self.left[at] < size and at < self.right[at] < size):
                raise ValueError("a tree's node leads back or nowhere")

    def value(self, row: Sequence[float]) -> int:
        """Return the value of the leaf for `row`."""
        at = 0
        while (feature := self.feature[at]) >= 0:
            at = self.left[at] if row[feature] <= self.threshold[at] else self.right[at]
        return self.leaf[at]


@dataclass(frozen=True, slots=True)
class Forest:
    """log-odds = `slope` * (`start` + the trees' sum) / UNIT + `offset`."""

    start: int
    trees: tuple[Tree, ...]
    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, row: Sequence[float]) -> float:
        return self.slope * self.raw(row) + self.offset

    def raw(self, row: Sequence[float]) -> float:
        """Return the log-odds before calibration."""
        return (self.start + sum(tree.value(row) for tree in self.trees)) / UNIT
