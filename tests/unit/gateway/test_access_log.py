"""Each request is a span, of its job or its own, in the caller's trace."""

from typing import Any

import pytest

from pointsman.gateway.access_log import logged
from pointsman.runtime.telemetry.span import TraceSpan

CALLER, PARENT = "a" * 32, "b" * 16
TRACEPARENT = (b"traceparent", f"00-{CALLER}-{PARENT}-01".encode())


async def asked(status: int = 200, trace: str | None = None, headers: tuple[Any, ...] = ()) -> TraceSpan:
    async def app(scope: Any, _receive: Any, send: Any) -> None:
        scope["state"] |= {"agent": "app", "trace": trace}
        sent = [(b"x-pointsman-job-id", b"j-1")] if trace else []
        await send({"type": "http.response.start", "status": status, "headers": sent})

    async def send(_: Any) -> None:
        """Discards the message."""

    spans: list[TraceSpan] = []
    scope = {"type": "http", "method": "POST", "path": "/v1/x?secret", "headers": list(headers)}
    nothing: Any = None
    await logged(app, spans.append)(scope, nothing, send)
    (span,) = spans
    return span


async def test_the_request_is_the_span_that_its_job_follows() -> None:
    span = await asked(trace=f"00-{CALLER}-{'c' * 16}-01", headers=(TRACEPARENT,))
    assert (span.trace_id, span.span_id, span.parent_id) == (CALLER, "c" * 16, PARENT)
    assert (span.kind, span.error) == ("server", None)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "none",
        "http.response.status_code": 200,
        "pointsman.job.id": "j-1",
        "gen_ai.agent.id": "app",
    }


@pytest.mark.parametrize("headers", [(), ((b"traceparent", b"nonsense"),), ((b"traceparent", b"\xff"),)])
async def test_without_a_job_or_trace_the_span_is_a_root(headers: tuple[Any, ...]) -> None:
    first, second = await asked(401, headers=headers), await asked(401, headers=headers)
    assert (len(first.trace_id), len(first.span_id), first.parent_id) == (32, 16, None)
    assert first.trace_id != second.trace_id
    assert first.error is None


async def test_an_internal_error_is_an_error_span() -> None:
    span = await asked(502, headers=(TRACEPARENT,))
    assert (span.trace_id, span.parent_id) == (CALLER, PARENT)
    assert (span.error, span.attributes["error.type"]) == ("status 502", "502")
