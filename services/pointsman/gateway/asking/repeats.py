"""Recognises repeated requests: by their idempotency key, or as a client's own retry. Pure.

Invariants:
- The id of a job with an idempotency key is derived from agent and key, so it is one job in every process.
- Remembered requests are bounded in number and age.
"""

from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID, uuid5

#: A retry without an idempotency key is recognised for so many seconds.
RETRY_S = 600.0
#: The number of requests that are remembered.
CAPACITY = 100_000

_KEYED = UUID("5b0c5b0e-6f0c-5d6b-8a51-0f6f6f1f4c11")


@dataclass(frozen=True, slots=True)
class _Seen:
    job_id: UUID
    digest: bytes
    at: float


class Repeats:
    """Call `find` before a job is made and `remember` afterwards."""

    def __init__(self) -> None:
        self._keyed: OrderedDict[tuple[str, str], _Seen] = OrderedDict()
        self._bodies: OrderedDict[tuple[str, bytes], _Seen] = OrderedDict()

    def find(
        self, agent_id: str, digest: bytes, key: str | None, *, is_retry: bool, now: float
    ) -> UUID | None:
        """Return the job that the same request made before, if any. `now` in seconds.

        Raises:
            KeyError: the idempotency key was used with another body.
        """
        if key is not None:
            keyed = self._keyed.get((agent_id, key))
            if keyed is not None and keyed.digest != digest:
                raise KeyError(key)
            return None if keyed is None else keyed.job_id
        if not is_retry:
            return None
        before = self._bodies.get((agent_id, digest))
        return before.job_id if before is not None and now - before.at <= RETRY_S else None

    def remember(self, agent_id: str, digest: bytes, key: str | None, job_id: UUID, now: float) -> None:
        """Record that this request made the job `job_id`."""
        request = _Seen(job_id, digest, now)
        if key is not None:
            self._keyed[agent_id, key] = request
        self._bodies[agent_id, digest] = request
        self._bodies.move_to_end((agent_id, digest))
        for remembered in (self._keyed, self._bodies):
            while len(remembered) > CAPACITY:
                remembered.popitem(last=False)


def digest_of(route: str, content: bytes) -> bytes:
    """Digest a request: equal for the same body on the same route."""
    return sha256(route.encode() + b"\n" + content).digest()


def keyed_id(agent_id: str, key: str) -> UUID:
    """Return the id of the job for an agent's idempotency key."""
    return uuid5(_KEYED, f"{agent_id}\n{key}")
