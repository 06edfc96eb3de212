"""The requests that the simulator received: the last ones, and counters over all."""

from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import orjson

_KEYS = {"authorization", "api-key", "x-api-key", "x-goog-api-key"}
RawHeaders = list[tuple[bytes, bytes]]
JOBS_COUNTED = 200_000  # bounds the memory of a long benchmark; the oldest job is dropped


@dataclass(slots=True)
class LoggedRequest:
    """A request as received. It is parsed only when it is read."""

    serial: int
    at: float
    headers: RawHeaders
    body: bytes
    status: int | None = None
    ended: str = "open"

    def shown(self) -> dict[str, Any]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.headers}
        for name in _KEYS & headers.keys():
            headers[name] = "(not recorded)"
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            body = self.body.decode("utf-8", "replace")
        return {
            "serial": self.serial,
            "at": self.at,
            "agent": headers.get("x-pointsman-agent"),
            "job": headers.get("x-pointsman-job"),
            "headers": headers,
            "body": body,
            "status": self.status,
            "ended": self.ended,
        }


class RequestLedger:
    """Records and counts every chat request, refused ones included."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=keep)
        self._serial = 0
        self._in_flight = 0
        self._max_in_flight = 0
        self.clear_counters()

    def open(self, headers: RawHeaders, body: bytes, *, job: bytes, agent: bytes, at: float) -> LoggedRequest:
        self._serial += 1
        entry = LoggedRequest(self._serial, at, headers, body)
        self._entries.append(entry)
        self._total += 1
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        if job:
            self._jobs[job] = self._jobs.get(job, 0) + 1
            if len(self._jobs) > JOBS_COUNTED:
                del self._jobs[next(iter(self._jobs))]
        if agent:
            self._agents[agent] += 1
        return entry

    def close(self, entry: LoggedRequest, ended: str) -> None:
        """Record how a request ended: answered, cut, or abandoned (by the client, or by a stopped server)."""
        entry.ended = ended
        self._in_flight -= 1
        self._ended[ended] += 1
        if entry.status is not None:
            self._statuses[entry.status] += 1

    def requests(self) -> list[dict[str, Any]]:
        """Return the last requests, oldest first."""
        return [entry.shown() for entry in self._entries]

    def stats(self) -> dict[str, Any]:
        return {
            "total": self._total,
            "jobs": {job.decode("latin-1"): calls for job, calls in self._jobs.items()},
            "agents": {agent.decode("latin-1"): calls for agent, calls in self._agents.items()},
            "statuses": {str(status): calls for status, calls in self._statuses.items()},
            "ended": dict(self._ended),
            "in_flight": self._in_flight,
            "max_in_flight": self._max_in_flight,
        }

    def clear_requests(self) -> None:
        self._entries.clear()

    def clear_counters(self) -> None:
        """Set all counters to zero, except that of calls in flight, which have yet to end."""
        self._total = 0
        self._jobs: dict[bytes, int] = {}
        self._agents: Counter[bytes] = Counter()
        self._statuses: Counter[int] = Counter()
        self._ended: Counter[str] = Counter()
        self._max_in_flight = self._in_flight
