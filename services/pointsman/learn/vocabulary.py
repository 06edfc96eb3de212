"""The words that are worth a weight, and texts as sparse rows over them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from pointsman.learn.examples import Floats
from pointsman.score.features import read

#: Words by which a prompt speaks of itself, of who asks or of who should answer. They never get a weight, so
#: that nobody is sent to a cheaper tier for saying that it is easy.
UNHEARD = frozenset(
    b"i me my mine we our you your am easy easily trivial simple simply basic beginner quick quickly fast "
    b"homework grade school class teacher student child children kid elementary difficulty difficult hard "
    b"small smaller smallest cheap cheaper cheapest large larger strong stronger weak weaker mini model "
    b"models tier tiers route router routing job jobs system user assistant prompt instruction ignore "
    b"instructions please thanks enough need needed use using only just".split()
)

#: `rarity` is kept as its square in this many parts.
PARTS = 256


@dataclass(frozen=True)
class Vocabulary:
    """`words` in byte order; `rarity` [words]: log of how many texts there are to each with the word."""

    words: tuple[bytes, ...]
    rarity: Floats

    def rows(self, texts: Iterable[str]) -> sparse.csr_array:
        """[texts, words] rarities of the words that are there, each row of length 1."""
        at = {word: column for column, word in enumerate(self.words)}
        columns: list[int] = []
        ends = [0]
        for text in texts:
            columns += sorted(at[word] for word in features(text) if word in at)
            ends.append(len(columns))
        values = self.rarity[columns]
        lengths = np.sqrt([(values[a:b] ** 2).sum() for a, b in pairwise(ends)])
        values = values / np.repeat(np.maximum(lengths, 1e-9), np.diff(ends))
        return sparse.csr_array((values, columns, ends), shape=(len(ends) - 1, len(self.words)))


def features(text: str) -> set[bytes]:
    """Every feature of a text."""
    return read(text).all


def build(texts: Sequence[str], least: int) -> Vocabulary:
    """The words of at least `least` texts."""
    counts = Counter(word for text in texts for word in features(text))
    words = tuple(sorted(word for word, count in counts.items() if count >= least and word not in UNHEARD))
    rarity = np.log([max(len(texts) / (1 + counts[word]), 1.05) for word in words])
    return Vocabulary(words, np.sqrt(np.maximum(np.rint(rarity**2 * PARTS), 1) / PARTS))
