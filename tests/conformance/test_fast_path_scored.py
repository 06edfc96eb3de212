"""The native library reads texts, numbers and scored jobs as the Python readers do."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bench.hop.messages import bodies
from pointsman.bus.codec.encoded_batch import EncodedBatch, unpacked
from pointsman.bus.codec.records import Incoming
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy
from pointsman.score.estimate import Bar
from pointsman_schemas.decisions import Check
from tests.support.bus.record_log import Log, read
from tests.support.router.fast_path import (
    by_fast_path,
    by_full_path,
    count_bundled,
    fast_handler,
    needs_library,
    registered,
)
from tests.support.router.router_lanes import NOW, TOPICS, incoming

pytestmark = needs_library

WATCHED = Policy.compile(
    policy_file.parse("""
name: scored
tiers: [small, medium, frontier]
score: {model: builtin, quality: 0.97, tiers: {medium: mid}, prices: {medium: 11}}
default: {tier: scored, fallback: medium, reason: The score decides.}
rules:
  - {name: asked, when: {tier: asked}, tier: asked, reason: Asked for.}
  - {name: long, when: {min_chars: 3000}, tier: frontier, reason: Long.}
""")
)
#: The same, which finds nothing unlike what the score knows, and lets much quality go for what it saves.
POLICY = replace(
    WATCHED,
    scorer=replace(WATCHED.scorer, model=replace(WATCHED.scorer.model, profile={}), bar=Bar(0.3, 0.0)),  # type: ignore[type-var]
)
AGENTS = registered(
    """
unregistered: admit
agents:
  - {id: no-frontier, owner: us, tiers: [small, medium]}
  - {id: only-small, owner: us, tiers: [small]}
  - {id: outer-two, owner: us, tiers: [small, frontier]}
