"""Training data for an accept model, judged as the worker would judge."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.cascade.judge import KEPT
from pointsman.learn.accept import Cascades, fit
from pointsman.learn.learning_cascade import tried_of
from pointsman.learn.report import expected_cascade
from pointsman.store.ask.labelled import Labelled
from pointsman_schemas.jobs import Job, JobRouted
from tests.support.worker.cascades import response
from tests.support.worker.routed_jobs import AGENT, DECISION

TIERS = ("small", "medium", "frontier")
ROOT = UUID(int=7)
JOB = Job.model_validate(
    {
        "job_id": ROOT,
        "agent_id": AGENT,
        "request": {"messages": [{"role": "user", "content": "1 + 1?"}], "response_format": {"type": "text"}},
    }
)


def rows(*texts: str, **changes: dict[str, Any]) -> list[Labelled]:
    """One row for each tier's answer; `changes`: by tier."""
    value = JobRouted(job=JOB, decision=DECISION).model_dump_json().encode()
    return [
        Labelled(
            **{
                "root": ROOT,
                "job_id": UUID(int=place),
                "tier": tier,
                "value": value,
                "verdict": None,
                "response": response(text),
                "tokens_in": 10,
                "tokens_out": 10,
                "cost_usd": Decimal(10**place),
                **changes.get(tier, {}),
            }
        )
        for place, (tier, text) in enumerate(zip(TIERS, texts, strict=True))
    ]


def no_price(tier: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    return None


def test_agreement_with_the_strongest_is_the_label_and_every_tier_has_its_cost() -> None:
    tried = tried_of(rows("2", "2", "2"), TIERS, no_price)
    assert tried is not None
    assert (tried.points, tried.costs, tried.judged) == ((1.0, 1.0, 1.0), (1.0, 10.0, 100.0), False)
    assert tried.evidence == AcceptanceEvidence(
        "1 + 1?", CheapAnswer("small", "2", 0.25), CheapAnswer("medium", "2", 0.25)
    )
    differing = tried_of(rows("2", "3", "2"), TIERS, no_price)
    assert differing is not None and differing.points == (1.0, 0.0, 1.0)


def test_a_verdict_outweighs_agreement() -> None:
    tried = tried_of(rows("2", "3", "2", medium={"verdict": 0.9}), TIERS, no_price)
    assert tried is not None
    assert (tried.points, tried.judged) == ((1.0, 0.9, 1.0), True)


def test_an_empty_response_keeps_its_verdict() -> None:
    tried = tried_of(rows("2", "2", "2", medium={"response": {}, "verdict": 0.5}), TIERS, no_price)
    assert tried is not None and tried.points == (1.0, 0.5, 1.0)


def test_a_long_first_answer_is_shortened_as_by_the_worker() -> None:
    tried = tried_of(rows("x" * 2 * KEPT, "2", "2"), TIERS, no_price)
    assert tried is not None
    assert (len(tried.evidence.checker.said), tried.evidence.checker.tokens) == (KEPT, KEPT / 2)


@pytest.mark.parametrize("flawed", ["small", "medium"])
@pytest.mark.parametrize(
    "answer",
    [response("2", finish="length"), response(""), response("I'm sorry, I can't help."), {"choices": []}],
)
def test_a_flawed_answer_escalates_as_in_the_worker(flawed: str, answer: dict[str, Any]) -> None:
    tried = tried_of(rows("2", "2", "2", **{flawed: {"response": answer}}), TIERS, no_price)
    assert tried is not None
    assert tried.evidence.read[1].kind == "none"


def test_long_texts_without_a_verdict_and_jobs_without_a_price_are_ignored() -> None:
    texts = [f"{word} " * 200 for word in ("one", "two", "three")]
    assert tried_of(rows(*texts), TIERS, no_price) is None
    assert tried_of(rows("2", "2", "2", small={"cost_usd": None}), TIERS, no_price) is None
    assert tried_of(rows("2", "2", "2", small={"value": b"{}"}), TIERS, no_price) is None


def test_the_expected_cost_includes_all_calls() -> None:
    n = 320
    right = [place % 2 == 0 for place in range(n)]
    cheap = [("4", "4") if good else ("5", "6") for good in right]
    seen = Cascades(
        TIERS,
        tuple(
            AcceptanceEvidence(
                f"{place} and what?", CheapAnswer("small", a, 1.0), CheapAnswer("medium", b, 1.0)
            )
            for place, (a, b) in enumerate(cheap)
        ),
        tuple(map(str, range(n))),
        np.array([[good, good, 1.0] for good in right], dtype=float),
        np.tile([1.0, 2.0, 10.0], (n, 1)),
        np.ones(n),
        np.ones(n, dtype=bool),
    )
    expected = expected_cascade(fit(seen, name="t", trees=5), seen, "0.99")
    assert expected.quality == 1.0
    assert expected.tiers == {"medium": 0.5, "frontier": 0.5}
    assert expected.saved == pytest.approx(1 - (3 + 13) / 2 / 10)
