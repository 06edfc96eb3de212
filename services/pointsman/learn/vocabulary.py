"""The words that get a weight, and texts as sparse rows over them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from pointsman.learn.examples import Floats
from pointsman.score.features import read

#: Words with which a prompt refers to itself, its author or its reader. They never get a weight, so that a
#: job is not sent to a cheaper tier because its text says that it is easy.
UNHEARD = frozenset(
    b"i me my mine we our you your am easy easily trivial simple simply basic beginner quick quickly fast "
    b"homework grade school class teacher student child children kid elementary difficulty difficult hard "
    b"small smaller smallest cheap cheaper cheapest large larger strong stronger weak weaker mini model "
    b"models tier tiers route router routing job jobs system user assistant prompt instruction ignore "
    b"instructions please thanks enough need needed use using only just".split()
)

#: Units per 1.0 of a squared `rarity` in the file.
PARTS = 256


@dataclass(frozen=True)
class Vocabulary:
    """`words` in byte order; `rarity` [words]: the logarithm of the number of texts per text with it."""

    words: tuple[bytes, ...]
    rarity: Floats

    def rows(self, texts: Iterable[str]) -> sparse.csr_array:
        """Return [texts, words] the rarities of each text's words; each row has length 1."""
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
    """Return all features of a text."""
    return read(text).all


def build(texts: Sequence[str], least: int) -> Vocabulary:
    """Return the vocabulary of words that occur in at least `least` texts."""
    counts = Counter(word for text in texts for word in features(text))
    words = tuple(sorted(word for word, count in counts.items() if count >= least and word not in UNHEARD))
    rarity = np.log([max(len(texts) / (1 + counts[word]), 1.05) for word in words])
    return Vocabulary(words, np.sqrt(np.maximum(np.rint(rarity**2 * PARTS), 1) / PARTS))
