"""Files that only their owner may read."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make the folder where it is missing, and those that it is in; nobody else gets into it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(0o700, exist_ok=True)


def write_private(path: Path, content: str | bytes) -> None:
    """Put a new file there, whole and on disk: who has the one before it open, or could, does not see it."""
    beside = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with open(beside, "xb", opener=_private) as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def kept_private(path: Path, make: Callable[[], str]) -> Path:
    """The file, with what `make` makes where there is none."""
    if not path.exists():
        write_private(path, make())
    return path


def sync_folder(folder: Path) -> None:
    """A rename is on disk only once its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _private(path: str, flags: int) -> int:
    """Opens a file that is its owner's alone."""
    return os.open(path, flags, 0o600)
