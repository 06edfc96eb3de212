"""The HTTP protocol of all services, with limits for connections before their first complete request."""

import asyncio
import resource
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

#: Limits for a request's head, in seconds and bytes.
HEAD_S, HEAD_BYTES = 15.0, 64 * 1024
#: Most open connections of a process, if it may open that many files.
MOST_CONNECTIONS = 20_000
#: Open files reserved for everything else: Kafka, Postgres, providers, logs.
_OTHER_FILES = 500


def connections_allowed() -> int:
    """Return how many connections this process can hold open. Raises the limit of open files if possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files_needed = MOST_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < files_needed:
        soft = files_needed if hard == resource.RLIM_INFINITY else min(files_needed, hard)
        with suppress(OSError, ValueError):  # a system may allow less than its stated limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = files_needed if soft == resource.RLIM_INFINITY else min(files_needed, soft)
    return max(files - _OTHER_FILES, files // 4)


class BoundedHttp(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Closes a connection that sends no request, or whose request head is not complete, in time.

    Connections beyond `most_connections` are closed at once.
    """

    most_connections = MOST_CONNECTIONS
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.close()
            return
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_asked:
            self._forget_head()
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._is_asked:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    @property
    def _is_asked(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._forget_head()
        self._head_bytes = 0
        self._head_timer = asyncio.get_running_loop().call_later(HEAD_S, self._close)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _close(self) -> None:
        self._forget_head()
        if not self._is_asked and not self.transport.is_closing():
            self.transport.close()
