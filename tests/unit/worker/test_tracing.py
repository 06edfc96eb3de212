"""A tier's work on a job as spans, whose ids are those of the messages."""

from dataclasses import replace
from typing import Any

import pytest

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.telemetry.span import TraceSpan
from pointsman.worker.tracing import traced
from pointsman_schemas.envelope import envelope_after, from_headers, span_of
from pointsman_schemas.topics import Topics
from tests.support.worker.routed_jobs import AGENT, NOW, job_id, routed
from tests.unit.runtime.test_telemetry import call


async def spans_of(record: Incoming, *made: Outgoing) -> list[TraceSpan]:
    async def handler(_: Incoming) -> list[Outgoing]:
        return [*made]

    spans: list[TraceSpan] = []
    assert await traced(handler, "small", spans.append, lambda: NOW)(record) == [*made]
    return spans


def call_after(record: Incoming) -> Outgoing:
    cause = from_headers(record.headers)
    assert cause is not None
    envelope = envelope_after(
        cause, record.root, step="call:1", source="w", type="call.finished.v1", time=NOW
    )
    return emit(Topics().calls, b"k", envelope, call())


async def test_a_job_and_its_call_are_spans_of_its_trace() -> None:
    submitted = job_id(7)
    headers = (*routed().headers, ("ce_causationid", str(submitted).encode()))
    record = replace(routed(), headers=headers)
    sent = call_after(record)
    job, called = await spans_of(record, sent)
    cause, envelope = from_headers(record.headers), from_headers(sent.headers)
    assert cause is not None
    assert envelope is not None
    assert (job.name, job.kind, job.trace_id, job.span_id) == (
        "job small", "consumer", cause.trace_id, cause.span_id,
    )  # fmt: skip
    assert job.parent_id == span_of(submitted)
    assert job.attributes["gen_ai.agent.id"] == AGENT
    assert (called.trace_id, called.span_id, called.parent_id) == (
        cause.trace_id, envelope.span_id, job.span_id,
    )  # fmt: skip
    assert called.name == "chat gpt-x"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"headers": ()}, id="no envelope"),
        pytest.param({"headers": (("ce_specversion", b"9"),)}, id="a bad envelope"),
    ],
)
async def test_jobs_without_a_trace_have_no_spans(change: dict[str, Any]) -> None:
    assert not await spans_of(replace(routed(), **change))


async def test_a_failing_span_does_not_affect_the_job() -> None:
    async def handler(_: Incoming) -> list[Outgoing]:
        return []

    def full(_: TraceSpan) -> None:
        raise RuntimeError("full")

    assert await traced(handler, "small", full, lambda: NOW)(routed()) == []


async def test_without_tracing_the_handler_is_not_wrapped() -> None:
    async def handler(_: Incoming) -> list[Outgoing]:
        return []

    assert traced(handler, "small", None, lambda: NOW) is handler
