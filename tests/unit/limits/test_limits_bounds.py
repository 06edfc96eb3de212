"""No value in any field of the topic raises an error or blocks calls for long."""

import json
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming
from pointsman.limits.bounds import LONGEST_OPEN_S, LONGEST_PAUSE_S, UnusableError
from pointsman.limits.breaker import Breaker, BreakerRule
from pointsman.limits.broker_clock import BrokerClock
from pointsman.limits.budgets import DAY_MS
from pointsman.limits.joining import join
from pointsman.limits.ledger import Ledger
from pointsman_schemas.base import Value
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.control.limits import (
    BreakerCounted,
    BreakerTurned,
    LimitDeclared,
    LimitPaused,
    LimitReserved,
    LimitResumed,
    LimitSettled,
    LimitStanding,
    Reservation,
    Settlement,
)
from pointsman_schemas.topics import Topics

EXAMPLES_AT = Path(__file__).parents[3] / "schemas" / "examples"

TARGET = "openai/gpt-4.1"
NOW = 1_795_863_600_000
RATE = LimitDeclared(process="p", budget="rate", limit=3, window_s=60)
USD = LimitDeclared(process="p", budget="usd", limit=50, window_s=None, refuses=True)
KINDS = Topics().limits.carries
ALL = {kind.TYPE: json.loads((EXAMPLES_AT / f"{kind.TYPE}.json").read_text()) for kind in KINDS}
_FLOATS = st.one_of(
    st.floats(),
    st.sampled_from(
        [1e306, -1e306, float("inf"), float("-inf"), float("nan"), 5e-324, 1e18, 2.0**63, -1.0, 0.0]
    ),
    st.integers(-(2**63), 2**64 - 1),
)


def ask(process: str, *calls: str, **wants: int) -> LimitReserved:
    asked = tuple(Reservation(call=call, target=TARGET, wants=wants or {"rate": 1}) for call in calls)
    return LimitReserved(process=process, number=0, calls=asked)


def ledger() -> Ledger:
    made = Ledger()
    for declared in (RATE, USD):
        made.fold(declared, NOW)
    made.fold(ask("p", "a", "b", "c", "d"), NOW)
    made.fold(ask("p", "e", usd=10), NOW)
    return made


def standing() -> dict[str, Any]:
    """A snapshot with every kind of content."""
    made = ledger()
    made.fold(LimitPaused(process="p", target=TARGET, seconds=5), NOW)
    made.fold(BreakerTurned(process="p", target=TARGET, to="open", seconds=7), NOW)
    made.fold(BreakerCounted(process="p", target="other", ok=1, failed=2), NOW)
    return made.standing()


def longest_held(limit_state: Ledger) -> float:
    """How long a target is paused or its breaker open, in seconds."""
    untils = [limit_state.paused_until(target) for target in limit_state.targets]
    assert max(untils, default=0) - limit_state.at <= LONGEST_PAUSE_S * 1000
    untils += [limit_state.breaker(target).until for target in limit_state.targets]
    return (max(untils, default=0) - limit_state.at) / 1000


