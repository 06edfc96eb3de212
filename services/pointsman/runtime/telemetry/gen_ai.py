"""A provider call as a span with OpenTelemetry's attributes for generative AI. Pure.

Attribute names are those of the semantic conventions for generative AI, version 1.44 (still in development).
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pointsman.runtime.telemetry.span import TraceSpan, Value
from pointsman_schemas.calls import CallFinished, Usage

AGENT_ID = "gen_ai.agent.id"
ERROR_TYPE = "error.type"
HTTP_STATUS = "http.response.status_code"

#: Numeric request parameters that are exported, with their attribute names.
_PARAMETERS = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
}
#: Our own attributes.
JOB_ID, TIER, ATTEMPT, COST = "pointsman.job.id", "pointsman.tier", "pointsman.attempt", "pointsman.cost_usd"

_LONGEST, _MOST_REASONS = 256, 16


def call_span(call: CallFinished, *, trace_id: str, span_id: str, parent_id: str | None) -> TraceSpan:
    """Return the span of a call, without prompt and answer, which are in the audit database."""
    return TraceSpan(
        name=f"chat {call.model}"[:_LONGEST],
        kind="client",
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        start=call.started_at,
        end=call.started_at + timedelta(milliseconds=call.duration_ms),
        attributes=dict(_attributes(call)),
        error=None if call.status == "ok" else (call.error or call.status)[:_LONGEST],
    )


def _attributes(call: CallFinished) -> Iterator[tuple[str, Value]]:
    yield "gen_ai.operation.name", "chat"
    yield "gen_ai.provider.name", call.provider
    yield "gen_ai.request.model", call.model
    yield from ((AGENT_ID, call.agent_id), (JOB_ID, str(call.job_id)), (TIER, call.tier))
    yield ATTEMPT, call.attempt
    for name, attribute in _PARAMETERS.items():
        value = call.request.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield attribute, value
    if call.request.get("stream") is True:
        yield "gen_ai.request.stream", True
    if call.first_event_ms is not None:
        yield "gen_ai.response.time_to_first_chunk", call.first_event_ms / 1000
    if call.model_answered is not None:
        yield "gen_ai.response.model", call.model_answered[:_LONGEST]
    yield from _of_response(call.response or {})
    yield from _of_usage(call.usage)
    if call.cost_usd is not None:
        yield COST, float(call.cost_usd)
    if call.http_status is not None:
        yield HTTP_STATUS, call.http_status
    if call.status != "ok":
        yield ERROR_TYPE, call.error_type or call.status


def _of_response(response: dict[str, Any]) -> Iterator[tuple[str, Value]]:
    if isinstance(response.get("id"), str):
        yield "gen_ai.response.id", response["id"][:_LONGEST]
    choices = response.get("choices")
    reasons = [
        choice["finish_reason"][:_LONGEST]
        for choice in (choices if isinstance(choices, list) else [])[:_MOST_REASONS]
        if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str)
    ]
    if reasons:
        yield "gen_ai.response.finish_reasons", reasons


def _of_usage(usage: Usage | None) -> Iterator[tuple[str, Value]]:
    if usage is None:
        return
    yield "gen_ai.usage.input_tokens", usage.input_tokens
    yield "gen_ai.usage.output_tokens", usage.output_tokens
    if usage.cached_tokens:
        yield "gen_ai.usage.cache_read.input_tokens", usage.cached_tokens
    if usage.cache_write_tokens:
        yield "gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens
