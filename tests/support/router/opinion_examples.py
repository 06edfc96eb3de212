"""Made-up jobs whose difficulty shows in their embeddings but not in their words."""

from dataclasses import dataclass

import numpy as np

from pointsman.learn.decide import Estimates
from pointsman.learn.examples import Examples
from pointsman.learn.opinion import First, OpinionRecipe
from pointsman.opinion.embed import SIZE, Vectors

RECIPE = OpinionRecipe(landmarks=60)


@dataclass(frozen=True)
class Work:
    """`easy` [n]: whether the middle tier is as good as the strongest."""

    examples: Examples
    vectors: Vectors
    easy: np.ndarray

    @property
    def first(self) -> First:
        """A first score with the same estimate for every text."""
        n = len(self.examples)
        same = Estimates(
            np.tile([0.3, 0.6, 1.0], (n, 1)),
            np.tile([0.01, 0.01, 0.0], (n, 1)),
            np.tile([0.01, 0.1, 1.0], (n, 1)),
            np.ones(n),
        )
        return First(same, "0" * 12, 0.5)


def work(count: int = 400, seed: int = 1) -> Work:
    """`count` questions with the same wording; half of them are easy."""
    draw = np.random.RandomState(seed)
    easy = draw.rand(count) < 0.5
    vectors = draw.normal(size=(count, SIZE)) * 0.02
    vectors[:, 0] += np.where(easy, 1.0, -1.0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    right = np.stack([draw.rand(count) < 0.2, easy | (draw.rand(count) < 0.2), np.ones(count, bool)], axis=1)
    examples = Examples(
        ("small", "mid", "frontier"),
        tuple(f"question {at}" for at in range(count)),
        tuple(f"{seed}-{at}" for at in range(count)),
        right.astype(float),
        np.tile([0.01, 0.1, 1.0], (count, 1)),
        np.ones(count),
        np.ones(count, bool),
    )
    return Work(examples, vectors.astype(np.float32), easy)
