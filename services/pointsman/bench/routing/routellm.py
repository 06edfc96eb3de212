"""RouteLLM's protocol: how much of the quality gap between a weak and a strong model a router recovers.

PGR: (quality - weak's) / (strong's - weak's). APGR: the mean PGR over all shares of calls to the strong
model; a random router has 0.5. CPT(x): the smallest share of calls to the strong model with a PGR of x.
"""

from typing import Any

import numpy as np

from pointsman.bench.routing.sources.outcomes import Floats

#: The best published results (arXiv 2406.18665) of routers trained with labels of the benchmark's kind.
PUBLISHED = {
    "mmlu": {"apgr": 0.603, "cpt50": 0.354, "cpt80": 0.703},
    "mt_bench": {"apgr": 0.802, "cpt50": 0.134, "cpt80": 0.313},
}


_DRAWS = 500


def protocol(need: Floats, weak: Floats, strong: Floats) -> dict[str, Any]:
    """Return APGR, CPT50 and CPT80. The strong model is called first where `need` [n] is highest.

    `weak` and `strong` [n] are points. The APGR has a 95 % bootstrap interval over questions.
    """
    chance = np.random.RandomState(1)
    drawn = [chance.randint(len(need), size=len(need)) for _ in range(_DRAWS)]
    apgrs = [_apgr(_recovered(need[rows], (strong - weak)[rows])) for rows in drawn]
    lowest, highest = np.quantile(apgrs, (0.025, 0.975))
    recovered = _recovered(need, strong - weak)
    share = np.linspace(0, 1, len(recovered))
    return {
        "questions": len(need),
        "apgr": round(_apgr(recovered), 4),
        "apgr_interval": [round(float(lowest), 4), round(float(highest), 4)],
        "cpt50": round(float(share[np.argmax(recovered >= 0.5)]), 4),
        "cpt80": round(float(share[np.argmax(recovered >= 0.8)]), 4),
    }


def _recovered(need: Floats, gap: Floats) -> Floats:
    """[n + 1] PGR with the strong model called for 0, 1, ... n questions, in order of falling need."""
    gained = np.concatenate([[0.0], np.cumsum(gap[np.argsort(-need, kind="stable")])])
    recovered: Floats = gained / gained[-1]
    return recovered


def _apgr(recovered: Floats) -> float:
    return float(np.trapezoid(recovered, np.linspace(0, 1, len(recovered))))
