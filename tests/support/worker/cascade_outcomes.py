"""Outcomes of three made-up models: if the two cheap ones agree, they are nearly always right."""

import random

from pointsman.bench.routing.sources.data import parse
from pointsman.bench.routing.sources.outcomes import TierAnswers

SMALL, MID, FRONTIER = 0.001, 0.01, 1.0


def cascade_outcomes(count: int = 600, *, seed: int = 1, answers: bool = True) -> TierAnswers:
    """`count` questions; half are easy, which does not show in the prompt."""
    draw = random.Random(seed)
    rows = []
    for at in range(count):
        easy = draw.random() < 0.5
        right = [draw.random() < chance for chance in ((0.97, 0.98, 0.98) if easy else (0.15, 0.3, 0.9))]
        letters = ["A" if good else draw.choice("BCDEFGHIJ") for good in right]
        rows.append((f"Question {seed}-{at}?", right, letters))
    columns: dict[str, list[object]] = {"prompt": [prompt for prompt, _, _ in rows]}
    for at, (tier, cost) in enumerate((("small", SMALL), ("mid", MID), ("frontier", FRONTIER))):
        columns[f"score_{tier}"] = [float(right[at]) for _, right, _ in rows]
        columns[f"cost_{tier}"] = [cost] * count
        columns[f"out_tokens_{tier}"] = [100 + at] * count
        if answers:
            columns[f"answer_{tier}"] = [chosen[at] for _, _, chosen in rows]
    return parse(columns, f"made-up-{seed}", "0" * 64)
