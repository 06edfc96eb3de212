"""A sum of small decision trees in whole numbers: the same total in any order, on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass

#: A leaf's value is in millionths of log-odds.
UNIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Tree:
    """Node 0 is the root. `feature` -1 marks a leaf; at another node `value <= threshold` goes `left`.

    A node's children always come after it, so no walk can loop.
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
        """The leaf that `row` falls into."""
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
        """As before calibration."""
        return (self.start + sum(tree.value(row) for tree in self.trees)) / UNIT
