"""Queries of the audit database about money: prices, days, savings, waste."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pointsman_schemas.reasons import FailReason
from tests.support.store.audit_store import observer
from tests.support.store.incident import PRICES, START, Job, Try, answered_by, cost, failing_agent, record

pytestmark = pytest.mark.stack

END = START + timedelta(days=3)


async def ask(dsn: str, question: str, *arguments: Any) -> list[tuple[Any, ...]]:
    async with observer(dsn) as connection:
        return [tuple(row) for row in await connection.fetch(question, *arguments)]


def frontier(first: int, at: Any = START) -> list[Job]:
    return [
        Job(
            first + number,
            at,
            tiers=("frontier",),
            calls=(Try(tokens=(100 * number + 50, 400 - 90 * number)),),
        )
        for number in range(4)
    ]


async def test_prices_are_derived_from_costs(database: str) -> None:
    good = [job for job in failing_agent() if job.end == "completed"]
    await record(database, [*good, *frontier(500)])
    prices = await ask(
        database,
        "select tier, model, usd_per_million_in, usd_per_million_out, exact from audit.token_prices($1, $2)",
        START, END,
    )  # fmt: skip
    assert [price[0] for price in prices] == ["frontier", "medium", "small"]
    for tier, model, price_in, price_out, exact in prices:
        assert (float(price_in), float(price_out)) == pytest.approx(PRICES[tier], rel=0.001)
        assert (model, exact) == (answered_by(tier), True)


async def test_equal_calls_give_a_mean_price(database: str) -> None:
    await record(database, [Job(1), Job(2)])
    prices = await ask(
        database,
        "select usd_per_million_in, usd_per_million_out, exact from audit.token_prices($1, $2)",
        START,
        END,
    )
    mean = float(cost("small", (200, 100))) / 300 * 1e6
    assert [tuple(map(float, price)) for price in prices] == [(pytest.approx(mean, rel=0.01),) * 2 + (0,)]


async def test_a_day_is_compared_with_the_dearest_model_at_the_same_tokens(database: str) -> None:
    unpriced = Job(600, calls=(Try(paid=False),))
    failed = Job(601, calls=(Try(FailReason.TIMEOUT, tokens=None), Try()))
    await record(database, [*frontier(500), unpriced, failed, *frontier(700, START + timedelta(days=1))])
    savings = await ask(
        database,
        "select day, tier, jobs, calls, failed_calls, tokens_in, tokens_out, cost_usd, unpriced_calls,"
        " always_dearest_usd, saved_percent, dearest_model from audit.cost_daily($1, $2)",
        START, END,
    )  # fmt: skip
    assert [saving[:2] for saving in savings] == [
        (START.date(), "frontier"), (START.date(), "small"), ((START + timedelta(days=1)).date(), "frontier"),
    ]  # fmt: skip
    small = savings[1]
    assert small[2:7] == (2, 3, 1, 400, 200)
    assert (small[7], small[8]) == (cost("small", (200, 100)), 2)
    assert float(small[9]) == pytest.approx(float(cost("frontier", (400, 200))), rel=0.001)
    assert float(small[10]) == pytest.approx(100 * (1 - 0.5 * 0.05), abs=0.1)
    assert small[11] == answered_by("frontier")
    assert float(savings[0][10]) == pytest.approx(0, abs=0.1)


async def test_without_prices_there_are_no_savings(database: str) -> None:
    await record(database, [Job(1, calls=(Try(paid=False),))])
    savings = await ask(
        database,
        "select cost_usd, always_dearest_usd, saved_usd, calls from audit.cost_daily($1, $2)",
        START,
        END,
    )
    assert savings == [(None, None, None, 1)]


async def test_waste_is_grouped_by_reason(database: str) -> None:
    failed = Try(FailReason.SERVER_ERROR, ms=500)
    jobs = [
        Job(1, calls=(failed, failed, Try())),
        Job(2, calls=(Try(), Try())),  # ran twice
        Job(3, calls=(Try(),), end="cancelled"),
        Job(4, calls=(Try(status="expired", tokens=None),), end=None),
        Job(5),
    ]
    await record(database, jobs)
    waste = await ask(
        database,
        "select reason, calls, jobs, cost_usd, unpriced_calls, model_seconds from audit.waste($1, $2)"
        " order by reason",
        START, END,
    )  # fmt: skip
    one_call, seconds = cost("small", (200, 100)), Decimal("0.8")
    assert waste == [
        ("answered twice on one tier", 1, 1, one_call, 0, seconds),
        ("answered, but the job was cancelled", 1, 1, one_call, 0, seconds),
        ("broken off", 1, 1, None, 1, seconds),
        ("failed, tried again or given up", 2, 1, 2 * one_call, 0, 1),
    ]
