"""Fault rules select the right requests, and give a request the same latency each time."""

from statistics import median

import pytest
from pydantic import ValidationError

from pointsman.dev.simulator.answering.draw import digest, lognormal, unit
from pointsman.dev.simulator.answering.stream import DONE, EVENT_END, event
from pointsman.dev.simulator.dialects.addresses import OPENAI
from pointsman.dev.simulator.fates import ordered, spoilt
from pointsman.dev.simulator.faults import (
    RULES,
    ErrorEvent,
    FaultRule,
    Faults,
    MalformedBody,
    SimulatedCall,
    Unfinished,
)
from pointsman.dev.simulator.reply import cut_short, sliced, streamed


def call(text: str = "hello", **change: str) -> SimulatedCall:
    known = {"model": "gpt-4.1", "tier": "frontier", "agent": "math-tutor", "job": "j-1"} | change
    return SimulatedCall(**known, messages=digest(text.encode()), text=text)


def rule(**conditions: object) -> FaultRule:
    return FaultRule.model_validate({"effect": {"kind": "hang"}, **conditions})


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"model": "gpt-4.1"}, True),
        ({"model": "frontier"}, True),
        ({"model": "gpt-4.1-mini"}, False),
        ({"agent": "math-tutor"}, True),
        ({"agent": "math"}, False),
        ({"job": "j-1"}, True),
        ({"job": "j-2"}, False),
        ({"prompt": "ell"}, True),
        ({"prompt": "bye"}, False),
        ({"model": "gpt-4.1", "prompt": "bye"}, False),
    ],
)
def test_all_conditions_must_match(conditions: dict[str, str], fits: bool) -> None:
    assert bool(Faults([rule(**conditions)]).effects(call())) is fits


def test_every_nth_counts_matching_requests_only() -> None:
    faults = Faults([rule(agent="a", every=3)])
    for _ in range(2):
        faults.effects(call(agent="other"))
    assert [bool(faults.effects(call(agent="a"))) for _ in range(7)] == [False, False, True] * 2 + [False]
    assert faults.listed()[0] | {"fitted": 7, "taken": 2} == faults.listed()[0]


def test_first_n_counts_each_conversation_apart() -> None:
    faults = Faults([rule(first=2)])
    taken = [bool(faults.effects(call(text))) for text in ("a", "b", "a", "a", "b", "b", "c")]
    assert taken == [True, True, True, False, True, False, True]


def test_delays_add_up_and_the_first_fault_applies() -> None:
    effects = [
        {"kind": "latency", "ms": 100},
        {"kind": "slow_stream", "gap_ms": 5},
        {"kind": "empty_choices"},
        {"kind": "latency", "ms": 50},
        {"kind": "hang"},
    ]
    faults = Faults(RULES.validate_python([{"effect": effect} for effect in effects]))
    order = ordered(faults.effects(call()), seed=1)
    assert (order.delay_s, order.gap_s) == (0.15, 0.005)
    assert order.fate is not None
    assert order.fate.kind == "empty_choices"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"effect": {"kind": "explode"}},
        {"effect": {"kind": "latency"}},
        {"effect": {"kind": "latency", "ms": -1}},
        {"effect": {"kind": "server_error", "status": 404}},
        {"effect": {"kind": "cut", "after": 1}},
        {"effect": {"kind": "hang"}, "every": 0},
        {"effect": {"kind": "hang"}, "modle": "gpt-4.1"},
    ],
)
def test_rules_without_effect_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultRule.model_validate(wrong)


def test_lognormal_latency_is_stable_and_has_its_median() -> None:
    drawn = [lognormal(seed, "latency", median=40, sigma=0.5) for seed in map(_seed, range(4000))]
    assert drawn == [lognormal(seed, "latency", median=40, sigma=0.5) for seed in map(_seed, range(4000))]
    assert 38 < median(drawn) < 42
    assert max(drawn) > 100
    assert lognormal(1, "x", median=40, sigma=0) == 40


def _seed(i: int) -> int:
    return digest(i.to_bytes(8, "big"))


def test_the_hash_is_pinned() -> None:
    """Changing it would change every simulated answer, and recorded runs could not be compared."""
    assert digest(b"a", b"bc") == 15191779413256427671
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert 0 <= unit(1, "x") < 1


def test_a_body_is_cut_at_the_byte() -> None:
    pieces = sliced(bytes(range(100)))
    assert b"".join(pieces) == bytes(range(100))
    assert len(pieces) == 8
    assert b"".join(cut_short(pieces, 0.5)) == bytes(range(50))
    assert cut_short(pieces, 0) == ()


def spoilt_events(gap_s: float, **effect: object) -> list[bytes]:
    (rule,) = RULES.validate_python([{"effect": effect}])
    order = ordered([rule.effect], seed=1)
    assert isinstance(order.fate, MalformedBody | ErrorEvent | Unfinished)
    events = [event({"n": number}) for number in range(10)]
    spoilt_reply = spoilt(streamed([*events, DONE], delay_s=0, gap_s=gap_s), order.fate, OPENAI.failure)
    if gap_s:
        assert len(spoilt_reply.pieces) > 4
    return b"".join(spoilt_reply.pieces).split(EVENT_END)


@pytest.mark.parametrize("gap_s", [0, 0.1])
def test_a_stream_fails_after_the_configured_part(gap_s: float) -> None:
    first = [b'data: {"n":%d}' % number for number in range(5)]
    unfinished = spoilt_events(gap_s, kind="unfinished", after=0.5)
    assert unfinished == [*first, b""]
    *events, error, _ = spoilt_events(gap_s, kind="error_event", after=0.5, code="overloaded")
    assert events == first
    assert b'"error"' in error
    assert b'"overloaded"' in error
    *events, broken, done, _ = spoilt_events(gap_s, kind="malformed", after=0.5)
    assert (events, broken, done) == (first, b'data: {"id": "chatcmpl-', b"data: [DONE]")
