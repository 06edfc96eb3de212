"""Keeps values as objects in a bucket of S3 or a compatible service, with the library obstore."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pointsman.claims.store import ClaimsUnavailableError, StoredValue

if TYPE_CHECKING:
    from obstore.store import ObjectStore


class Objects:
    """A store in a bucket. The AWS_ variables give credentials and region."""

    def __init__(self, url: str, **options: Any) -> None:
        """Pass `options` to obstore, e.g. `config={"endpoint": ...}`.

        Raises:
            ModuleNotFoundError: obstore is not installed.
        """
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        self._library = obstore
        self._errors = (BaseError, OSError)
        self._store: ObjectStore = from_url(url, **options)
        self._url = url.rstrip("/")

    @property
    def place(self) -> str:
        """The bucket's URL, which contains no secret."""
        return self._url

    def url(self, sha256: str) -> str:
        """The object's URL."""
        return f"{self._url}/{_name(sha256)}"

    async def put(self, sha256: str, content: bytes) -> None:
        """See `ClaimStore`."""
        with self._translated():
            await self._library.put_async(self._store, _name(sha256), content)

    async def get(self, sha256: str) -> bytes | None:
        """See `ClaimStore`."""
        with self._translated():
            try:
                answer = await self._library.get_async(self._store, _name(sha256))
                return bytes(await answer.bytes_async())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    async def older(self, than: datetime) -> AsyncIterator[StoredValue]:
        """See `ClaimStore`."""
        with self._translated():
            async for page in self._library.list(self._store, "sha256"):
                for entry in page:
                    if entry["last_modified"] < than:
                        yield StoredValue(
                            entry["path"].rpartition("/")[2], entry["size"], entry["last_modified"]
                        )

    async def delete(self, kept: StoredValue) -> bool:
        """See `ClaimStore`."""
        with self._translated():
            try:
                entry = await self._library.head_async(self._store, _name(kept.sha256))
            except FileNotFoundError:
                return False
            if entry["last_modified"] != kept.at:
                return False
            await self._library.delete_async(self._store, _name(kept.sha256))
            return True

    async def close(self) -> None:
        """See `ClaimStore`."""

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            reason = str(error).partition("\n")[0]
            raise ClaimsUnavailableError(f"the store {self._url} is not available: {reason}") from error


def _name(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"
