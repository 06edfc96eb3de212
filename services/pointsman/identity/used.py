"""The signatures that a lane has accepted, so that each is valid only once; bounded in memory.

Invariants:
- An accepted signature is remembered as long as its time is recent enough to be accepted again.
- When memory is full, the oldest signatures of the agent with the most are forgotten, and no signature as
  old is accepted from that agent any more. So a repeat is never accepted, and an agent that floods a lane
  shortens only its own time.
"""

import heapq
from collections import defaultdict

from pointsman.identity.verify import GOOD_FOR_MS, SignatureVerdict

#: Signatures per lane, some 20 MB: five minutes of 600 jobs a second.
CAPACITY = 200_000
#: Bytes kept of a signature: enough that no second one with the same can be found.
_KEPT_BYTES = 16


class UsedSignatures:
    """The signatures of all agents; `capacity`: their total number."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._agents: dict[str, _OfAgent] = defaultdict(_OfAgent)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def use(self, agent_id: str, raw: bytes, time_ms: int, at_ms: int) -> SignatureVerdict:
        """Use a valid signature: VALID the first time, then REPEATED; STALE if too old to be known.

        `raw`, `time_ms`: as in `Verified`; `at_ms`: the broker's time of the record.
        """
        agent = self._agents[agent_id]
        self._count -= agent.forget((at_ms - GOOD_FOR_MS) // 1000 - 1)
        verdict = agent.use(raw[:_KEPT_BYTES], time_ms // 1000)
        if verdict is SignatureVerdict.VALID:
            self._count += 1
            while self._count > self._capacity:
                most = max(self._agents.values(), key=len)
                self._count -= most.forget(most.oldest)
        return verdict


class _OfAgent:
    """One agent's signatures, grouped by the second of their time."""

    def __init__(self) -> None:
        self._signatures: dict[int, set[bytes]] = {}
        self._seconds: list[int] = []  # a heap of the keys
        self._size = 0
        self._forgotten: int | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def oldest(self) -> int:
        return self._seconds[0]

    def use(self, signature: bytes, second: int) -> SignatureVerdict:
        if self._forgotten is not None and second <= self._forgotten:
            return SignatureVerdict.STALE
        if second not in self._signatures:
            self._signatures[second] = set()
            heapq.heappush(self._seconds, second)
        if signature in self._signatures[second]:
            return SignatureVerdict.REPEATED
        self._signatures[second].add(signature)
        self._size += 1
        return SignatureVerdict.VALID

    def forget(self, until: int) -> int:
        """Forget signatures up to this second; returns how many."""
        before = self._size
        while self._seconds and self._seconds[0] <= until:
            self._forgotten = heapq.heappop(self._seconds)
            self._size -= len(self._signatures.pop(self._forgotten))
        return before - self._size
