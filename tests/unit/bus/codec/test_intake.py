"""The intake accepts valid jobs and rejects everything else."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.reasons import Reason
from tests.support.bus.bad_records import BAD, Bad

#: Reasons that only the router can give: they need the policy, the registry, the clock or a memory.
ROUTERS = {Reason.DUPLICATE_JOB, Reason.DEADLINE_PASSED, Reason.AGENT_NOT_ALLOWED}


def record(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Incoming:
    return Incoming("pointsman.jobs.intake", 0, 7, 1_790_000_000_000, b"k", value, headers)


def accepted(body: dict[str, Any], headers: tuple[tuple[str, bytes], ...] = ()) -> Accepted:
    decoded = decode_intake(record(json.dumps(body).encode(), headers))
    assert isinstance(decoded, Accepted), decoded
    return decoded


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.reason not in ROUTERS], ids=lambda bad: bad.name)
def test_bad_records_are_refused_with_a_reason(bad: Bad) -> None:
    decoded = decode_intake(record(bad.value, bad.headers))
    if bad.name == "unknown-tier":  # well formed: only the policy knows that there is no such tier
        assert isinstance(decoded, Accepted)
        return
    assert isinstance(decoded, Malformed)
    assert decoded.reason == bad.reason, decoded.message
    assert 10 < len(decoded.message) < 600


def test_a_plain_body_is_enough() -> None:
    decoded = accepted({"agent_id": "billing", "prompt": "Hello"})
    assert decoded.job.request.messages[0].content == "Hello"
    assert not decoded.explicit_id
    assert decoded.job.job_id == accepted({"agent_id": "billing", "prompt": "Hello"}).job.job_id
    assert decoded.cause.job_id == decoded.job.job_id
    assert decoded.cause.agent_id == "billing"


def test_parameters_that_we_do_not_know_pass_through_unchanged() -> None:
    request = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x"}], "name": "n"},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}]},
            {"role": "assistant", "content": None},
        ],
        "temperature": 0.1,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}},
        "some_future_parameter": {"deep": [1, 2.5, None, True, "é"]},
    }
    decoded = accepted({"agent_id": "a", "kind": "chat", "metadata": {"team": "x"}, **request})
    sent = json.loads(decoded.job.request.model_dump_json())
    assert sent == request
    assert decoded.job.kind == "chat"


def test_the_message_and_the_plain_body_give_the_same_job() -> None:
    plain = accepted({"agent_id": "a", "prompt": "x", "temperature": 0}).job
    ours = accepted(
        {
            "type": "job.submitted.v1",
            "agent_id": "a",
            "request": {"messages": [{"role": "user", "content": "x"}], "temperature": 0},
        }
    ).job
    assert plain == ours


def test_a_job_id_may_be_given() -> None:
    job_id = "0190a000-0000-7000-8000-000000000009"
    decoded = accepted({"agent_id": "a", "prompt": "x", "job_id": job_id})
    assert decoded.explicit_id
    assert decoded.job.job_id == UUID(job_id)


def test_readable_parts_of_a_bad_record_are_kept() -> None:
    decoded = decode_intake(
        record(b'{"agent_id":"a","job_id":"0190a000-0000-7000-8000-000000000009","prompt":5}')
    )
    assert isinstance(decoded, Malformed)
    assert decoded.agent_id == "a"
    assert decoded.job_id == UUID("0190a000-0000-7000-8000-000000000009")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(
    ["agent_id", "prompt", "messages", "request", "tier", "kind", "metadata", "deadline", "job_id", "type",
     "version", "order_key", "temperature"]
)  # fmt: skip


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_no_bytes_raise(value: bytes) -> None:
    assert isinstance(decode_intake(record(value)), Malformed)


@given(st.dictionaries(names, json_values, max_size=8))
@settings(max_examples=500)
def test_no_object_raises_and_what_is_accepted_survives_a_round_trip(body: dict[str, Any]) -> None:
    decoded = decode_intake(record(json.dumps(body).encode()))
    if isinstance(decoded, Accepted):
        again = decode_intake(record(decoded.job.model_dump_json().encode()))
        assert isinstance(again, Accepted)
        assert again.job == decoded.job


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["ce_id", "ce_type", "ce_time", "ce_source", "ce_specversion", "traceparent", "x"]
            ),
            st.binary(max_size=40),
        ),
        max_size=8,
    )
)
def test_no_headers_raise(headers: list[tuple[str, bytes]]) -> None:
    decode_intake(record(b'{"agent_id": "a", "prompt": "x"}', tuple(headers)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"metadata": {"a": {"b": 1}}}, "metadata.a: must be a text, a number, true, false or null"),
        ({"metadata": [1]}, "metadata: must be an object"),
        ({"tier": "Small"}, "tier: 1 to 32 lower-case letters"),
        ({"tier": 3}, "tier: must be a text"),
        ({"deadline": "2030-01-01T00:00:00"}, "deadline: must say its time zone"),
        ({"deadline": "tomorrow"}, "deadline: must be an RFC 3339 time"),
        ({"order_key": "k" * 300}, "order_key: is longer than 256"),
        ({"kind": ""}, "kind: must not be empty"),
        ({"messages": []}, "messages: must not be empty"),
        ({"messages": [{"content": "a"}]}, "messages.0.role: is missing"),
        (
            {"messages": [{"role": "user", "content": 5}]},
            "messages.0.content: must be a text or a list of parts",
        ),
        (
            {"messages": [{"role": "user", "content": ["a"]}]},
            "messages.0.content: must be a text or a list of",
        ),
        ({"messages": "a"}, "messages: must be a list"),
        ({"request": {"messages": []}}, "request.messages: must not be empty"),
    ],
)
def test_a_refusal_says_where_and_what_in_the_publishers_terms(fields: dict[str, Any], expected: str) -> None:
    body = {"agent_id": "billing", "messages": [{"role": "user", "content": "Hello"}], **fields}
    if "request" in fields:
        del body["messages"]
    decoded = decode_intake(record(json.dumps(body).encode()))
    assert isinstance(decoded, Malformed)
    assert decoded.message.startswith(expected)
    assert ";" not in decoded.message  # one fault is told once


def test_null_means_absent() -> None:
    nothing = dict.fromkeys(("kind", "tier", "metadata", "deadline", "order_key", "job_id"))
    assert accepted({"agent_id": "billing", "prompt": "Hello", **nothing}).job.metadata == {}
