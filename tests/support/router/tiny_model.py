"""A real model trained on a few sums and riddles; the small tier can add."""

from functools import cache

import numpy as np

from pointsman.learn.examples import Examples
from pointsman.learn.network import NetworkRecipe
from pointsman.learn.train import fit


@cache
def tiny_model() -> bytes:
    """The file's bytes. It is not tuned, so every job goes to frontier."""
    texts = [f"please add the numbers {place} and seven" for place in range(30)]
    texts += [f"prove riddle {place} about knights" for place in range(30)]
    points = np.array([[1.0, 1.0, 1.0]] * 30 + [[0.0, 0.0, 1.0]] * 30)
    examples = Examples(
        ("small", "medium", "frontier"),
        tuple(texts),
        tuple(texts),
        points,
        np.tile([0.1, 0.3, 1.0], (60, 1)),
        np.ones(60),
        np.ones(60, dtype=bool),
    )
    return fit(examples, name="tiny", recipe=NetworkRecipe(nets=1, hidden=2, epochs=30, batch=16)).content
