"""The ledger never exceeds a budget, keeps the order, and is the same for all readers."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.limits.budgets import DAY_MS
from pointsman.limits.ledger import SILENT_MS, Ledger, TicketAnswer
from pointsman_schemas.base import Message
from pointsman_schemas.control.limits import (
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitSettled,
    Reservation,
    Settlement,
)

TARGET = "openai/gpt-4.1"
RATE = LimitDeclared(process="p", budget="rate", limit=3, window_s=60)
TOKENS = LimitDeclared(process="p", budget="tokens", limit=100, window_s=10)
USD = LimitDeclared(process="p", budget="usd", limit=50, window_s=None, refuses=True)


def ask(process: str, *calls: str, number: int = 0, target: str = TARGET, **wants: int) -> LimitReserved:
    wants = wants or {"rate": 1}
    asked = tuple(Reservation(call=call, target=target, wants=wants) for call in calls)
    return LimitReserved(process=process, number=number, calls=asked)


def settle(process: str, call: str, **used: int) -> LimitSettled:
    return LimitSettled(process=process, calls=(Settlement(call=call, used=used),))


def ledger(*declared: LimitDeclared) -> Ledger:
    made = Ledger()
    for declaration in declared or (RATE,):
        made.fold(declaration, 0)
    return made


def said(answers: Sequence[TicketAnswer]) -> list[tuple[str, str]]:
    return [(answer.ticket.call, answer.state) for answer in answers]


def test_calls_within_the_limit_are_granted_at_once_and_others_queue() -> None:
    now = ledger()
    assert said(now.fold(ask("p", "a", "b"), 1_000)) == [("a", "granted"), ("b", "granted")]
    assert said(now.fold(ask("q", "c", "d", "e"), 2_000)) == [("c", "granted")]
    assert [ticket.call for ticket in now.waiting.values()] == ["d", "e"]
    assert said(now.fold(ask("p", "f"), 60_999)) == [("d", "dropped"), ("e", "dropped")]
    assert said(now.fold(ask("p"), 61_000)) == [("f", "granted")]


def test_time_and_owner_of_the_next_grant_are_known() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c"), 1_000)
    now.fold(ask("q", "d"), 2_000)
    due = now.next_grant()
    assert due is not None and (due[0], due[1].call) == (61_000, "d")
    assert now.held_by(due[1]) == "rate"


def test_a_large_call_is_not_overtaken_by_small_ones() -> None:
    now = ledger(TOKENS)
    now.fold(ask("p", "a", tokens=80), 0)
    now.fold(ask("p", "large", tokens=60), 1)
    assert said(now.fold(ask("q", "small", tokens=5), 2)) == []
    assert said(now.fold(ask("p", "tiny", tokens=1), 10_000)) == [
        ("large", "granted"),
        ("small", "granted"),
        ("tiny", "granted"),
    ]


def test_waiting_for_one_budget_does_not_block_others() -> None:
    now = ledger(RATE, TOKENS)
    now.fold(ask("p", "a", "b", "c", "d", rate=1, tokens=1), 0)
    assert said(now.fold(ask("q", "e", target="other/model", tokens=1), 1)) == [("e", "granted")]


def test_settling_frees_or_uses_capacity() -> None:
    now = ledger(TOKENS)
    now.fold(ask("p", "a", tokens=90), 0)
    now.fold(ask("q", "b", tokens=50), 1)
    assert said(now.fold(settle("p", "a", tokens=40), 2)) == [("b", "granted")]
    now.fold(settle("q", "b", tokens=70), 3)  # more than was reserved: those after it wait for it
    assert said(now.fold(ask("p", "c", tokens=1), 4)) == []


def test_a_call_that_was_not_made_frees_its_reservation() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c", "d"), 0)
    now.fold(settle("p", "d"), 1)  # it waited
    assert now.waiting == {}
    now.fold(settle("p", "a", rate=0), 2)  # it was granted
    assert said(now.fold(ask("p", "e", "f"), 3)) == [("e", "granted")]


def test_a_call_beyond_the_limit_is_refused() -> None:
    now = ledger(TOKENS)
    (answer,) = now.fold(ask("p", "a", tokens=101), 0)
    assert (answer.state, answer.budget) == ("refused", "tokens")
    (answer,) = now.fold(ask("p", "b", nobody=1), 0)
    assert (answer.state, answer.budget) == ("refused", "nobody")


def test_a_spent_day_refuses_and_a_reserved_day_makes_calls_wait() -> None:
    now = ledger(USD)
    now.fold(ask("p", "a", usd=40), 0)
    assert said(now.fold(ask("q", "b", "c", usd=20), 1)) == []
    assert said(now.fold(settle("p", "a", usd=20), 2)) == [("b", "granted")]
    assert said(now.fold(settle("q", "b", usd=20), 3)) == [("c", "refused")]
    assert said(now.fold(ask("q", "d", usd=50), DAY_MS)) == [("d", "granted")]
    now.fold(settle("p", "a", usd=1), DAY_MS)  # yesterday's
    assert now.budgets["usd"].used == 50


def test_a_pause_holds_every_process() -> None:
    now = ledger()
    now.fold(LimitPaused(process="p", target=TARGET, seconds=5), 1_000)
    assert said(now.fold(ask("q", "a"), 1_001)) == []
    assert said(now.fold(ask("q", "b", target="other/model"), 1_002)) == [("b", "granted")]
    due = now.next_grant()
    assert due is not None and due[0] == 6_000
    assert now.held_by(due[1]) == f"{TARGET} paused"
    assert said(now.fold(ask("q"), 6_000)) == [("a", "granted")]


def test_a_record_that_was_written_twice_counts_once() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c", "d"), 0)
    assert said(now.fold(ask("p", "a", "b", "c", "d"), 1)) == []
    assert (now.budgets["rate"].used, len(now.waiting)) == (3, 1)


def test_a_dead_process_loses_its_place() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c", "d"), 0)
    now.fold(ask("q", "e"), 9_000)
    assert said(now.fold(ask("q"), SILENT_MS + 1)) == [("d", "dropped")]
    assert list(now.waiting) == ["q e"]


def test_time_going_back_frees_nothing() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c"), 100_000)
    assert said(now.fold(ask("p", "d"), 10_000)) == []
    assert now.at == 100_000


def test_a_redeclared_limit_keeps_its_usage() -> None:
    now = ledger()
    now.fold(ask("p", "a", "b", "c"), 0)
    now.fold(RATE.model_copy(update={"limit": 4}), 1)
    assert said(now.fold(ask("p", "d", "e"), 2)) == [("d", "granted")]


# --- for any log

_PROCESSES = st.sampled_from("pqr")
_CALLS = st.integers(0, 30).map(str)
_WANTS = st.fixed_dictionaries(
    {}, optional={"rate": st.integers(1, 2), "tokens": st.integers(0, 120), "usd": st.integers(0, 30)}
)


@st.composite
def _records(draw: st.DrawFn) -> Message:
    process = draw(_PROCESSES)
    match draw(st.sampled_from(["ask", "ask", "ask", "settle", "settle", "pause", "tick"])):
        case "ask":
            wants = draw(_WANTS)
            calls = draw(st.lists(_CALLS, max_size=4, unique=True))
            return LimitReserved(
                process=process,
                number=0,
                calls=tuple(Reservation(call=call, target=TARGET, wants=wants) for call in calls),
            )
        case "settle":
            return LimitSettled(process=process, calls=(Settlement(call=draw(_CALLS), used=draw(_WANTS)),))
        case "pause":
            return LimitPaused(process=process, target=TARGET, seconds=draw(st.floats(0, 5)))
    return LimitReserved(process=process, number=0, calls=())


_LOGS = st.lists(st.tuples(_records(), st.integers(-3_000, 15_000)), max_size=60)
ALL = (RATE, TOKENS, USD)


def played(log: list[tuple[Message, int]], now: Ledger, at: int = DAY_MS - 40_000) -> list[Any]:
    """Each record with the ledger's time and the resulting grants."""
    history = []
    for message, step in log:
        at += step
        history.append((message, now.fold(message, at), now.at))
    return history


