"""Made-up outcomes of three tiers that a score can learn: short sums are easy, proofs are hard."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pointsman.bench.routing.sources.data import parse
from pointsman.bench.routing.sources.outcomes import TierAnswers

_EASY = ("apples", "pears", "plums", "coins", "books", "stones", "cards", "birds")
_HARD = ("manifold", "homology", "sheaf", "functor", "topology", "operator", "spectrum", "kernel")


def made_up(
    count: int, *, seed: int = 1, tiers: tuple[str, ...] = ("small", "mid", "frontier")
) -> TierAnswers:
    """`count` different questions; all tiers answer easy ones, only the strongest answers hard ones."""
    draw = random.Random(seed)
    columns: dict[str, list[object]] = {"prompt": []}
    for tier in tiers:
        columns |= {f"score_{tier}": [], f"cost_{tier}": []}
    for at in range(count):
        hard = draw.random() < 0.5
        words = " ".join(draw.choice(_HARD if hard else _EASY) for _ in range(6))
        asked = (
            f"Prove that the {words} number {at} of {seed} exists."
            if hard
            else f"Add {at} {words} to {seed}."
        )
        columns["prompt"].append(asked)
        for place, tier in enumerate(tiers):
            strongest = place == len(tiers) - 1
            right = draw.random() < (0.95 if strongest or not hard else 0.1 + 0.2 * place)
            columns[f"score_{tier}"].append(int(right))
            columns[f"cost_{tier}"].append((2.0 if hard else 1.0) * 10.0 ** (place - len(tiers)))
    return parse(columns, f"made-up-{seed}", "0" * 64)


def rows_of(outcomes: TierAnswers, hard: bool) -> np.ndarray:
    """Indices of the hard questions, or of the easy ones."""
    return np.array([at for at, text in enumerate(outcomes.prompts) if text.startswith("Prove") is hard])


def save(outcomes: TierAnswers, path: Path) -> None:
    """Writes a file that `pointsman bench routing` reads."""
    columns: dict[str, list[object]] = {
        "prompt": list(outcomes.prompts),
        "source": ["made-up"] * len(outcomes),
    }
    for at, tier in enumerate(outcomes.tiers):
        columns[f"score_{tier}"] = outcomes.score[:, at].tolist()
        columns[f"cost_{tier}"] = outcomes.cost[:, at].tolist()
    pq.write_table(pa.table(columns), path)
