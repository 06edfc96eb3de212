"""Keeps values as files in a folder.

Invariants:
- A file gets its name only when it is complete and on disk: it is written under another name, then renamed.
- Files have mode 0600, folders 0700.
- Only a folder with the marker file reports a value as missing: without it the volume may not be mounted,
  and the store is unavailable.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pointsman.claims.store import ClaimsUnavailableError, StoredValue
from pointsman.runtime.private_file import make_private, sync_folder, write_private

#: Name of the marker file, which a folder gets with its first value.
MARK = "pointsman-claims"


class Folder:
    """A store in a folder. Concurrent writers of a value are safe: each renames a complete file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        """The folder as a URL."""
        return self._folder.as_uri()

    def url(self, sha256: str) -> str:
        """The file as a URL."""
        return self._path(sha256).as_uri()

    async def put(self, sha256: str, content: bytes) -> None:
        """See `ClaimStore`."""
        with _translated(self.place):
            await asyncio.to_thread(self._write, sha256, content)

    async def get(self, sha256: str) -> bytes | None:
        """See `ClaimStore`."""
        with _translated(self.place):
            return await asyncio.to_thread(self._read, sha256)

    async def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """See `ClaimStore`."""
        with _translated(self.place):
            values = await asyncio.to_thread(lambda: list(self._list()))
        for kept in values:
            if kept.at < than:
                yield kept

    async def delete(self, kept: StoredValue) -> bool:
        """See `ClaimStore`."""
        path = self._path(kept.sha256)
        with _translated(self.place):
            try:
                if _at(path.stat()) != kept.at:
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    async def close(self) -> None:
        """See `ClaimStore`."""

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256

    def _write(self, sha256: str, content: bytes) -> None:
        path = self._path(sha256)
        if not path.parent.is_dir():
            for folder in (self._folder, path.parent):
                make_private(folder)
            (self._folder / MARK).touch(0o600)
            sync_folder(self._folder)
        write_private(path, content)

    def _read(self, sha256: str) -> bytes | None:
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            if not (self._folder / MARK).exists():
                raise FileNotFoundError("no value was ever stored there: is its volume mounted?") from None
            return None

    def _list(self) -> Iterator[StoredValue]:
        for path in self._folder.glob("??/*"):
            if len(path.name) == 64:
                try:
                    details = path.stat()
                except FileNotFoundError:  # deleted meanwhile
                    continue
                yield StoredValue(path.name, details.st_size, _at(details))


def _at(details: os.stat_result) -> datetime:
    return datetime.fromtimestamp(details.st_mtime, UTC)


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClaimsUnavailableError(f"the store {place} is not available: {error}") from error
