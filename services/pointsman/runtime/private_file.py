"""Files that only their owner can read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def make_private(folder: Path) -> None:
    """Create the folder, readable by its owner only, and its parents, if they are missing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(0o700, exist_ok=True)


def write_private(path: Path, content: str | bytes) -> None:
    """Write a new file atomically and durably, and replace the old one.

    A process that has the old file open does not see the new content.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb", opener=_private) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def kept_private(path: Path, make: Callable[[], str]) -> Path:
    """Return `path`; if there is no such file, write the result of `make` into it first."""
    if not path.exists():
        write_private(path, make())
    return path


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk: a rename is durable only after that."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _private(path: str, flags: int) -> int:
    """Open a file with mode 600."""
    return os.open(path, flags, 0o600)
