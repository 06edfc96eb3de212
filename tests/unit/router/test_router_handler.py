"""The router's result for one record: a routed job, a dead letter, or an outcome."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY as METRICS

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.router import handlers
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy_file import Limits
from pointsman_schemas import dead
from pointsman_schemas.base import Message
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import derived_id
from pointsman_schemas.jobs import Job, JobRouted
from pointsman_schemas.outcomes import JobExpired, JobRejected
from pointsman_schemas.reasons import Reason
from tests.support.router.router_lanes import NOW, POLICY, TOPICS, handler, incoming
from tests.support.router.router_lanes import REGISTRY as AGENTS

JOB_ID = UUID("0190a000-0000-7000-8000-000000000001")


def body(**fields: Any) -> bytes:
    return json.dumps({"agent_id": "math-tutor", "prompt": "1 + 1?", "kind": "math", **fields}).encode()


def read(made: Made) -> tuple[Any, Envelope]:
    """The record as any later service reads it."""
    decoded = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
    assert isinstance(decoded, Decoded), decoded
    message: Message = decoded.message
    return message, decoded.envelope


def letter(made: Made) -> DeadLetter:
    assert made.topic == TOPICS.dead.name
    return dead.from_headers(dict(made.headers))


def test_a_plain_job_is_routed_with_the_whole_decision() -> None:
    record = incoming(body(), partition=2, offset=9)
    (made,) = handler().handle_records([record])
    routed, envelope = read(made)
    assert isinstance(routed, JobRouted)
    job_id = derived_id(*record.origin, "job")
    assert made.topic == TOPICS.tier("medium").name
    assert made.key == str(job_id).encode()
    assert routed.job.job_id == envelope.job_id == job_id
    assert routed.job.request.messages[0].content == "1 + 1?"
    assert (routed.decision.rule, routed.decision.policy_version) == ("math", POLICY.version)
    assert [check.layer for check in routed.decision.checks][:2] == ["admission", "rule"]
    assert envelope.id == derived_id(*record.origin, "routed")
    assert envelope.causation_id == derived_id(*record.origin, "submitted")
    assert (envelope.agent_id, envelope.source, envelope.time) == ("math-tutor", "pointsman/router", NOW)
    assert envelope.trace_id == job_id.hex


def test_jobs_of_one_order_key_share_a_key_and_say_so_in_a_header() -> None:
    (made,) = handler().handle_records([incoming(body(order_key="case-7"))])
    assert made.key == b"case-7"
    assert ("ce_orderkey", b"case-7") in made.headers
    (plain,) = handler().handle_records([incoming(body())])
    assert "ce_orderkey" not in dict(plain.headers)


def test_same_records_same_output() -> None:
    batch = [
        incoming(body(), offset=1),
        incoming(b"{", offset=2),
        incoming(body(job_id=str(JOB_ID)), offset=3),
        incoming(body(tier="huge"), offset=4),
    ]
    assert handler().handle_records(batch) == handler().handle_records(batch)
    one_by_one = handler()
    assert handler().handle_records(batch) == [
        made for record in batch for made in one_by_one.handle_records([record])
    ]


def test_an_unreadable_record_is_a_dead_letter_with_its_bytes_and_headers() -> None:
    record = incoming(b'{"agent_id": ', key=b"\xff", headers=[("x", b"1")], partition=1, offset=5)
    (made,) = handler().handle_records([record])
    content = letter(made)
    assert (content.reason, content.stage) == (Reason.NOT_JSON, "router")
    assert (content.topic, content.partition, content.offset) == record.origin
    assert (made.key, made.value) == (record.key, record.value)
    assert ("orig_x", b"1") in made.headers


def test_a_malformed_job_gets_an_outcome() -> None:
    record = incoming(body(job_id=str(JOB_ID), metadata=[]), key=str(JOB_ID).encode())
    first, second = handler().handle_records([record])
    assert letter(first).reason is Reason.WRONG_TYPE
    outcome, envelope = read(second)
    assert isinstance(outcome, JobRejected)
    assert (second.topic, second.key) == (TOPICS.results.name, str(JOB_ID).encode())
    assert (outcome.job_id, outcome.agent_id, outcome.reason) == (JOB_ID, "math-tutor", Reason.WRONG_TYPE)
    assert outcome.message.startswith("metadata: ")
    assert (outcome.tier, outcome.attempts, outcome.cost_usd) == (None, 0, 0)
    assert envelope.job_id == JOB_ID


def test_a_malformed_job_without_an_agent_is_answered_too() -> None:
    record = incoming(json.dumps({"job_id": str(JOB_ID), "prompt": "x"}).encode(), key=str(JOB_ID).encode())
    _, made = handler().handle_records([record])
    outcome, envelope = read(made)
    assert (outcome.agent_id, outcome.reason) == ("unknown", Reason.MISSING_AGENT)
    assert envelope.causation_id == derived_id(*record.origin, "submitted")


def test_a_refused_job_is_a_dead_letter_and_an_outcome() -> None:
    metadata = {"pointsman_request": "ab" * 32}
    first, second = handler().handle_records([incoming(body(tier="mediun", metadata=metadata))])
    assert letter(first).reason is Reason.UNKNOWN_TIER
    outcome, _ = read(second)
    assert isinstance(outcome, JobRejected)
    assert outcome.message == letter(first).message
    assert "did you mean `medium`?" in outcome.message
    assert outcome.request_digest == "ab" * 32


def test_a_job_past_its_deadline_expires() -> None:
    deadline = NOW - timedelta(seconds=1)
    metadata = {"pointsman_request": "ab" * 32}
    first, second = handler().handle_records(
        [incoming(body(deadline=deadline.isoformat(), metadata=metadata))]
    )
    assert letter(first).reason is Reason.DEADLINE_PASSED
    outcome, _ = read(second)
    assert isinstance(outcome, JobExpired)
    assert outcome.deadline == deadline
    assert outcome.request_digest == "ab" * 32


def test_a_job_that_breaks_the_router_is_answered_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_policy: object, job: Job, **_: object) -> None:
        raise RuntimeError(f"no idea about {job.kind}")

    monkeypatch.setattr(handlers, "decide", broken)
    first, second = handler().handle_records([incoming(body(job_id=str(JOB_ID)), key=str(JOB_ID).encode())])
    assert letter(first).reason is Reason.INTERNAL
    outcome, _ = read(second)
    assert (outcome.job_id, outcome.reason) == (JOB_ID, Reason.INTERNAL)
    assert "no idea about math" in caplog.text


def test_a_record_that_breaks_decoding_is_a_dead_letter_and_the_next_is_routed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = handlers.decode_intake  # type: ignore[attr-defined]

    def broken(record: Incoming, most: int) -> Any:
        if record.value == b"poison":
            raise RecursionError("too deep for me")
        return real(record, most)

    monkeypatch.setattr(handlers, "decode_intake", broken)
    lane = handler()
    lane.remember_records([incoming(b"poison")])
    buried, routed = lane.handle_records([incoming(b"poison", offset=1), incoming(body(), offset=2)])
    assert letter(buried).reason is Reason.INTERNAL
    assert routed.topic == TOPICS.tier("medium").name
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 2
    assert all(failure.exc_info for failure in failures)
    assert failures[1].__dict__["fields"] == {"topic": TOPICS.intake.name, "partition": 0, "offset": 1}


def test_the_policys_limit_is_the_records_limit() -> None:
    small = replace(POLICY, limits=Limits(max_record_bytes=1_024))
    lane = RouterHandler(small, AGENTS, TOPICS, lambda: NOW)
    fits = body(prompt="x" * (1_024 - len(body(prompt=""))))
    (routed,) = lane.handle_records([incoming(fits)])
    assert routed.topic != TOPICS.dead.name
    (made,) = lane.handle_records([incoming(fits + b" ")])
    assert letter(made).reason is Reason.TOO_LARGE


def test_no_rule_lifts_an_agent_above_the_tiers_that_are_open_to_it() -> None:
    (made,) = handler().handle_records([incoming(body(agent_id="support-desk", kind="code"))])
    routed, _ = read(made)
    assert (routed.decision.rule, routed.decision.tier) == ("code", "medium")
    assert made.topic == TOPICS.tier("medium").name
    (made,) = handler().handle_records([incoming(body(agent_id="data-analyst", kind="code"))])
    assert made.topic == TOPICS.tier("frontier").name


def test_metrics_count_the_result_of_each_record() -> None:
    def value(name: str, **labels: str) -> float:
        return METRICS.get_sample_value(name, labels) or 0.0

    def counted() -> list[float]:
        return [
            value("pointsman_jobs_routed_total", tier="medium", rule="math"),
            value("pointsman_records_dead_total", stage="router", reason="unknown_tier"),
            value("pointsman_jobs_finished_total", tier="none", outcome="rejected", reason="unknown_tier"),
            value("pointsman_decision_seconds_count"),
        ]

    before = counted()
    assert handler().handle_records([]) == []
    handler().handle_records([incoming(body()), incoming(body()), incoming(body(tier="huge"))])
    assert [after - was for after, was in zip(counted(), before, strict=True)] == [2, 1, 1, 1]


def test_the_worker_can_read_what_the_intake_could() -> None:
    """Unknown parts of a request pass through unchanged."""
    extra = {"tools": [{"type": "function", "function": {"name": "f"}}], "x_vendor": {"deep": [1, None, "ü"]}}
    (made,) = handler().handle_records([incoming(body(**extra))])
    routed, _ = read(made)
    assert routed.job.request.model_dump()["x_vendor"] == extra["x_vendor"]
    assert routed.job.request.model_dump()["tools"] == extra["tools"]
