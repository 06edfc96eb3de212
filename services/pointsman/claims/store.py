"""The interface of a store of large values."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple, Protocol


class ClaimsUnavailableError(Exception):
    """The store is unavailable: retry later. The text names the store and its error."""


class StoredValue(NamedTuple):
    """One value in a store. `at`: when it was last stored; `sha256`: 64 hexadecimal digits."""

    sha256: str
    bytes: int
    at: datetime


class ClaimStore(Protocol):
    """Values under their SHA-256. All methods raise ClaimsUnavailableError and nothing else."""

    @property
    def place(self) -> str:
        """Its address as anybody may see it."""

    def url(self, sha256: str) -> str:
        """Where the value with this digest is; it ends with the digest."""

    async def put(self, sha256: str, content: bytes) -> None:
        """Keep `content`; it is on disk when this returns. Again is as good as once, and makes it young."""

    async def get(self, sha256: str) -> bytes | None:
        """What is there under this digest, unchecked; None where nothing is."""

    def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """Every value that was last put there before `than`."""

    async def delete(self, kept: StoredValue) -> bool:
        """Remove what `older` told of; False where it was put there again since, or is gone."""

    async def close(self) -> None:
        """Let go of connections."""
