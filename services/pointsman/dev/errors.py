"""What can keep the dev stack from starting, always with what to do about it."""

import errno
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DevError(Exception):
    """`str()` says what happened, `hint` what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NoJavaError(DevError):
    """There is no Java that can run Kafka."""


class DownloadError(DevError):
    """A jar cannot be had."""


class PortTakenError(DevError):
    """Somebody else listens where we want to."""


class DiskFullError(DevError):
    """There is no room for data."""


class FolderTakenError(DevError):
    """Another dev stack uses this data folder."""


class OtherModeError(DevError):
    """The data in this folder is of an open stack and is to be a secure one's, or the other way round."""


class FolderUnusableError(DevError):
    """A folder cannot be made, or nothing can be written there."""


class ServerFailedError(DevError):
    """Kafka or Postgres ended, or did not become ready."""


def folder_error(folder: Path, error: OSError, elsewhere: str) -> DevError:
    """What to say when writing in `folder` failed; `elsewhere` is how to choose another folder."""
    if error.errno in _FULL:
        return DiskFullError(f"the disk of {folder} is full", f"make room, or {elsewhere}")
    return FolderUnusableError(f"{folder} cannot be used: {error.strerror or error}", elsewhere)


def server_error(problem: str, output: str, hint: str) -> DevError:
    """What to say when a server ended; `said` is the end of its log."""
    if "No space left on device" in output:
        return DiskFullError(f"{problem}: the disk is full", "make room, then start again; nothing is lost")
    return ServerFailedError(f"{problem}:\n{output}", hint)
