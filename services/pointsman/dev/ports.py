"""Find free ports on the loopback interface, and tell which process occupies one."""

import socket

import psutil

from pointsman.dev.errors import DevError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether this process could listen on `port`."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False


def require_free(port: int, purpose: str, flag: str) -> None:
    """Raise DevError if `port` is in use. The message names the process that has it, if that can be found."""
    if not is_free(port):
        raise DevError(
            f"port {port}, where {purpose} would listen, is in use{_by_whom(port)}",
            f"stop that program, or choose another port: pointsman dev {flag} {free_port()}",
        )


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == "LISTEN":
                name = psutil.Process(connection.pid).name() if connection.pid else "?"
                return f" by {name} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""
