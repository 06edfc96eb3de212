"""Handmade accept models with known predictions."""

from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.cascade.accept_trees import UNIT, Forest, Tree
from pointsman.score.estimate import Bar

TIERS = ("small", "mid", "frontier")


def constant(log_odds: float) -> Forest:
    """Always gives the same prediction."""
    return Forest(round(log_odds * UNIT), ())


def by_agreement(agreeing: float, differing: float) -> Forest:
    """Its only feature is whether the answers agree."""
    leaves = (0, round(differing * UNIT), round(agreeing * UNIT))
    return Forest(0, (Tree((0, -1, -1), (0.5, 0.0, 0.0), (1, 0, 0), (2, 0, 0), leaves),))


def accept_model(
    *,
    worse: Forest | None = None,
    better: Forest | None = None,
    cost: Forest | None = None,
    bar: Bar | None = None,
    kinds: frozenset[str] = frozenset({"choice", "number"}),
) -> AcceptModel:
    """A model that accepts answers that agree (log-odds of being worse -5) and doubts others (+1)."""
    return AcceptModel(
        name="test",
        version="0" * 12,
        tiers=TIERS,
        inputs=("agree",),
        typical=(0.0,),
        kinds=kinds,
        bars={"0.99": bar or Bar(0.0, -0.1)},
        worse=worse or by_agreement(-5.0, 1.0),
        better=better or constant(-20.0),
        cost=cost or constant(0.0),
    )


def answered(small: str, mid: str, prompt: str = "How many?", **of_mid: float | None) -> AcceptanceEvidence:
    """Two cheap answers to one prompt; `of_mid` changes tokens or logprob of the second tier."""
    fields = {"tokens": 10.0, **of_mid}
    return AcceptanceEvidence(
        prompt,
        CheapAnswer("small", small, 12.0),
        CheapAnswer("mid", mid, **fields),  # type: ignore[arg-type]
    )