def numbers(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of numbers."""
    if isinstance(node, dict):
        for name, child in node.items():
            yield from numbers(child, (*place, name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield from numbers(child, (*place, index))
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield place


def put(node: Any, place: tuple[Any, ...], value: object) -> Any:
    if not place:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[place[0]] = put(copy[place[0]], place[1:], value)
    return copy


def unchecked(kind: type[Value], values: dict[str, Any]) -> Any:
    """A message made without validation."""
    parts: dict[str, type[Value]] = {"limit.reserved.v1": Reservation, "limit.settled.v1": Settlement}
    if "calls" in values:
        part = parts[values["type"]]
        values = values | {"calls": tuple(part.model_construct(**call) for call in values["calls"])}
    return kind.model_construct(**values)


EXAMPLES = {kind.TYPE: ALL[kind.TYPE]["value"] for kind in KINDS} | {
    "limit.standing.v1": LimitStanding(process="p", as_of=1, state=standing()).model_dump(mode="json")
}
PLACES = [(name, place) for name, value in EXAMPLES.items() for place in numbers(value)]


def test_every_kind_of_number_is_tried() -> None:
    assert {place[-1] for _, place in PLACES} >= {
        "seconds",
        "limit",
        "window_s",
        "slack_s",
        "ok",
        "failed",
        "as_of",
        "until",
        "at",
    }
    assert {name for name, _ in PLACES} == set(EXAMPLES) - {"limit.resumed.v1"}


@settings(deadline=None, max_examples=300)
@given(log=st.lists(st.tuples(st.sampled_from(PLACES), _FLOATS), min_size=1, max_size=6))
def test_no_number_in_any_field_raises_or_blocks_for_long(
    log: list[tuple[tuple[str, tuple[Any, ...]], float]],
) -> None:
    entries, limit_state = [], ledger()
    for offset, ((name, place), number) in enumerate(log, 10):
        message = unchecked(MESSAGES[name], put(EXAMPLES[name], place, number))
        entries.append((offset, NOW + offset, message))
        before = limit_state.standing()
        try:
            limit_state.fold(message, NOW + offset)
        except UnusableError:
            assert limit_state.standing() == before, "what is left out changes nothing"
        assert longest_held(limit_state) <= LONGEST_OPEN_S
        json.dumps(limit_state.standing(), allow_nan=False)
    joined = join(entries, whole=True)
    assert joined is not None
    assert longest_held(joined.ledger) <= LONGEST_OPEN_S
    joined.ledger.fold(RATE, joined.ledger.at + 1)
    joined.ledger.fold(ask("q", "x"), joined.ledger.at + 1)
    joined.ledger.next_grant()


@settings(deadline=None, max_examples=200)
@given(at=st.sampled_from(PLACES), number=_FLOATS)
def test_every_number_in_a_record_is_refused_or_applied(
    at: tuple[str, tuple[Any, ...]], number: float
) -> None:
    """As bytes, read by the reader that all services use."""
    name, place = at
    sent = ALL[name]
    value = json.dumps(put(EXAMPLES[name], place, number)).encode()
    headers = tuple((header, text.encode()) for header, text in sent["headers"].items())
    decoded = decode(Incoming("pointsman.limits", 0, 7, NOW, None, value, headers))
    if isinstance(decoded, Decoded):
        limit_state = ledger()
        try:
            limit_state.fold(decoded.message, NOW)
        except UnusableError:
            return
        assert longest_held(limit_state) <= LONGEST_OPEN_S
        assert not isnan(limit_state.at)


@pytest.mark.parametrize("seconds", [1e306, 1e18, 5e10, float("inf")])
def test_pauses_written_by_an_older_release_are_bounded(seconds: float) -> None:
    limit_state = ledger()
    limit_state.fold(LimitPaused.model_construct(process="p", target=TARGET, seconds=seconds), NOW)
    assert limit_state.paused_until(TARGET) == NOW + LONGEST_PAUSE_S * 1000
    state = limit_state.standing()
    state["paused"][TARGET] = 253_402_300_799_000
    assert Ledger(state).paused_until(TARGET) == NOW + LONGEST_PAUSE_S * 1000
    limit_state.fold(
        BreakerTurned.model_construct(process="p", target=TARGET, to="open", seconds=seconds), NOW
    )
    assert limit_state.breaker(TARGET).until == NOW + LONGEST_OPEN_S * 1000
    state = limit_state.standing()
    state["breakers"][TARGET]["until"] = 253_402_300_799_000
    assert Ledger(state).breaker(TARGET).until == NOW + LONGEST_OPEN_S * 1000


def test_a_record_with_nan_is_skipped() -> None:
    entries = [
        (0, NOW, RATE),
        (1, NOW, LimitPaused.model_construct(process="p", target=TARGET, seconds=float("nan"))),
        (2, NOW, LimitStanding(process="p", as_of=2, state={"at": "never"})),
        (3, NOW, LimitStanding(process="p", as_of=99, state={})),
        (4, NOW, ask("p", "a")),
    ]
    joined = join(entries, whole=True)
    assert joined is not None
    assert joined.ledger.budgets["rate"].used == 1
    assert len(joined.left_out) == 2
    assert "offset 2" in joined.left_out[0] and "offset 1" in joined.left_out[1]


def test_an_inconsistent_snapshot_is_corrected() -> None:
    state = ledger().standing()
    ticket = state["waiting"]["p d"]
    state["waiting"] |= {
        "odd": ticket | {"call": "odd", "wants": {"nobody": 1}},
        "key": ticket | {"call": "other", "number": 9},
    }
    state["budgets"]["rate"]["used"] = 10**18
    limit_state = Ledger(state)
    assert set(limit_state.waiting) == {"p d", "p other"}
    answers = limit_state.fold(ask("p"), NOW + 60_000)
    assert [(answer.ticket.call, answer.state) for answer in answers] == [
        ("d", "granted"),
        ("other", "granted"),
    ]


def test_a_breaker_that_opened_a_thousand_times_opens_again() -> None:
    assert Breaker(times=100_000).open_s(BreakerRule(open_s=15)) == 120


# --- the broker's clock


YEAR_MS = 365 * DAY_MS


@pytest.mark.parametrize("wrong", [NOW + YEAR_MS, 253_402_300_799_999, 10**18, NOW - YEAR_MS, 1, 0, -1])
def test_one_record_with_a_wrong_time_has_no_effect(wrong: int) -> None:
    limit_state = ledger()
    limit_state.fold(LimitPaused(process="p", target=TARGET, seconds=5), NOW + 1)
    before = limit_state.standing()
    for step in range(3):
        limit_state.fold(ask("p"), wrong)
        limit_state.fold(ask("p"), NOW + 2 + step)
    after = limit_state.standing()
    assert (after["budgets"], after["paused"], after["at"]) == (before["budgets"], before["paused"], NOW + 4)


@pytest.mark.parametrize("by", [YEAR_MS, -YEAR_MS, -2 * DAY_MS, -120_000])
def test_a_changed_clock_moves_all_times(by: int) -> None:
    limit_state = ledger()
    limit_state.fold(LimitPaused(process="p", target="other", seconds=5), NOW)
    limit_state.fold(BreakerTurned(process="p", target="broken", to="open", seconds=7), NOW)
    limit_state.fold(ask("p"), NOW + by)
    limit_state.fold(ask("p"), NOW + by + 1)
    assert limit_state.at == NOW + by + 1
    assert (
        limit_state.paused_until("other") == limit_state.at + 5_000
        and limit_state.breaker("broken").until == limit_state.at + 7_000
    )
    assert limit_state.budgets["usd"].used == 10, "no new day has begun"
    assert (limit_state.budgets["rate"].used, [ticket.call for ticket in limit_state.waiting.values()]) == (
        3,
        ["d"],
    )
    assert [answer.state for answer in limit_state.fold(ask("p"), limit_state.at + 9_999)] == []
    granted = [step for step in range(12) if limit_state.fold(ask("p"), limit_state.at + 5_000 + step)]
    assert len(granted) == 1, "and the span of a minute ends"


def test_a_wrong_day_frees_no_budget() -> None:
    limit_state = ledger()
    limit_state.fold(LimitSettled(process="p", calls=(Settlement(call="e", used={"usd": 30}),)), NOW)
    limit_state.fold(ask("p", "f", usd=15), NOW + DAY_MS)  # a clock that is a day ahead
    assert limit_state.budgets["usd"].used == 15
    for step in (1, 2):
        limit_state.fold(ask("p"), NOW + step)
    assert limit_state.budgets["usd"].used == 45
    assert [answer.state for answer in limit_state.fold(ask("p", "g", usd=10), NOW + 3)] == []


def test_the_broker_s_clock_is_followed_when_it_is_set() -> None:
    clock = BrokerClock()
    clock.saw(NOW + YEAR_MS, 1.0)
    clock.saw(NOW, 2.0)
    assert clock.at_least(2.0) == NOW, "pauses would be over at once for as long as we run"
    clock.saw_own(NOW, 2.0)
    clock.saw(NOW + YEAR_MS, 3.0)
    assert clock.at_most(3.0) >= NOW + YEAR_MS, "a grant would be good for a year"


# --- resuming


def test_a_person_ends_a_pause_and_permits_a_probe() -> None:
    limit_state = ledger()
    limit_state.fold(LimitPaused(process="p", target=TARGET, seconds=1_000), NOW)
    limit_state.fold(BreakerTurned(process="p", target=TARGET, to="open", seconds=1_000), NOW)
    assert limit_state.paused_since(TARGET) == limit_state.breaker(TARGET).since == NOW
    limit_state.fold(LimitPaused(process="p", target="other", seconds=1_000), NOW)
    limit_state.fold(LimitResumed(by="ada", target=TARGET), NOW + 10)
    assert limit_state.paused_until(TARGET) == 0 and limit_state.breaker(TARGET).may_probe(NOW + 10)
    assert limit_state.paused_until("other") > NOW + 10
    limit_state.fold(LimitPaused(process="p", target=TARGET, seconds=1), NOW + 20)
    assert limit_state.paused_since(TARGET) == NOW + 20
