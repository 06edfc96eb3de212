"""The fast path makes the same bytes as the full path, or leaves the record to it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bench.hop.messages import records
from pointsman.bus.codec.records import Incoming
from pointsman.router import handlers
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import ShadowSection
from pointsman_schemas.decisions import Decision
from tests.support.bus.bad_records import BAD
from tests.support.router.fast_path import by_fast_path, by_full_path, fast_handler, needs_library, registered
from tests.support.router.router_lanes import TOPICS, incoming

#: Rules on everything that a rule may look at, with bounds near each other and reasons that name a length.
POLICY = Policy.compile(
    policy_file.parse("""
name: all-conditions
tiers: [small, medium, frontier]
default: {tier: medium, reason: Because 5 characters are not a reason.}
rules:
  - {name: asked, when: {tier: asked}, tier: asked, reason: Asked for.}
  - {name: high, when: {metadata: {stakes: [high, 1, true]}}, tier: frontier, reason: High stakes.}
  - {name: longest, when: {min_chars: 40}, tier: frontier, reason: More than 39 characters.}
  - {name: tools, when: {tools: true, kind: [a, b]}, tier: medium, reason: Tools.}
  - {name: form, when: {response_format: true, max_chars: 7}, tier: small, reason: A form.}
  - {name: talk, when: {min_turns: 3}, tier: medium, reason: A talk.}
  - {name: short, when: {max_chars: 20, min_chars: 3, kind: a}, tier: small, reason: Short.}
""")
)
AGENTS = registered(
    """
unregistered: admit
agents:
  - {id: free, owner: us}
  - {id: bound, owner: us, tiers: [small], kinds: [a], max_chars: 30}
  - {id: 12 characters, owner: 7 characters}
