"""Another gateway that is measured beside ours: its address, its headers and its processes."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil

#: What its results are called, with its address.
PEER = "peer"
MODEL = "gpt-4.1-mini"


@dataclass(frozen=True)
class Peer:
    """`url`: its base URL; `headers` go with each request."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{PEER} {urlsplit(self.url).netloc}"

    def processes(self) -> dict[str, int]:
        """Whoever listens at its port of this machine; none where it is elsewhere, or not ours to see."""
        port = urlsplit(self.url).port
        listening = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
        ]
        pids = {pid for pid in listening if pid is not None}
        parents = {pid: {parent.pid for parent in psutil.Process(pid).parents()} for pid in pids}
        return {str(pid): pid for pid in pids if not pids & parents[pid]}  # whose time counts it already
