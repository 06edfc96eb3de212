"""Measures whether a set of texts resembles a score's training data.

A single unfamiliar text is caught by its share of known words. A set is compared by the distribution of its
texts' shapes: their population stability index, sum of (now - then) * log(now / then), needs no labels.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import log

from pointsman.score.features import read

#: The largest index of a familiar large set; by a common rule of thumb more than 0.1 is a shift.
FAMILIAR = 0.1
#: The allowance for chance, divided by the number of texts; by chance the index is about 4 / texts.
CHANCE = 10.0
#: The least number of texts for a comparison.
LEAST = 30
_SMALLEST = 0.002


@dataclass(frozen=True, slots=True)
class Shift:
    """`size`: the index, a mean over kinds of shape. `most`: the kind that moved most.

    `texts`: their number.
    """

    size: float
    most: str
    texts: int

    @property
    def familiar(self) -> bool:
        return self.size <= self.allowed or self.texts < LEAST

    @property
    def allowed(self) -> float:
        """The largest index of a familiar set with so many texts."""
        return FAMILIAR + CHANCE / max(self.texts, 1)

    def __str__(self) -> str:
        if self.texts < LEAST:
            return f"{self.texts} texts are too few to tell familiar work from unfamiliar"
        if self.familiar:
            return f"familiar work: shift {self.size:.2f} <= {self.allowed:.2f} over {self.texts:,} texts"
        return f"unfamiliar work: shift {self.size:.2f} > {self.allowed:.2f}, most in {self.most}"


def shapes(texts: Iterable[str]) -> list[tuple[bytes, ...]]:
    """Return each text's shape."""
    return [read(text).shape for text in texts]


def profile(shapes: Iterable[tuple[bytes, ...]]) -> dict[str, float]:
    """Return for each step of each kind of shape the share of texts that have it."""
    counts: Counter[bytes] = Counter()
    total = 0
    for shape in shapes:
        counts.update(shape)
        total += 1
    return {step.decode(): counts[step] / total for step in sorted(counts)}


def shift(training_profile: Mapping[str, float], shapes: Collection[tuple[bytes, ...]]) -> Shift:
    """Compare texts of these shapes with `training_profile`."""
    now = profile(shapes)
    moved: dict[str, float] = {}
    for step in sorted({*training_profile, *now}):
        before, after = max(training_profile.get(step, 0.0), _SMALLEST), max(now.get(step, 0.0), _SMALLEST)
        kind = step.partition(" ")[0]
        moved[kind] = moved.get(kind, 0.0) + (after - before) * log(after / before)
    if not moved:
        return Shift(0.0, "nothing", len(shapes))
    most = max(moved, key=lambda kind: moved[kind])
    size = 0.0
    for kind in sorted(moved):
        size += moved[kind]
    return Shift(size / len(moved), most, len(shapes))
