"""Makes the spans of a job from its worker's records."""

import logging
from collections.abc import Awaitable, Callable

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.clock import Clock
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import failure
from pointsman.runtime.telemetry.gen_ai import AGENT_ID, JOB_ID, TIER, call_span
from pointsman.runtime.telemetry.span import SendSpan, TraceSpan
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.envelope import BadEnvelopeError, from_headers, span_of

log = logging.getLogger(__name__)

Handler = Callable[[Incoming], Awaitable[list[Outgoing]]]


def traced(handler: Handler, tier: str, send: SendSpan | None, clock: Clock) -> Handler:
    """Wrap the handler so that a span for each job and each of its calls goes to `send`, if given."""
    if send is None:
        return handler

    async def handle(record: Incoming) -> list[Outgoing]:
        output = await handler(record)
        try:
            for span in _spans(record, tier, output, clock):
                send(span)
        except Exception as error:  # a problem with spans must not fail the job
            failure(log, Event.SPANS_FAILED, error)
        return output

    return handle


def _spans(record: Incoming, tier: str, output: list[Outgoing], clock: Clock) -> list[TraceSpan]:
    try:
        cause = from_headers(record.headers)
    except BadEnvelopeError:
        return []
    if cause is None or cause.trace_id is None or cause.span_id is None:
        return []
    calls = []
    for sent in output:
        decoded = decode(Incoming(sent.topic, 0, 0, 0, sent.key, sent.value, tuple(sent.headers)))
        if isinstance(decoded, Decoded) and isinstance(decoded.message, CallFinished):
            span_id = decoded.envelope.span_id or ""
            calls.append(
                call_span(decoded.message, trace_id=cause.trace_id, span_id=span_id, parent_id=cause.span_id)
            )
    about = {TIER: tier, AGENT_ID: cause.agent_id}
    if cause.job_id is not None:
        about[JOB_ID] = str(cause.job_id)
    job = TraceSpan(
        name=f"job {tier}",
        kind="consumer",
        trace_id=cause.trace_id,
        span_id=cause.span_id,
        parent_id=None if cause.causation_id is None else span_of(cause.causation_id),
        start=cause.time,
        end=clock(),
        attributes=about,
    )
    return [job, *calls]
