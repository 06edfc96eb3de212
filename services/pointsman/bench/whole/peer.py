"""Another gateway to compare with: its address, headers and processes."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil

#: Its name in the results, followed by its address.
PEER = "peer"
MODEL = "gpt-4.1-mini"


@dataclass(frozen=True)
class Peer:
    """`url` is the base URL; `headers` are sent with each request."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{PEER} {urlsplit(self.url).netloc}"

    def processes(self) -> dict[str, int]:
        """Return the processes that listen on its port, if it is local and they can be seen."""
        port = urlsplit(self.url).port
        listening = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,)
        ]
        pids = {pid for pid in listening if pid is not None}
        parents = {pid: {parent.pid for parent in psutil.Process(pid).parents()} for pid in pids}
        return {str(pid): pid for pid in pids if not pids & parents[pid]}  # else counted with the parent
