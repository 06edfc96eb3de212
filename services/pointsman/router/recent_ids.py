"""Remembers a lane's latest job ids, to recognise duplicates."""

from collections import deque


class RecentIds:
    """Remembers the last `capacity` ids. The oldest is forgotten first, even if it was added again."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._order: deque[str] = deque()
        self._ids: set[str] = set()
        self._capacity = capacity

    def add(self, id: str) -> bool:
        """Remember `id`; return False if it was known already."""
        if id in self._ids:
            return False
        if len(self._order) == self._capacity:
            self._ids.remove(self._order.popleft())
        self._order.append(id)
        self._ids.add(id)
        return True
