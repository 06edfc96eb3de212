"""A small network from words to outcomes, trained by Adam; deterministic for a given seed."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy import sparse

from pointsman.learn.examples import Floats


@dataclass(frozen=True)
class NetworkRecipe:
    """Hyperparameters of a score's training; found once, on out-of-fold predictions of the training set."""

    nets: int = 4
    hidden: int = 8
    epochs: int = 6
    least_steps: int = 60  # so that small sets are seen more often
    rate: float = 0.01
    batch: int = 256
    decay: float = 1e-4
    decay_out: float = 1e-3
    forget: float = 0.3  # dropout: share of a text's words left out at each step
    cost_share: float = 0.3
    least_texts: int = 5  # a rarer word has no weight


@dataclass(frozen=True)
class Net:
    """Weights `into` [words, hidden] and `bias` [hidden]; `out` [hidden, outputs] and `base` [outputs]."""

    into: Floats
    bias: Floats
    out: Floats
    base: Floats


def train(
    rows: sparse.csr_array, yes: Floats, cost: Floats, weight: Floats, *, recipe: NetworkRecipe, seed: int
) -> Net:
    """Train on `yes` [n, b], outcomes of 0 or 1 (as logits), and `cost` [n, c], positive (as logarithms)."""
    rng = np.random.RandomState(seed)  # numpy guarantees its stream to stay the same
    n, width = rows.shape
    binary = yes.shape[1]
    outputs = binary + cost.shape[1]
    into = rng.normal(0, 0.1, (width, recipe.hidden))
    bias = np.full(recipe.hidden, 0.1)
    out = rng.normal(0, 0.3, (recipe.hidden, outputs))
    share = np.clip(np.average(yes, axis=0, weights=weight), 1e-3, 1 - 1e-3)
    base = np.concatenate([np.log(share / (1 - share)), np.log(np.average(cost, axis=0, weights=weight))])
    adam = _Adam([into, bias, out, base])
    epochs = max(recipe.epochs, ceil(recipe.least_steps * recipe.batch / n))
    for epoch in range(epochs):
        order = rng.permutation(n)
        rate = recipe.rate * (1 - epoch / epochs)
        for start in range(0, n, recipe.batch):
            at = order[start : start + recipe.batch]
            seen = rows[at]
            seen.data = seen.data * (rng.random_sample(len(seen.data)) > recipe.forget) / (1 - recipe.forget)
            before = seen @ into + bias
            after = np.maximum(before, 0)
            predicted = after @ out + base
            wrong = np.empty_like(predicted)
            wrong[:, :binary] = 1 / (1 + np.exp(-np.clip(predicted[:, :binary], -30, 30))) - yes[at]
            wrong[:, binary:] = recipe.cost_share * (np.exp(np.clip(predicted[:, binary:], -8, 4)) - cost[at])
            wrong *= weight[at, None] / len(at)
            back = (wrong @ out.T) * (before > 0)
            steps = [
                seen.T @ back + recipe.decay * into,
                back.sum(0),
                after.T @ wrong + recipe.decay_out * out,
                wrong.sum(0),
            ]
            adam.step(steps, rate)
    return Net(into, bias, out, base)


class _Adam:
    def __init__(self, parts: list[Floats]) -> None:
        self._parts = parts
        self._mean = [np.zeros_like(part) for part in parts]
        self._square = [np.zeros_like(part) for part in parts]
        self._steps = 0

    def step(self, gradients: list[Floats], rate: float) -> None:
        self._steps += 1
        fast, slow = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for at, gradient in enumerate(gradients):
            self._mean[at] += 0.1 * (gradient - self._mean[at])
            self._square[at] += 0.001 * (gradient * gradient - self._square[at])
            self._parts[at] -= rate * (self._mean[at] / fast) / (np.sqrt(self._square[at] / slow) + 1e-8)
