"""Unusual but valid jobs pass unchanged."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.cli.jobs.job_input import deadline, read_job
from pointsman.client.job import InvalidJobError, make_job
from pointsman_schemas.base import LAST, format_time, in_utc
from pointsman_schemas.jobs import ChatRequest, Job, JobRouted
from pointsman_schemas.outcomes import JobCompleted, JobExpired
from tests.support.bus.claim_stores import as_read
from tests.support.router.router_lanes import NOW, TOPICS, handler, incoming
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.tiny_provider import http
from tests.support.worker.working import in_turn, working

WEATHER = [
    {"role": "user", "content": "What is the weather?"},
    {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function"}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
]

#: A message as anybody may send it: `content` there or not, null, a text or parts, and fields of all kinds.
CONTENTS = st.sampled_from([None, "", "x", [], [{"type": "text", "text": "x"}]])
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "developer"])},
    optional={
        "content": CONTENTS,
        "tool_calls": st.sampled_from([None, [], [{"id": "c"}]]),
        "refusal": st.none(),
        "name": st.just("n"),
    },
)


@given(st.lists(MESSAGES, min_size=1, max_size=4), st.booleans())
@settings(max_examples=25, deadline=None)
def test_messages_pass_as_they_are(messages: list[dict[str, Any]], exclude_unset: bool) -> None:
    request = ChatRequest.model_validate({"messages": messages, "top_p": 1})
    assert request.model_dump(mode="json", exclude_unset=exclude_unset) == {"messages": messages, "top_p": 1}


@given(st.lists(MESSAGES, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_the_router_routes_whatever_messages(messages: list[dict[str, Any]]) -> None:
    body = json.dumps({"agent_id": "math-tutor", "messages": messages}).encode()
    (made,) = handler().handle_records([incoming(body)])
    read = decode(as_read(made))
    assert isinstance(read, Decoded)
    assert isinstance(read.message, JobRouted)
    assert orjson.loads(made.value or b"")["job"]["request"]["messages"] == messages


async def test_a_message_without_content_gets_to_the_provider_as_it_is() -> None:
    async with working(in_turn(http())) as (tiny, worker):
        made = await worker.do(messages=WEATHER)
    assert isinstance(outcome(made), JobCompleted)
    assert [orjson.loads(asked.body)["messages"] for asked in tiny.asked] == [WEATHER]
    assert calls(made)[0].request["messages"] == WEATHER


FAR = "9999-12-31T23:59:59-12:00"
LONG_AGO = "0001-01-01T00:00:00+14:00"


def body(deadline: str) -> bytes:
    return orjson.dumps({"agent_id": "math-tutor", "prompt": "hello", "deadline": deadline})


def test_a_deadline_beyond_the_calendar_is_far_away() -> None:
    (made,) = handler().handle_records([incoming(body(FAR))])
    read = decode(as_read(made))
    assert isinstance(read, Decoded)
    assert isinstance(read.message, JobRouted)
    assert read.message.job.deadline == LAST


def test_a_deadline_before_the_calendar_has_passed() -> None:
    letter, ended = handler().handle_records([incoming(body(LONG_AGO), key=None)])
    assert dict(letter.headers)["ce_reason"] == b"deadline_passed"
    read = decode(as_read(ended))
    assert isinstance(read, Decoded)
    assert isinstance(read.message, JobExpired)
    assert "0001-01-01T00:00:00.000000Z had passed" in read.message.message


@given(
    st.sampled_from([(1, 1, 1), (1, 1, 2, 3), (2026, 3, 1, 12), (9999, 12, 31, 1), (9999, 12, 31, 23, 59)]),
    st.integers(-23 * 60, 23 * 60),
)
@settings(max_examples=25, deadline=None)
def test_any_deadline_is_taken_or_has_passed(time: tuple[Any, ...], minutes: int) -> None:
    aware = datetime(*time).replace(tzinfo=timezone(timedelta(minutes=minutes)))  # noqa: DTZ001
    made = handler().handle_records([incoming(body(aware.isoformat()))])
    passed = in_utc(aware) <= NOW
    assert [record.topic for record in made][-1:] == [TOPICS.results.name if passed else made[0].topic]
    assert all(dict(record.headers).get("ce_reason") != b"internal" for record in made)
    assert format_time(aware)[4] == "-"


def test_invalid_input_is_explained_in_a_sentence() -> None:
    def now() -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    far = read_job(body(FAR), now)
    assert isinstance(far, Job)
    assert far.deadline == LAST
    assert read_job(body(LONG_AGO), now) == "deadline: 0001-01-01T00:00:00.000000Z has passed"
    assert deadline(FAR, now()) == "9999-12-31T23:59:59.000000Z"
    assert deadline(LONG_AGO, now()) == "0001-01-01T00:00:00.000000Z"
    with pytest.raises(ValueError, match="beyond the year 9999"):
        deadline("999999d", datetime(9000, 1, 1, tzinfo=UTC))


def test_a_time_span_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(InvalidJobError, match="beyond the calendar"):
        make_job(None, {"prompt": "x", "deadline": timedelta.max}, "a", NOW, largest=1_000)
