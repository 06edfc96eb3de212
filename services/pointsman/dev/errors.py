"""Errors that keep the dev stack from starting, each with a hint on what to do."""

import errno
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DevError(Exception):
    """An error for the user: `str()` says what happened, `hint` what to do next."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def folder_error(folder: Path, error: OSError, elsewhere: str) -> DevError:
    """Return the error for a failed write in `folder`; `elsewhere` tells how to choose another folder."""
    if error.errno in _FULL:
        return DevError(f"the disk of {folder} is full", f"make room, or {elsewhere}")
    return DevError(f"{folder} cannot be used: {error.strerror or error}", elsewhere)


def server_error(problem: str, output: str, hint: str) -> DevError:
    """Return the error for a server that ended; `output` is the end of its log."""
    if "No space left on device" in output:
        return DevError(f"{problem}: the disk is full", "make room, then start again; nothing is lost")
    return DevError(f"{problem}:\n{output}", hint)