@settings(deadline=None)
@given(log=_LOGS)
def test_grants_never_exceed_the_limits(log: list[tuple[Message, int]]) -> None:
    """Counted independently of the ledger: the settled amounts of all grants in every span."""
    taken: dict[str, dict[str, list[int]]] = {declared.budget: {} for declared in ALL}
    for message, answers, at in played(log, ledger(*ALL)):
        if isinstance(message, LimitSettled):
            for call in message.calls:
                for name, amount in call.used.items():
                    if (entry := taken[name].get(f"{message.process} {call.call}")) and len(entry) == 2:
                        entry[1] = amount
                        if name == "usd":
                            entry.append(0)  # settled once and for all
        for answer in answers:
            if answer.state == "granted":
                for name, amount in answer.ticket.wants.items():
                    taken[name][answer.ticket.key] = [at, amount]
                    everything = taken[name].values()
                    if name == "usd":
                        total = sum(entry[1] for entry in everything if entry[0] // DAY_MS == at // DAY_MS)
                    else:
                        span = 60_000 if name == "rate" else 10_000
                        total = sum(entry[1] for entry in everything if at - span < entry[0] <= at)
                    limit = next(declared.limit for declared in ALL if declared.budget == name)
                    assert total <= limit, (name, total)


@settings(deadline=None)
@given(log=_LOGS, cut=st.integers(0, 60))
def test_a_process_that_starts_from_a_snapshot_has_the_same_state(
    log: list[tuple[Message, int]], cut: int
) -> None:
    old = ledger(*ALL)
    played(log[:cut], old)
    young = Ledger(old.standing())
    after = log[cut:]
    assert played(after, young, old.at) == played(after, old, old.at)
    assert young.standing() == old.standing()


@pytest.mark.parametrize("process", ["p", "q"])
def test_every_reader_gets_the_same_result(process: str) -> None:
    log = [(ask(process, "a", "b", "c", "d"), 1), (settle(process, "a", rate=0), 2)]
    assert said([answer for message, at in log for answer in ledger().fold(message, at)]) == [
        ("a", "granted"),
        ("b", "granted"),
        ("c", "granted"),
    ]


def test_grants_are_counted_for_as_long_as_a_call_may_be_late() -> None:
    now = ledger(RATE.model_copy(update={"slack_s": 3.0}))
    now.fold(ask("p", "a", "b", "c"), 0)
    assert said(now.fold(ask("q", "d"), 62_999)) == []
    assert said(now.fold(ask("q"), 63_000)) == [("d", "granted")]
