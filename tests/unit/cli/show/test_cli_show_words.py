"""The short description of each kind of message."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from pointsman.cli.show.outcome import answer_lines, outcome_line
from pointsman.cli.show.words import FAILED, call, kind, last_message_text, summary
from pointsman.score.text import answered
from pointsman_schemas.calls import CallFinished, Usage
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.control.promises import PromiseBroken, PromiseRenewed
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import ChatRequest
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason

JOB = UUID("01920000-0000-7000-8000-000000000001")
NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


def finished(**changes: Any) -> CallFinished:
    fields: dict[str, Any] = {
        "job_id": JOB, "agent_id": "billing", "tier": "small", "provider": "p", "model": "asked",
        "model_answered": None, "attempt": 1, "started_at": NOW, "duration_ms": 408, "status": "ok",
        "http_status": None, "error_type": None, "error": None, "request": {}, "response": None,
        "usage": None, "cost_usd": None, "prices": None, **changes,
    }  # fmt: skip
    return CallFinished(**fields)


def completed(**changes: Any) -> JobCompleted:
    fields: dict[str, Any] = {
        "job_id": JOB, "agent_id": "billing", "tier": "small", "attempts": 2, "cost_usd": Decimal("0.000123"),
        "provider": "p", "model": "m1", "usage": None,
        "response": {"choices": [{"message": {"content": "The total is 12 EUR."}}]}, **changes,
    }  # fmt: skip
    return JobCompleted(**fields)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {
                "model_answered": "m1-2030",
                "usage": Usage(input_tokens=1120, output_tokens=45),
                "cost_usd": "0.0012",
            },
            "1 ok in 408 ms, m1-2030, 1,120 + 45 tokens, $0.0012",
        ),
        ({}, "1 ok in 408 ms, asked, cost unknown"),
        (
            {"status": "retry", "http_status": 429, "error_type": "rate_limited", "retry_after_s": 2},
            "1 rate limited (429) in 408 ms, next try after 2.00 s",
        ),
        ({"status": "retry", "error_type": "connection"}, "1 no connection in 408 ms, no other try"),
        (
            {"status": "reject", "http_status": 400, "error_type": "content_filter"},
            "1 content filter (400) in 408 ms, no other try",
        ),
        ({"status": "cancelled", "attempt": 3}, "3 cancelled after 408 ms"),
        ({"status": "expired"}, "1 expired after 408 ms"),
    ],
)
def test_a_call_says_how_it_ended_and_what_is_next(changes: dict[str, Any], expected: str) -> None:
    assert call(finished(**changes)) == expected


def test_every_reason_and_message_has_a_description() -> None:
    assert set(FAILED) == {reason.value for reason in FailReason}
    assert all(kind(name)[0] not in (name, "?") for name in MESSAGES)
    assert kind("agent.said.v1") == ("agent.said.v1", "red")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Why?", "Why?"),
        (
            [{"type": "text", "text": "What is"}, {"type": "image_url", "image_url": {}}],
            "What is [image_url]",
        ),
        (None, ""),
    ],
)
def test_the_prompt_is_the_last_message(content: Any, text: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
    assert last_message_text(ChatRequest.model_validate({"messages": messages})) == text


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"choices": [{"message": {"content": "12"}}]}, "12"),
        (
            {"choices": [{"message": {"content": None, "tool_calls": [{"function": {"name": "add"}}]}}]},
            "calls add",
        ),
        ({"choices": []}, ""),
        ({"choices": [{"message": None}]}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_an_answer_of_any_shape_is_read(response: dict[str, Any] | None, text: str) -> None:
    assert answered(response) == text


def test_outcomes_say_why() -> None:
    of: dict[str, Any] = {"job_id": JOB, "agent_id": "a", "tier": None, "attempts": 0, "cost_usd": None}
    failed = JobFailed(**of, reason=FailReason.RATE_LIMITED, message="three times")
    assert summary(failed) == "rate_limited: three times"
    assert summary(JobExpired(**of, deadline=NOW, message="too late")) == "too late"
    assert summary(JobCancelled(**of, cancelled_by="boss", message="enough")) == "by boss: enough"
    assert summary(completed(response={})) == "no text, by m1"


def test_suspension_and_trust_of_a_score_name_who_changed_it() -> None:
    broken = PromiseBroken(model="ours@1", found="it promises too much", judged_at=NOW)
    assert summary(broken) == "ours@1 is not asked: it promises too much"
    assert summary(PromiseRenewed(model="ours@1", by="ana")) == "ours@1 is asked again, says ana"
    assert summary(PromiseRenewed(model="ours@1", by="ana", comment="why")).endswith("says ana: why")


@pytest.mark.parametrize("width", [80, 119, 120, 300])
def test_an_outcome_line_fits_and_keeps_the_id(width: int) -> None:
    line = outcome_line(completed(response={"choices": [{"message": {"content": "word " * 100}}]}), width)
    assert width - 10 < line.cell_len <= width
    assert str(JOB)[-12:] in line.plain
    assert "2 calls, $0.00012" in line.plain


def test_a_single_answer_keeps_its_lines_and_is_escaped() -> None:
    text = "def f():\n    return 1\x1b[2J\n"
    rendered = answer_lines(completed(response={"choices": [{"message": {"content": text}}]}))
    assert rendered.plain == "def f():\n    return 1 [2J\n"


def test_a_verdict_is_no_count() -> None:
    assert summary(JobFeedback(job_id=JOB, verdict=1, by="ana", agent_id="a")) == "verdict 1 by ana"
