"""Serve an ASGI app on a socket, in a running event loop or as a program."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.types import ASGIApp

if TYPE_CHECKING:
    import uvicorn


class CannotListenError(OSError):
    """The address is in use or does not belong to this machine; `hint` says what to do."""

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {cause.strerror}")
        self.hint = "stop what listens there, or take another port; port 0 is any free one"


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Yield a socket that already accepts connections. Raises CannotListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise CannotListenError(host, port, error) from error
    with sock:
        yield sock


def server_of(app: ASGIApp) -> "uvicorn.Server":
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_level="critical",  # uvicorn logs a body cut short on purpose as an error
        server_header=False,
        timeout_keep_alive=120,  # longer than clients keep connections, so that they close first
        timeout_graceful_shutdown=1,  # otherwise hung requests would keep the server from ending
    )
    return uvicorn.Server(config)
