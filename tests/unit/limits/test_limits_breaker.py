"""The circuit breaker opens by the recorded counts, permits one probe, and closes; with the retry budget."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.limits.breaker import Breaker, BreakerRule
from pointsman.worker.calls.retry_budget import RetryBudget, RetryRule
from pointsman_schemas.control.limits import BreakerTurned

RULE = BreakerRule(share=0.5, calls=10, within_s=30, open_s=10)
To = Literal["open", "probing", "closed"]


def turned(process: str, to: To, seconds: float = 10) -> BreakerTurned:
    return BreakerTurned(process=process, target="t", to=to, seconds=seconds)


def opened(at: int = 0) -> Breaker:
    breaker = Breaker()
    breaker.turn(turned("p", "open"), at)
    return breaker


def test_it_opens_at_the_share_of_enough_calls() -> None:
    breaker = Breaker()
    breaker.count(0, 0, 9)
    assert not breaker.should_open(RULE, 0), "too few calls"
    breaker.count(1, 9, 0)
    assert breaker.should_open(RULE, 1)
    breaker.count(2, 1, 0)
    assert not breaker.should_open(RULE, 2), "9 of 19 is below one half"


def test_old_calls_count_no_more() -> None:
    breaker = Breaker()
    breaker.count(0, 0, 10)
    assert breaker.should_open(RULE, 29_999)
    assert not breaker.should_open(RULE, 30_000)


def test_there_is_one_probe_at_a_time_and_its_result_counts() -> None:
    breaker = opened()
    breaker.turn(turned("p", "probing"), 9_999)
    assert breaker.state == "open", "too early"
    breaker.turn(turned("p", "probing", 5), 10_000)
    breaker.turn(turned("q", "probing", 5), 10_001)
    assert (breaker.state, breaker.prober) == ("probing", "p")
    breaker.turn(turned("q", "closed"), 10_002)
    assert breaker.state == "probing", "q did not probe"
    breaker.turn(turned("p", "closed"), 10_003)
    assert breaker.state == "closed"


def test_a_probe_that_fails_doubles_the_wait() -> None:
    breaker = opened()
    assert breaker.open_s(RULE) == 20
    breaker.turn(turned("p", "probing"), 10_000)
    breaker.turn(turned("p", "open", breaker.open_s(RULE)), 11_000)
    assert (breaker.state, breaker.until, breaker.open_s(RULE)) == ("open", 31_000, 40)
    for _ in range(10):
        breaker.turn(turned("p", "probing"), breaker.until)
        breaker.turn(turned("p", "open"), breaker.until)
    assert breaker.open_s(RULE) == 80


def test_a_probe_without_a_result_counts_as_lost() -> None:
    breaker = opened()
    breaker.turn(turned("p", "probing", 5), 10_000)
    breaker.turn(turned("q", "probing", 5), 15_000)
    assert breaker.prober == "q"
    breaker.turn(turned("p", "closed"), 15_001)
    assert breaker.state == "probing", "its word comes too late"


_TURNS = st.tuples(
    st.sampled_from("pqr"), st.sampled_from(["open", "probing", "closed"]), st.integers(0, 8_000)
)


@settings(deadline=None)
@given(log=st.lists(_TURNS, max_size=50))
def test_there_is_never_a_second_probe(log: list[tuple[str, To, int]]) -> None:
    breaker, at, holder, until = opened(), 0, "", 0
    for process, to, step in log:
        at += step
        was = breaker.state
        breaker.turn(turned(process, to, 5), at)
        if was == "probing" and at < until and breaker.state == "probing":
            assert breaker.prober == holder, "the probe changed hands while it ran"
        if breaker.state == "probing":
            holder, until = breaker.prober, breaker.until
        if was == "open" and breaker.state != "open":
            assert to == "probing", "it never closes without a probe"


def test_retries_keep_to_their_share() -> None:
    budget = RetryBudget(RetryRule(share=0.2, floor=3))
    assert [budget.take(0) for _ in range(4)] == [True, True, True, False]
    for _ in range(10):
        budget.count_call(1)
    assert [budget.take(2) for _ in range(3)] == [True, True, False]
    assert budget.take(60), "what was more than a minute ago is forgotten"


@settings(deadline=None)
@given(events=st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=200))
def test_no_minute_has_more_retries_than_the_rule_allows(events: list[tuple[bool, float]]) -> None:
    rule = RetryRule(share=0.2, floor=2)
    budget, now = RetryBudget(rule), 0.0
    calls: list[float] = []
    retries: list[float] = []
    for is_retry, step in events:
        now += step
        if not is_retry:
            budget.count_call(now)
            calls.append(now)
        elif budget.take(now):
            retries.append(now)
            recent = [sum(at > now - 61 for at in times) for times in (calls, retries)]
            assert sum(at > now - 59 for at in retries) <= rule.floor + 1 + rule.share * recent[0]
