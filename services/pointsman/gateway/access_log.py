"""Each request as a line in the log and a figure in the metrics; wraps the HTTP application."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.runtime.metrics import REQUEST_SECONDS, REQUESTS_OPEN

log = logging.getLogger(__name__)

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


def logged(app: ASGIApp) -> ASGIApp:
    """The same application. Neither bodies nor keys are logged; `agent` is in the request's own state."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began = time.perf_counter()
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
