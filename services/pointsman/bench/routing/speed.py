"""How long a decision takes, from the text to the tier."""

import time
from collections.abc import Sequence

import numpy as np

from pointsman.score.choose import choose
from pointsman.score.estimate import Bar
from pointsman.score.model import ScoreModel


def speed(model: ScoreModel, prompts: Sequence[str], bar: Bar) -> dict[str, float]:
    """Microseconds for each prompt, one by one on one core; and for one of 100,000 characters.

    Each prompt's best of five, so that what else the machine does is not in the figures.
    """
    long = "\n".join(prompts)[:100_000]
    times = np.array([min(_took(model, prompt, bar) for _ in range(5)) for prompt in prompts])
    longest = np.array([min(_took(model, long, bar) for _ in range(5)) for _ in range(50)])
    return {
        "prompts": len(prompts),
        "p50_us": _us(times, 50),
        "p99_us": _us(times, 99),
        "jobs_per_second": round(1e9 / float(np.median(times))),
        "characters_100000_p50_us": _us(longest, 50),
    }


def _took(model: ScoreModel, text: str, bar: Bar) -> int:
    started = time.perf_counter_ns()
    choose(model.estimate(text), bar, model.tiers, floor=model.floor)
    return time.perf_counter_ns() - started


def _us(took: np.ndarray, percentile: float) -> float:
    return round(float(np.percentile(took, percentile)) / 1000, 1)
