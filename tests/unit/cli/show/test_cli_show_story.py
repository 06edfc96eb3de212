"""Display of a job's story from the audit database, in order, for every kind of record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from pointsman.audit.records.rows import row_of
from pointsman.cli.show.story import headline, payloads, story
from pointsman.store.ask.answers import JobState, Step
from tests.support.bus.example_records import TOPICS, example, story_id
from tests.support.bus.example_records import story as records_of

START = datetime(2030, 1, 31, 12, tzinfo=UTC)


def steps_of(records: list[Any]) -> list[Step]:
    """The steps that the database would return."""
    made = []
    for record in records:
        row = row_of(record, TOPICS)
        known = {name: getattr(row, name) for name in Step.__dataclass_fields__ if name in row._fields}
        at = row.produced_at or row.broker_at
        payload = None if row.payload is None else orjson.loads(row.payload)
        known["detail"] = dict(record.headers).get("ce_detail", b"").decode() or None
        made.append(
            Step(**{**known, "at": at, "since_start": timedelta(0), "step": None, "payload": payload})
        )
    return made


def state(**changes: Any) -> JobState:
    fields: dict[str, Any] = {
        "job_id": story_id(1), "agent_id": "billing", "submitted_at": START, "finished_at": START,
        "took": timedelta(seconds=2.34), "state": "completed", "tier": "small", "rule": "r",
        "policy_version": "p-1", "model": "m", "calls": 2, "failed_calls": 1, "unpriced_calls": 1,
        "tokens_in": 1, "tokens_out": 1, "cost_usd": Decimal("0.0012"), "last_error": None, "messages": 4,
        **changes,
    }  # fmt: skip
    return JobState(**fields)


def test_each_message_becomes_an_event_in_its_lane() -> None:
    events = story(steps_of(records_of(1, START)), TOPICS)
    assert [event.word for event in events] == ["submitted", "routed", "call", "completed"]
    assert events[0].lane == "intake/0@1"
    assert events[1].lane.startswith("tier.")
    assert events[0].text.startswith("by ")
    assert events[1].text.startswith("to ")
    assert " by rule " in events[1].text


def test_a_call_is_shown_at_its_own_time() -> None:
    step = steps_of(records_of(1, START))[2]
    payload = {**(step.payload or {}), "started_at": "2030-01-31T11:59:00Z", "duration_ms": 1500}
    (event,) = story([replace(step, payload=payload)], TOPICS)
    assert (event.start, event.end - event.start) == (START - timedelta(minutes=1), timedelta(seconds=1.5))


def test_a_plain_job_is_shown() -> None:
    step = replace(steps_of(records_of(1, START))[0], payload={"agent_id": "a", "prompt": "Why is it so?"})
    assert story([step], TOPICS)[0].text.endswith(": Why is it so?")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"payload": None, "unreadable": "not_json: not JSON", "kind": None}, "not_json: not JSON"),
        ({"payload": None, "kind": "job.completed.v1"}, "(its payload cannot be shown)"),
        ({"payload": {"strange": 1}, "kind": "job.completed.v1"}, "(its payload cannot be shown)"),
        ({"payload": {}, "kind": "job.dead.v1", "error_type": "duplicate_job"}, "duplicate_job"),
        ({"payload": {}, "kind": "agent.text.v9"}, "(its payload cannot be shown)"),
    ],
)
def test_unreadable_records_are_shown(changes: dict[str, Any], expected: str) -> None:
    step = replace(steps_of(records_of(1, START))[3], **changes)
    assert story([step], TOPICS)[0].text == expected


def test_a_dead_letter_is_an_event() -> None:
    (event,) = story(steps_of([example("job.dead.v1")]), TOPICS)
    assert (event.word, event.lane.partition("/")[0]) == ("dead", "dead")
    assert event.text


def test_payloads_are_shown_in_full() -> None:
    steps = steps_of(records_of(1, START))
    text = payloads(steps, TOPICS).plain
    assert all(f"/0@1  {step.kind}" in text for step in steps)
    assert str(story_id(1)) in text


def test_the_headline_has_status_and_cost() -> None:
    line = headline(state()).plain
    assert "completed" in line
    assert "billing, 2030-01-31 12:00:00 UTC, tier small, 2.34 s, 2 calls, $0.0012" in line


def test_a_cost_with_an_answer_of_unknown_price_is_a_lower_bound() -> None:
    assert "at least $0.0012" in headline(state(unpriced_calls=2)).plain
    assert "cost unknown" in headline(state(unpriced_calls=2, cost_usd=None)).plain


def test_a_running_job_has_no_end() -> None:
    line = headline(state(state="submitted", took=None, tier=None, calls=0, cost_usd=None)).plain
    assert line.endswith("billing, 2030-01-31 12:00:00 UTC, 0 calls")
