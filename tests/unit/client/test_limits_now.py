"""The current state of the shared limits."""

import pytest
from rich.console import Console

from pointsman.cli.show.limits import tables
from pointsman.client.limits_now import BudgetNow, LimitsNow, TargetNow, limits_at, limits_now
from pointsman.limits.ledger import Ledger
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.limits import (
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitSettled,
    Reservation,
    Settlement,
)
from pointsman_schemas.topics import Topics

PER_MINUTE = LimitDeclared(process="a", budget="p/m requests", limit=2, window_s=60, slack_s=3)
A_DAY = LimitDeclared(process="a", budget="all usd", limit=5_000_000_000, window_s=None)


def asking(number: int, **wants: int) -> LimitReserved:
    named = {"p/m requests": wants["requests"], "all usd": wants["usd"]}
    call = Reservation(call=f"job:{number}", target="p/m", wants=named)
    return LimitReserved(process="a", number=number, calls=(call,))


def ledger() -> Ledger:
    """Two calls granted and one of them over, a third waiting, one model paused, one circuit breaker open."""
    state = Ledger()
    state.fold(PER_MINUTE, 1_000)
    state.fold(A_DAY, 1_000)
    for number in (1, 2, 3):
        state.fold(asking(number, requests=1, usd=1_000_000_000), 2_000)
    over = Settlement(call="job:2", used={"all usd": 250_000_000})
    state.fold(LimitSettled(process="a", calls=(over,)), 3_000)
    state.fold(LimitPaused(process="a", target="p/m", seconds=20), 4_000)
    state.fold(BreakerTurned(process="a", target="p/other", to="open", seconds=15), 5_000)
    return state


def test_used_waiting_and_paused_amounts() -> None:
    assert limits_at(ledger(), 9_000) == LimitsNow(
        [
            BudgetNow("all usd", "usd", None, 5.0, 1.25, 1),
            BudgetNow("p/m requests", "requests", 63.0, 2, 2, 1),
        ],
        [
            TargetNow("p/m", 1, 15.0, "closed", 0.0, None),
            TargetNow("p/other", 0, 0.0, "open", 11.0, None),
        ],
    )


def test_time_that_passed_since_the_last_record_counts() -> None:
    limits = limits_at(ledger(), 70_000)
    assert limits.budgets[1].used == 0
    assert (limits.targets[0].paused_s, limits.targets[1].breaker_s) == (0, 0)
    assert limits_at(ledger(), 0) == limits_at(ledger(), 5_000), "a clock that is late does not turn it back"


def test_a_call_waits_only_for_its_budgets() -> None:
    state = ledger()
    call = Reservation(call="job:4", target="p/m", wants={"all usd": 1})
    state.fold(LimitReserved(process="b", number=1, calls=(call,)), 6_000)
    assert [budget.waiting for budget in limits_at(state, 6_000).budgets] == [2, 1]


def probed(*later: BreakerTurned) -> Ledger:
    state = ledger()
    probing = BreakerTurned(process="b", target="p/other", to="probing", seconds=30)
    for turned in (probing, *later):
        state.fold(turned, 20_000)
    return state


def test_a_breaker_names_who_probes_and_keeps_no_time_once_closed() -> None:
    assert limits_at(probed(), 21_000).targets[1] == TargetNow("p/other", 0, 0.0, "probing", 29.0, "b")
    closed = probed(BreakerTurned(process="b", target="p/other", to="closed"))
    assert limits_at(closed, 21_000).targets[1] == TargetNow("p/other", 0, 0.0, "closed", 0.0, None)


async def test_values_are_as_of_this_machines_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(kafka: KafkaPart, topics: Topics) -> Ledger:
        return ledger()

    monkeypatch.setattr("pointsman.client.limits_now.ledger_of", read)
    monkeypatch.setattr("time.time", lambda: 70.0)
    assert (
        await limits_now(KafkaPart(), Topics()) == limits_at(ledger(), 70_000) != limits_at(ledger(), 5_000)
    )


def drawn(limits: LimitsNow) -> str:
    console = Console(width=80, force_terminal=False)
    with console.capture() as captured:
        console.print(tables(limits))
    return captured.get()


def test_as_tables() -> None:
    text = drawn(limits_at(ledger(), 9_000))
    assert [line.split() for line in text.splitlines() if line] == [
        ["limit", "used", "of", "in", "waiting"],
        ["all", "usd", "$1.2500", "$5.0000", "a", "day", "1"],
        ["p/m", "requests", "2", "2", "1", "min", "3", "s", "1"],
        ["model", "waiting", "paused", "breaker"],
        ["p/m", "1", "15.0", "s", "closed"],
        ["p/other", "0", "-", "open,", "tried", "again", "in", "11.0", "s"],
    ]
    assert "half open, b tries it" in drawn(limits_at(probed(), 21_000))
    assert "open, tried again with the next call" in drawn(limits_at(ledger(), 20_000))
    only_targets = drawn(LimitsNow([], limits_at(ledger(), 9_000).targets))
    assert only_targets.startswith("model")
    assert "no limit is in force" in drawn(LimitsNow([], []))