""".replace("12 characters,", "n12,"),
    POLICY.tiers,
)


pytestmark = needs_library

#: Makes handlers that have met nothing.
Make = Callable[[], RouterHandler]


@pytest.fixture(scope="module")
def handler() -> Make:
    return lambda: fast_handler(POLICY, AGENTS)


SOME: list[Any] = [
    None,
    "small",
    "frontier",
    "gigantic",
    "a",
    "b",
    "",
    "5 characters",
    "x" * 70,
    "Ä\ud800"[:1],
    1,
    1.0,
    True,
    [],
    {},
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["high", 1, True, 1.0, 2**63, 1e300, -0.0, "5 characters"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
MESSAGES = st.lists(
    st.one_of(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": st.text(max_size=25)}),
        st.fixed_dictionaries({"content": st.text(max_size=5), "role": st.just("user")}),
        st.fixed_dictionaries({"role": st.just("user"), "content": st.none(), "name": st.text(max_size=3)}),
        st.fixed_dictionaries(
            {"role": st.just("user"), "content": st.just([{"type": "text", "text": "hi"}])}
        ),
        VALUES,
    ),
    max_size=4,
)
BODIES = st.fixed_dictionaries(
    {"agent_id": st.sampled_from(["free", "bound", "n12", "stranger"])},
    optional={
        "prompt": st.text(max_size=45),
        "messages": MESSAGES,
        "kind": st.sampled_from(SOME),
        "tier": st.sampled_from(SOME),
        "metadata": st.dictionaries(st.sampled_from(["stakes", "id"]), SCALARS, max_size=2) | VALUES,
        "temperature": VALUES,
        "tools": VALUES,
        "functions": VALUES,
        "response_format": VALUES,
        "deadline": st.sampled_from([None, "2030-01-01T00:00:00Z", 5]),
        "order_key": st.sampled_from([None, "k"]),
        "type": st.just("job.submitted.v1"),
    },
)


@settings(max_examples=400)
@given(
    st.lists(BODIES, min_size=1, max_size=3),
    st.booleans(),
    st.lists(st.integers(0, 60), min_size=3, max_size=6),
)
def test_it_makes_the_same_records_as_the_full_path(
    handler: Make, bodies: list[dict[str, Any]], own_ids: bool, lengths: list[int]
) -> None:
    known, offset = handler(), 0
    for length in lengths:
        for body in bodies:
            offset += 1
            changed = {**body, "prompt": "p" * length} if "messages" not in body else body
            key = None
            if own_ids:
                changed["job_id"] = str(UUID(int=offset))
                key = changed["job_id"].encode()
            record = incoming(json.dumps(changed).encode(), key=key, offset=offset)
            assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_it_lets_nothing_bad_through(handler: Make, bad: Any) -> None:
    known = handler()
    for length in (1, 2, 3):
        known.handle_records(
            [incoming(json.dumps({"agent_id": "free", "prompt": "p" * length}).encode(), offset=length)]
        )
    record = incoming(bad.value, headers=bad.headers, offset=9)
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


TOOL = {"type": "function", "function": {"name": "f"}}
DEEP: Any = "x"
for _ in range(64):
    DEEP = [DEEP]
#: What the handler meets first, twice, in two lengths; then the one that must not be taken for its like.
TWINS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "true-is-not-one": ({"metadata": {"stakes": 1}}, {"metadata": {"stakes": True}}),
    "one-is-not-1.0": ({"metadata": {"stakes": 1}}, {"metadata": {"stakes": 1.0}}),
    "beyond-the-agents-length": ({"agent_id": "bound"}, {"agent_id": "bound", "prompt": "p" * 31}),
    "long-integer": ({"temperature": 1}, {"temperature": 2**64}),
    "long-integer-inside": ({"logit_bias": {}}, {"logit_bias": {"a": [2**70]}}),
    "long-integer-in-metadata": ({}, {"metadata": {"id": -(2**64)}}),
    "empty-form-or-none": ({}, {"response_format": ""}),
    "empty-type-or-none": ({}, {"response_format": {"type": ""}}),
    "form-or-none": ({}, {"response_format": {"type": "json_object"}}),
    "one-tool-or-two": ({"tools": [TOOL]}, {"tools": [TOOL, TOOL]}),
    "older-name-of-tools": ({}, {"functions": [TOOL]}),
    "under-a-foreign-key": ({}, {"job_id": str(UUID(int=77))}),
    "content-first": ({}, {"prompt": None, "messages": [{"content": "p" * 10, "role": "assistant"}]}),
    "a-talk": ({}, {"prompt": None, "messages": [{"role": "user", "content": "ppp"}] * 3}),
    "about-a-person": ({}, {"metadata": {"data_subject": "ann"}}),
    "nul": ({}, {"user": "a\0b"}),
    "deep": ({"user": "a"}, {"user": DEEP}),
    "null-kind": ({"kind": "b"}, {"kind": None}),
    "capitals-in-an-id": ({}, {"job_id": str(UUID(int=171)).upper()}),
    "no-role": ({}, {"prompt": None, "messages": [{"role": "", "content": "p" * 10}]}),
    "blank": ({}, {"prompt": " " * 10}),
    "half-a-pair": ({}, {"user": "\ud800"}),
    "too-large": ({}, {"user": "u" * 300_000}),
}


@pytest.mark.parametrize("name", TWINS)
def test_it_does_not_confuse_similar_jobs(handler: Make, name: str) -> None:
    first, odd = ({"agent_id": "free", "kind": "a", "prompt": "p" * 10, **fields} for fields in TWINS[name])
    known = handler()
    for length in (8, 9):
        assert known.handle_records(
            [incoming(json.dumps({**first, "prompt": "p" * length}).encode(), offset=length)]
        )
    if odd["prompt"] is None:
        del odd["prompt"]
    record = incoming(json.dumps(odd).encode(), key=b"other", offset=10)
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


def test_a_number_that_only_looks_like_the_length_is_not_cached(handler: Make) -> None:
    known = handler()
    for length in (5, 6, 7):  # the default's reason names 5 characters
        record = incoming(json.dumps({"agent_id": "free", "prompt": "p" * length}).encode(), offset=length)
        assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


def test_it_leaves_records_with_an_envelope_to_the_full_path(handler: Make) -> None:
    known = handler()
    for length in (8, 9):
        known.handle_records([short(length)])
    headers = [("ce_specversion", b"1.0"), ("ce_id", str(UUID(int=5)).encode()), ("ce_agentid", b"free")]
    headers += [("ce_source", b"s"), ("ce_type", b"pointsman.job.submitted.v1")]
    record = replace(short(10), headers=tuple(headers))
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[Decision]:
    """Every decision that the policy made."""
    made = []

    def noted(*arguments: Any, **more: Any) -> Decision:
        made.append(decide(*arguments, **more))
        return made[-1]

    monkeypatch.setattr(handlers, "decide", noted)
    return made


def short(length: int, **fields: str) -> Incoming:
    body = {"agent_id": "free", "kind": "a", "prompt": "p" * length, **fields}
    return incoming(json.dumps(body).encode(), key=fields.get("job_id", "").encode(), offset=length)


def test_decisions_are_cached_after_the_second_length(handler: Make, worked_out: list[Decision]) -> None:
    known = handler()
    for length in range(8, 21):  # no bound lies between them
        known.handle_records([short(length)])
    assert len(worked_out) == 2
    known.handle_records([short(21)])
    assert len(worked_out) == 3  # beyond a bound the policy is asked again


def test_a_job_that_went_by_the_fast_path_is_known_to_the_full_one(
    handler: Make, worked_out: list[Decision]
) -> None:
    known = handler()
    ids = [str(UUID(int=number)) for number in (1, 2, 3, 3)]
    made = [known.handle_records([short(8 + place, job_id=id)]) for place, id in enumerate(ids)]
    assert len(worked_out) == 2
    assert [sent[0].topic for sent in made[:3]] == [TOPICS.tier("small").name] * 3
    assert dict(made[3][0].headers)["ce_reason"] == b"duplicate_job"


@pytest.mark.parametrize("id", [str(UUID(int=171)).upper(), UUID(int=171).hex, "x" * 36])
def test_an_id_in_another_form_is_left_alone_under_its_own_key(handler: Make, id: str) -> None:
    known = handler()
    for length in (8, 9):
        known.handle_records([short(length)])
    record = replace(short(10, job_id=id), offset=10)
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)


def test_the_messages_of_the_bench_go_by_the_fast_path(handler: Make, worked_out: list[Decision]) -> None:
    known = handler()
    for offset, (key, value) in enumerate(records(1_000)):
        known.handle_records([incoming(value, key=key, offset=offset)])
    assert len(worked_out) < 100


def test_long_metadata_values_are_not_cached(handler: Make, worked_out: list[Decision]) -> None:
    known = handler()
    for length in range(8, 12):
        body = {"agent_id": "free", "prompt": "p" * length, "metadata": {"stakes": "s" * 2_000}}
        known.handle_records([incoming(json.dumps(body).encode(), offset=length)])
    assert len(worked_out) == 4


def test_with_shadows_no_job_takes_the_fast_path(worked_out: list[Decision]) -> None:
    """Shadows depend on the job id, so their decisions cannot be cached."""
    section = ShadowSection(share=0.5, tiers=("frontier",), jobs_per_hour=10)
    known = fast_handler(replace(POLICY, shadow=section), AGENTS)
    for length in range(8, 12):
        known.handle_records([short(length)])
    assert len(worked_out) == 4


def test_a_job_that_was_read_in_part_is_not_cached(handler: Make) -> None:
    """Its facts are incomplete, but its decision is about the whole job."""
    known = handler()
    for length in (9, 10, 11):
        odd = '{"agent_id":"free","prompt":"%s","kind":"z","kind":"a"}' % ("p" * length)
        (made,) = by_fast_path(known, incoming(odd.encode(), offset=length))
        assert made.topic == TOPICS.tier("small").name
    record = incoming(b'{"agent_id":"free","prompt":"pppppppppppp","kind":"z"}', offset=9)
    assert by_fast_path(known, record) == by_full_path(POLICY, AGENTS, record)
