"""The learned network: words -> hidden units -> probabilities and costs, in integers.

A word's weights to all hidden units are packed in one integer, 32 bits each, so that one addition adds all of
them; the last field is the square of the word's rarity, for the norm of the text's vector. Integer sums do
not depend on the order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isqrt
from operator import mul
from struct import Struct
from typing import Any

from pointsman.score.estimate import Bar, Estimate, ScoreReason
from pointsman.score.exact import exp, sigmoid
from pointsman.score.features import SIGNS, in_words, read, share_read

_NARROW, _WIDE = 32, 64
#: A hidden unit's value is in units of 1 / 2**UNIT, before the net's scale.
UNIT = 12
#: The norm of a text's vector is the root of its square times 2**LENGTH.
LENGTH = 16


@dataclass(frozen=True)
class OutputHead:
    """One output, in log-odds: `slope` * (`weights` * hidden units + `bias`) + `offset`."""

    weights: tuple[int, ...]
    bias: int
    slope: float
    offset: float


@dataclass(frozen=True)
class NetScore:
    """Estimates a text, with identical results on every machine.

    `version`: first 12 hex digits of the SHA-256 of the file. `tiers`: ascending capability. `bars`: by
    required quality as written ("0.99"), tuned so that the lower bound of the quality reaches it. `floor`:
    the least share of known words of a familiar text.

    `features`: by word or shape, its packed fields. `biases`: of the hidden units. `heads`: for each tier
    below the strongest P(worse), then for each P(better), then each tier's cost. `profile`: the distribution
    of shapes in the training texts, for `drift.shift`.
    """

    name: str
    version: str
    tiers: tuple[str, ...]
    bars: Mapping[str, Bar]
    floor: float
    features: Mapping[bytes | int, int] = field(repr=False)
    biases: tuple[int, ...] = field(repr=False)
    heads: tuple[OutputHead, ...] = field(repr=False)
    profile: Mapping[str, float] = field(repr=False)

    @cached_property
    def _outward(self) -> tuple[int, ...]:
        """For each hidden unit its packed weights to all heads, and last the heads' packed biases."""
        rows = zip(*[(*head.weights, head.bias) for head in self.heads], strict=True)
        return tuple(pack(row, _WIDE) for row in rows)

    def estimate(self, text: str) -> Estimate:
        """Estimate a text, in at most 60 us for usual prompts; bounded for any length."""
        total, known_share = self._add(text)
        return self._estimate(self._logits(total), known_share)

    def logits(self, text: str) -> tuple[tuple[float, ...], float]:
        """Return the heads' outputs in log-odds, and the share of known words."""
        total, known_share = self._add(text)
        return tuple(self._logits(total)), known_share

    def _add(self, text: str) -> tuple[int, float]:
        words, signs, shape = read(text)
        get: Any = self.features.get
        rows = [packed for packed in map(get, words) if packed is not None]
        known_share = len(rows) / len(words) * share_read(text) if words else 0.0
        rows += [packed for packed in map(get, (*signs, *shape)) if packed is not None]
        return sum(rows), known_share

    def _logits(self, total: int) -> list[float]:
        *sums, square = unpack(total, len(self.biases) + 1)
        length = isqrt(max(square, 0) << LENGTH) or 1
        hidden = [(total << UNIT) // length + bias for total, bias in zip(sums, self.biases, strict=True)]
        active = [value if value > 0 else 0 for value in hidden]
        outputs = unpack(sum(map(mul, (*active, 1), self._outward)), len(self.heads), _WIDE)
        return [output * head.slope + head.offset for output, head in zip(outputs, self.heads, strict=True)]

    def _estimate(self, logits: Sequence[float], known_share: float) -> Estimate:
        below = len(self.tiers) - 1
        worse = [sigmoid(logit) for logit in logits[:below]]
        better = [sigmoid(logit) for logit in logits[below : 2 * below]]
        cost = [exp(logit) for logit in logits[2 * below :]]
        return Estimate((*[1.0 - chance for chance in worse], 1.0), (*better, 0.0), tuple(cost), known_share)

    def reasons(self, text: str, tier: str, top: int = 5) -> list[ScoreReason]:
        """Return the strongest features for and against `tier`: its log-odds' change without the feature."""
        at = self.tiers.index(tier)
        if at == len(self.tiers) - 1:
            return []
        present = {
            feature: packed
            for feature in read(text).all
            if (packed := self.features.get(key_of(feature))) is not None
        }
        total = sum(present.values())
        base = self._logits(total)[at]
        moved = [(self._logits(total - packed)[at] - base, feature) for feature, packed in present.items()]
        strongest = sorted(moved, key=lambda pair: (-abs(pair[0]), pair[1]))[:top]
        return [ScoreReason(in_words(feature), weight) for weight, feature in strongest]


def key_of(feature: bytes) -> bytes | int:
    """Return the key of a feature in `NetScore.features`; a sign's key is its character code."""
    return feature[0] if len(feature) == 1 and feature in SIGNS else feature


def pack(fields: Sequence[int], bits: int = _NARROW) -> int:
    """Pack integers into one, each in `bits` bits with its sign; packed integers can be added."""
    total = 0
    for number in reversed(fields):
        total = (total << bits) + number
    return total


def unpack(total: int, count: int, bits: int = _NARROW) -> tuple[int, ...]:
    """Return the packed integers, or their sums.

    Raises:
        OverflowError: the last one is out of bounds.
    """
    layout, middles = _layout(count, bits)
    return layout.unpack(((total + middles) ^ middles).to_bytes(count * bits // 8, "little"))


@lru_cache(maxsize=16)
def _layout(count: int, bits: int) -> tuple[Struct, int]:
    """Return the struct of the fields, and a number whose addition keeps fields from borrowing.

    XOR with the same number after the addition gives two's complement.
    """
    middles = pack([1 << (bits - 1)] * count, bits)
    return Struct(f"<{count}{'i' if bits == _NARROW else 'q'}"), middles
