"""Spans: OpenTelemetry's names, and what arrives at a collector."""

import asyncio
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from inspect import getsource
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes, http_attributes

from pointsman.runtime.telemetry import gen_ai
from pointsman.runtime.telemetry.gen_ai import call_span
from pointsman.runtime.telemetry.otlp import SpanExporter
from pointsman_schemas.calls import CallFinished, Usage
from tests.support.running.collector import Collector, collecting
from tests.support.worker.routed_jobs import AGENT, job_id

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
TRACE, SPAN, PARENT = "a" * 32, "b" * 16, "c" * 16


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        yield server


def call(**about: Any) -> CallFinished:
    fields: dict[str, Any] = {
        "job_id": job_id(1),
        "agent_id": AGENT,
        "tier": "small",
        "provider": "openai",
        "model": "gpt-x",
        "model_answered": "gpt-x-2026",
        "attempt": 2,
        "started_at": AT,
        "duration_ms": 250.0,
        "first_event_ms": 40.0,
        "status": "ok",
        "http_status": 200,
        "error_type": None,
        "error": None,
        "request": {"messages": [{"role": "user", "content": "secret"}], "temperature": 0.5, "stream": True},
        "response": {"id": "chatcmpl-1", "choices": [{"finish_reason": "stop"}, {"finish_reason": None}, 7]},
        "usage": Usage(input_tokens=7, output_tokens=5, cached_tokens=3),
        "cost_usd": Decimal("0.0012"),
        "prices": "own",
    }
    return CallFinished.model_validate(fields | about)


def test_the_names_are_opentelemetrys() -> None:
    known = {
        value
        for names in (gen_ai_attributes, error_attributes, http_attributes)
        for value in vars(names).values()
        if isinstance(value, str)
    }
    named = set(re.findall(r'"((?:gen_ai|error|http)\.[a-z_.]+)"', getsource(gen_ai)))
    assert len(named) > 15
    assert named <= known


def test_a_calls_span_has_no_content() -> None:
    span = call_span(call(), trace_id=TRACE, span_id=SPAN, parent_id=PARENT)
    assert (span.name, span.kind, span.end - span.start) == (
        "chat gpt-x",
        "client",
        timedelta(milliseconds=250),
    )
    assert span.error is None
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-x-2026",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.04,
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.agent.id": AGENT,
        "pointsman.job.id": str(job_id(1)),
        "pointsman.tier": "small",
        "pointsman.attempt": 2,
        "pointsman.cost_usd": 0.0012,
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize(
    "response",
    [None, {}, {"choices": 1}, {"choices": [None]}, {"id": 7, "choices": [{"finish_reason": [1]}]}],
)
def test_whatever_a_provider_answers_is_no_reason_to_fail(response: Any) -> None:
    failed = call(status="reject", error_type=None, error="x" * 5_000, response=response, usage=None)
    span = call_span(failed, trace_id=TRACE, span_id=SPAN, parent_id=None)
    assert span.attributes["error.type"] == "reject"
    assert span.error == "x" * 256


async def test_spans_are_exported_before_the_process_ends(collector: Collector) -> None:
    exporter = SpanExporter("pointsman-test")
    assert exporter.send is not None
    async with exporter.running():
        exporter.send(call_span(call(), trace_id=TRACE, span_id=SPAN, parent_id=PARENT))
        exporter.send(call_span(call(status="reject"), trace_id=TRACE, span_id="d" * 16, parent_id=None))
    ((resource,),) = [request.resource_spans for request in collector.requests]
    about = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
    assert about["service.name"] == "pointsman-test"
    first, second = [span for scope in resource.scope_spans for span in scope.spans]
    assert (first.trace_id.hex(), first.span_id.hex(), first.parent_span_id.hex()) == (TRACE, SPAN, PARENT)
    assert (first.kind, second.parent_span_id) == (SentSpan.SPAN_KIND_CLIENT, b"")
    assert first.start_time_unix_nano == int(AT.timestamp()) * 10**9
    assert first.end_time_unix_nano - first.start_time_unix_nano == 250 * 10**6
    assert (first.status.code, second.status.code) == (0, 2)


def test_without_a_collector_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert SpanExporter("x").send is None


async def test_an_unreachable_collector_does_not_delay_shutdown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "600")  # for so long it would be tried again and again
    monkeypatch.setattr("pointsman.runtime.telemetry.otlp._END_S", 0.2)
    before = set(threading.enumerate())
    exporter = SpanExporter("x")
    assert exporter.send is not None
    async with exporter.running():
        exporter.send(call_span(call(), trace_id=TRACE, span_id=SPAN, parent_id=None))
    for thread in set(threading.enumerate()) - before:
        if not thread.name.startswith("asyncio"):
            await asyncio.to_thread(thread.join, 10)
            assert not thread.is_alive(), thread.name