""",
    POLICY.tiers,
)
AGENT_IDS = ["stranger", "no-frontier", "only-small", "outer-two"]
TEXTS = [json.loads(body.before + b"x" + body.after)["messages"][0]["content"] for body in bodies(500)]


def job(prompt: str, agent: str = "stranger", offset: int = 0) -> Incoming:
    return incoming(json.dumps({"agent_id": agent, "prompt": prompt}).encode(), offset=offset)


@pytest.fixture(scope="module")
def known() -> RouterHandler:
    """A handler that has seen jobs of every agent for every tier, and some that the score does not know."""
    handler = fast_handler(POLICY, AGENTS)
    for agent in AGENT_IDS:
        handler.handle_records([job(text[: 30 + 2 * number], agent) for number, text in enumerate(TEXTS)])
        handler.handle_records([job(f"xq{'zv' * number}j", agent) for number in range(5)])
    return handler


@pytest.mark.parametrize("agent", AGENT_IDS)
def test_scored_jobs_come_out_as_by_the_full_path(known: RouterHandler, agent: str) -> None:
    jobs = [job(text[: 31 + 2 * number], agent, number) for number, text in enumerate(TEXTS)]
    assert count_bundled(known, jobs) > 480
    made = [by_fast_path(known, job) for job in jobs]
    assert made == [by_full_path(POLICY, AGENTS, job) for job in jobs]
    tiers = {record.topic for (record,) in made}
    assert len(tiers) == {"stranger": 3, "no-frontier": 2, "only-small": 1, "outer-two": 2}[agent]


PARTS = st.text(max_size=300) | st.sampled_from(["\na. ", "  $", "\\frac{1}{2}", "12 0", ". ", "the sum of "])


@settings(max_examples=300)
@given(st.lists(PARTS, max_size=40))
def test_any_text_is_scored_as_by_the_full_path(known: RouterHandler, parts: list[str]) -> None:
    record = job("What is " + "".join(parts))
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


def test_a_long_text_is_read_at_both_ends(known: RouterHandler) -> None:
    for length in (1_999, 2_000, 2_001, 2_900):
        record = job(("ä" + " ".join(TEXTS))[:length])
        assert count_bundled(known, [record]) == 1
        assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


#: How a text may be spelled, well and badly.
PLAIN = ["a", "ä", "😀", " ", "\x7f", "\t"]
SHORT = ["\\n", "\\t", "\\r", "\\b", "\\f", "\\/", '\\"', "\\\\", "\\x", "\\u12"]
LONG = ["\\u00e4", "\\u0041", "\\u0007", "\\u001F", "\\u007f", "\\u0000"]
HALVES = ["\\ud83d\\ude00", "\\ud83d", "\\ude00"]
LETTERS = st.sampled_from([*PLAIN, *SHORT, *LONG, *HALVES])
STRINGS = st.lists(LETTERS, max_size=6).map(lambda parts: f'"{"".join(parts)}"')
NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20}|00)(\.[0-9]{0,8})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
SPACE = st.sampled_from(["", "", "", " ", "\n\t", "\r\n", "\x0b", "\xa0"])
WORDS = ["null", "true", "false", "nul", "NaN", "-Infinity", "+1", ".5", "1."]
VALUES = st.recursive(
    STRINGS
    | NUMBERS
    | st.sampled_from(["null", "true", "false", "nul", "NaN", "-Infinity", "+1", ".5", "1."]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(STRINGS, SPACE, inner), max_size=3).map(
            lambda pairs: f"{{{','.join(f'{name}{space}:{value}' for name, space, value in pairs)}}}"
        )
    ),
    max_leaves=6,
)
NAMES = ["metadata", "kind", "tier", "temperature", "response_format", "tools", "functions", "x", "\\u0078"]
NAMES += ["x", "prompt", "messages", "agent_id", "job_id"]
FIELDS = st.tuples(st.sampled_from(NAMES), VALUES | SPACE)


@settings(max_examples=600)
@given(st.lists(FIELDS, max_size=4), STRINGS, SPACE, st.sampled_from(["", " ", ",", "}", "x", "\0"]))
def test_json_is_read_like_the_python_readers(
    known: RouterHandler, fields: list[tuple[str, str]], prompt: str, space: str, end: str
) -> None:
    more = "".join(f',"{name}"{space}:{value}' for name, value in fields)
    text = f'{space}{{"agent_id":"stranger",{space}"prompt":{prompt}{more}}}{end}'
    record = incoming(text.encode())
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


FRACTIONS = ["0.7", "0.70", "1.0", "1.50", "-0.5", "-0.0", "0.0", "123456789.123456", "3."]
SMALL = ["0.001", "0.0009", "0.00001", "0.000001"]
INTEGERS = ["0", "-1", "7", "-0", "01", "999999999999999999", "9223372036854775808", "18446744073709551616"]


@pytest.mark.parametrize("number", [*FRACTIONS, *SMALL, *INTEGERS, "1e3"])
def test_numbers_are_written_like_the_python_writers(known: RouterHandler, number: str) -> None:
    fields = f'"temperature":{number},"metadata":{{"n":{number}}}'
    text = f'{{"agent_id":"stranger","prompt":"What is the sum?",{fields}}}'
    record = incoming(text.encode())
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


TWICE = ['"x":1,"x":2', '"kind":"a","kind":"b"', '"metadata":{"a":1,"a":2}', '"x":[{"a":{"b":1,"b":2}}]']


@pytest.mark.parametrize("fields", TWICE)
def test_a_repeated_name_means_the_same_as_in_python(known: RouterHandler, fields: str) -> None:
    record = incoming(f'{{"agent_id":"stranger","prompt":"What is the sum?",{fields}}}'.encode())
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


@pytest.mark.parametrize("bytes", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_invalid_utf8_is_left_to_the_full_path(known: RouterHandler, bytes: bytes) -> None:
    record = incoming(b'{"agent_id":"stranger","prompt":"What is the sum %b ?"}' % bytes)
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


def test_usual_parameters_do_not_keep_a_job_from_the_fast_path(known: RouterHandler) -> None:
    parameters = {"temperature": 0.7, "top_p": 1.0, "max_tokens": 500, "stop": ["\n"], "stream": False}
    metadata = {"team": "a", "n": 3, "ok": True, "share": 0.25, "none": None}
    usual = {"agent_id": "stranger", "prompt": TEXTS[0], "metadata": metadata, **parameters}
    assert count_bundled(known, [incoming(json.dumps(usual).encode())]) == 1


def test_a_suspended_score_is_in_every_decision_that_would_use_it() -> None:
    doubt = Check(layer="score", name="drift", passed=False, detail="work is unlike: the fallback decides")
    lanes = [fast_handler(POLICY, AGENTS), RouterHandler(POLICY, AGENTS, TOPICS, lambda: NOW)]
    for lane in lanes:
        lane._drift.suspended = doubt
    jobs = [job(text[: 50 + number], offset=number) for number, text in enumerate(TEXTS[:50])]
    made = [[routed for record in jobs for routed in by_fast_path(lane, record)] for lane in lanes]
    assert made[0] == made[1]
    assert count_bundled(lanes[0], jobs) == len(jobs)
    log = Log()
    log.add([record.value for record in jobs], plain=True)
    whole = lanes[0].handle_batches(read(log, place=(TOPICS.intake.name, 0)))
    assert whole is not None
    assert [record.value for record in unpacked(whole.made)] == [record.value for record in made[0]]
    for lane in lanes:
        lane._drift.suspended = None
    assert by_fast_path(lanes[0], jobs[0]) == by_full_path(POLICY, AGENTS, jobs[0])


def test_both_paths_sample_the_same_texts_for_drift() -> None:
    lanes = [fast_handler(WATCHED, AGENTS), RouterHandler(WATCHED, AGENTS, TOPICS, lambda: NOW)]
    for number, text in enumerate(TEXTS):
        for lane in lanes:
            lane.handle_records([job(text[: 50 + number], offset=number)])
    kept = [list(lane._drift._shapes) for lane in lanes]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 20


def test_a_value_for_the_store_is_left_to_the_full_path() -> None:

    lane = RouterHandler(
        POLICY, AGENTS, TOPICS, lambda: NOW, fast_score=FastScore(POLICY.scorer), largest=2_000
    )
    jobs = [job(text[:length]) for text in TEXTS for length in (100, 101, 900)]
    lane.handle_records(jobs)
    packed = [
        record
        for made in lane.handle_records(jobs)
        if isinstance(made, EncodedBatch)
        for record in made.unpack()
    ]
    assert max(len(record.value or b"") for record in packed) <= 2_000
    assert 500 < count_bundled(lane, jobs) < len(jobs)
