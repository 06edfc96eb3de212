"""The interface of a store of large values."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple, Protocol


class ClaimsUnavailableError(Exception):
    """The store is unavailable: try again later. The text names the store and its error."""


class StoredValue(NamedTuple):
    """One value in a store. `at`: when it was last stored; `sha256`: 64 hexadecimal digits."""

    sha256: str
    bytes: int
    at: datetime


class ClaimStore(Protocol):
    """A store of values under their SHA-256. All methods raise ClaimsUnavailableError and nothing else."""

    @property
    def place(self) -> str:
        """The store's address, without secrets."""

    def url(self, sha256: str) -> str:
        """Return the address of the value with this digest; it ends with the digest."""

    async def put(self, sha256: str, content: bytes) -> None:
        """Store `content`, durably when this returns. Idempotent, but resets the value's age."""

    async def get(self, sha256: str) -> bytes | None:
        """Return the value with this digest, unchecked; None if there is none."""

    def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """Yield every value that was last stored before `than`."""

    async def delete(self, kept: StoredValue) -> bool:
        """Remove a value listed by `older`; False if it was stored again since, or is gone."""

    async def close(self) -> None:
        """Close connections."""
