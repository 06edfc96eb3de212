"""Make stdin, stdout and stderr usable, however the program was started."""

import os
import sys
from pathlib import Path


def open_closed() -> None:
    """Open the null device for closed standard streams, so that no file or socket gets their numbers.

    Output to a closed stream is dropped. A closed stdin stays None, which its readers report.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def not_utf8(arguments: list[str]) -> str | None:
    """Return the first argument that is neither UTF-8 nor an existing file, shortened and printable."""
    for argument in arguments:
        if any("\udc80" <= character <= "\udcff" for character in argument):
            _, _, value = argument.rpartition("=")
            if not (os.path.lexists(argument) or os.path.lexists(value)):
                return argument[:60].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return None
