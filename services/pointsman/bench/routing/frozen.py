"""Evaluate a frozen router, once, on questions that it was not trained on."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from pointsman.bench.routing.calibration import calibration, to_people
from pointsman.bench.routing.measure import Figures, by_task, of_choice
from pointsman.bench.routing.router import Router
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.bench.routing.sources.rewrites import shifts
from pointsman.learn.decide import decide
from pointsman.learn.tune import grid
from pointsman.score.choose import choose
from pointsman.score.drift import shapes, shift
from pointsman.score.estimate import Bar
from pointsman.score.net import NetScore

#: Factors on the strongest tier's price since training.
PRICES = {"the strongest at half its price": 0.5, "the strongest at twice its price": 2.0}


def frozen(router: Router, test: TierAnswers, quality: str) -> dict[str, Any]:
    """Return all figures of a router, which must have the tiers of the test."""
    estimates = router.estimates(test.prompts)
    chosen = router.decide(estimates, quality)
    prices = {}
    for name, factor in PRICES.items():
        today = np.array([1.0] * (len(test.tiers) - 1) + [factor])
        prices[name] = of_choice(test, router.decide(estimates, quality, today), today)
    moved = shift(router.model.profile, shapes(test.prompts))
    return {
        "by_quality": {
            target: of_choice(test, router.decide(estimates, target)) for target in router.model.bars
        },
        "by_task": by_task(test, chosen),
        "calibration": calibration(test, estimates),
        "to_people": to_people(test, estimates, chosen),
        "unfamiliar": round(float((estimates.known < router.model.floor).mean()), 4),
        "shift": {"size": round(moved.size, 4), "familiar": moved.familiar, "said": str(moved)},
        "prices": prices,
        "curve": curve(router, test),
    }


def curve(router: Router, test: TierAnswers) -> list[list[float]]:
    """Return [saved, quality] for every bar, for a plot in hindsight; no bar was chosen by it."""
    estimates = router.estimates(test.prompts)
    seen: dict[tuple[float, float], None] = {}
    every = np.arange(len(test))
    cost = np.where(np.isfinite(test.cost), test.cost, 0.0)
    for bar in grid():
        chosen = decide(estimates, bar, router.model.floor)
        spent = float(cost[every, chosen].sum() / max(cost[:, -1].sum(), 1e-12))
        kept = float(test.score[every, chosen].sum() / max(test.score[:, -1].sum(), 1e-12))
        seen[round(1 - spent, 4), round(kept, 4)] = None
    return [list(point) for point in seen]


def served(router: Router, test: TierAnswers, quality: str) -> dict[str, Any]:
    """Return how fast the router decides, and how much rewritten prompts change its decisions."""

    def choose(prompts: list[str]) -> Any:
        return router.decide(router.estimates(prompts), quality)

    return {
        "speed": speed(router.model, test.prompts, router.bar(quality)),
        "rewrites": shifts(test, choose),
    }


def guarded(router: Router, test: TierAnswers, quality: str) -> Figures:
    """Return the figures with the familiarity check, which sends an unfamiliar set to the strongest tier."""
    moved = shift(router.model.profile, shapes(test.prompts))
    strongest = np.full(len(test), len(test.tiers) - 1)
    chosen = router.decide(router.estimates(test.prompts), quality) if moved.familiar else strongest
    return {**of_choice(test, chosen), "shift": round(moved.size, 4)}


def speed(model: NetScore, prompts: Sequence[str], bar: Bar) -> dict[str, float]:
    """Return microseconds per prompt, one by one on one core, and for a text of 100,000 characters.

    Each is the best of five runs, to exclude interference by other processes.
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


def _took(model: NetScore, text: str, bar: Bar) -> int:
    started = time.perf_counter_ns()
    choose(model.estimate(text), bar, model.tiers, floor=model.floor)
    return time.perf_counter_ns() - started


def _us(took: np.ndarray, percentile: float) -> float:
    return round(float(np.percentile(took, percentile)) / 1000, 1)
