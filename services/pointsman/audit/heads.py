"""Copies the newest checkpoints to a folder or bucket that the owner of the database cannot change."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import Field

from pointsman.runtime.private_file import make_private, write_private
from pointsman.runtime.settings import SettingsPart

#: Number of copies; each new one replaces the oldest.
KEPT = 1_000
_FORMS = "file:///FOLDER or s3://BUCKET/PREFIX"


class HeadsPart(SettingsPart):
    """Where copies of the newest checkpoints are kept."""

    audit_heads: str = Field(
        default="",
        description="where the newest checkpoints are kept, too, out of reach of the database's owner: "
        f"{_FORMS}; empty: on Kafka alone",
    )


class HeadsError(Exception):
    """Checkpoints cannot be written or read; the text says why."""

    hint = f"POINTSMAN_AUDIT_HEADS is {_FORMS}, for the audit process and for who verifies"


class Heads(Protocol):
    """A store of checkpoints. All methods raise HeadsError."""

    async def put(self, number: int, message: bytes) -> None:
        """Store the checkpoint with this number."""

    async def all(self) -> list[bytes]:
        """Return the stored checkpoints, in any order."""


class FolderHeads:
    """Stores checkpoints as files with mode 600."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, number: int, message: bytes) -> None:
        with _translated(str(self._folder), OSError):
            await asyncio.to_thread(self._write, number, message)

    async def all(self) -> list[bytes]:
        with _translated(str(self._folder), OSError):
            return await asyncio.to_thread(self._read)

    def _write(self, number: int, message: bytes) -> None:
        make_private(self._folder)
        write_private(self._folder / _name(number), message)

    def _read(self) -> list[bytes]:
        if not self._folder.is_dir():
            raise FileNotFoundError("the folder does not exist: is its volume mounted?")
        return [path.read_bytes() for path in self._folder.glob("checkpoint-*.json")]


class BucketHeads:
    """Stores checkpoints as objects with the library obstore; the AWS_ variables give the credentials."""

    def __init__(self, url: str, **options: Any) -> None:
        """Pass `options` to obstore. Raises ModuleNotFoundError, and the errors of obstore."""
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        self._library = obstore
        self._errors = (BaseError, OSError)
        self._store = from_url(url, **options)
        self._url = url

    async def put(self, number: int, message: bytes) -> None:
        with _translated(self._url, *self._errors):
            await self._library.put_async(self._store, _name(number), message)

    async def all(self) -> list[bytes]:
        heads = []
        with _translated(self._url, *self._errors):
            async for page in self._library.list(self._store):
                for kept in page:
                    if not kept["path"].rpartition("/")[2].startswith("checkpoint-"):
                        continue
                    head = await self._library.get_async(self._store, kept["path"])
                    heads.append(bytes(await head.bytes_async()))
        return heads


def open_heads(url: str) -> Heads | None:
    """Return the store at `url`; None if it is empty. Nothing is connected or written before its first use.

    Raises:
        HeadsError: the url has another form, or the store cannot be used.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "" if not url:
            return None
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return FolderHeads(Path(unquote(parts.path)))
        case "s3" if parts.netloc:
            try:
                return BucketHeads(url)
            except ModuleNotFoundError as error:
                raise HeadsError('s3:// needs obstore: pip install "pointsman[s3]"') from error
            except Exception as error:
                reason = str(error).partition("\n")[0]
                raise HeadsError(f"{url} cannot be used: {reason}") from error
        case _:
            raise HeadsError(f"{parts.scheme or 'this'} is not an address for checkpoints: give {_FORMS}")


def _name(number: int) -> str:
    return f"checkpoint-{number % KEPT:03d}.json"


@contextmanager
def _translated(place: str, *errors: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        reason = str(error).partition("\n")[0]
        raise HeadsError(f"checkpoints in {place} are not available: {reason}") from error
