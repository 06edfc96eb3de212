"""RouteLLM's protocol: a weak and a strong model, and how much of the gap between them a router recovers.

PGR: (quality - weak's) / (strong's - weak's). APGR: its mean over every share of calls to the strong
model, so that a random router has 0.5. CPT(x): the least share of calls to the strong model with a PGR of
x.
"""

import numpy as np

from pointsman.bench.routing.outcomes import Floats

#: Best of each column in the paper (arXiv 2406.18665), with labels of the benchmark's kind.
PUBLISHED = {
    "mmlu": {"apgr": 0.603, "cpt50": 0.354, "cpt80": 0.703},
    "mt_bench": {"apgr": 0.802, "cpt50": 0.134, "cpt80": 0.313},
}


def protocol(need: Floats, weak: Floats, strong: Floats) -> dict[str, float]:
    """`need` [n]: the higher, the sooner the strong model is called; `weak` and `strong` [n]: points."""
    order = np.argsort(-need, kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((strong - weak)[order])])
    recovered = gained / gained[-1]
    share = np.linspace(0, 1, len(recovered))
    return {
        "questions": len(need),
        "apgr": round(float(np.trapezoid(recovered, share)), 4),
        "cpt50": round(float(share[np.argmax(recovered >= 0.5)]), 4),
        "cpt80": round(float(share[np.argmax(recovered >= 0.8)]), 4),
    }
