"""Wraps the HTTP application: a log event, a metric and a span for each request."""

import logging
import time
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from starlette.types import ASGIApp

from pointsman.runtime.clock import utc_now
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import REQUEST_SECONDS, REQUESTS_OPEN
from pointsman.runtime.telemetry.gen_ai import AGENT_ID, ERROR_TYPE, HTTP_STATUS, JOB_ID
from pointsman.runtime.telemetry.span import SendSpan, TraceSpan, Value
from pointsman_schemas.envelope import trace_of

log = logging.getLogger(__name__)


def logged(app: ASGIApp, send_span: SendSpan | None = None) -> ASGIApp:
    """Wrap `app` so that each request gives a log event, a metric and a span.

    Bodies and keys are not logged. The routes put `agent` and `trace` into the request's state.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, started_at = time.perf_counter(), utc_now()
        first_s: float | None = None
        status, job_id = 0, None

        async def noting(message: Any) -> None:
            nonlocal first_s, status, job_id
            if message["type"] == "http.response.start":
                first_s, status = time.perf_counter() - began, message["status"]
                job_id = dict(message.get("headers") or ()).get(b"x-pointsman-job-id")
            await send(message)

        scope.setdefault("state", {})
        try:
            with REQUESTS_OPEN.track_inprogress():
                await app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            whole_s = time.perf_counter() - began
            REQUEST_SECONDS.labels(route, status).observe(whole_s if first_s is None else first_s)
            if send_span is not None:
                elapsed = timedelta(seconds=whole_s)
                send_span(_span(scope, route, status, (started_at, started_at + elapsed), job_id))
            event(
                log,
                logging.INFO,
                Event.REQUEST_ANSWERED,
                method=scope["method"],
                route=route,
                status=status,
                agent=scope["state"].get("agent"),
                job_id=None if job_id is None else job_id.decode(),
                ms=round(whole_s * 1000, 1),
            )

    return wrapped


def _span(
    scope: Any, route: str, status: int, times: tuple[datetime, datetime], job_id: bytes | None
) -> TraceSpan:
    caller = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
    trace_id, parent_id = trace_of(caller)
    trace_ids = trace_of(scope["state"].get("trace"))
    attributes: dict[str, Value] = {
        "http.request.method": scope["method"],
        "http.route": route,
        HTTP_STATUS: status,
        **({ERROR_TYPE: str(status)} if status >= 500 else {}),
        **({JOB_ID: job_id.decode()} if job_id is not None else {}),
        **({AGENT_ID: scope["state"]["agent"]} if "agent" in scope["state"] else {}),
    }
    return TraceSpan(
        name=f"{scope['method']} {route}",
        kind="server",
        trace_id=trace_ids[0] or trace_id or token_hex(16),
        span_id=trace_ids[1] or token_hex(8),
        parent_id=parent_id,
        start=times[0],
        end=times[1],
        attributes=attributes,
        error=f"status {status}" if status >= 500 else None,
    )
