"""The three streams of a command, whatever it was started with."""

import os
import sys
from pathlib import Path


def open_closed() -> None:
    """Let no file or connection get the number of a stream that is closed; what is written there is dropped.

    A closed stdin stays None: who reads it says so.
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
    """The first argument that is neither UTF-8 nor the name of a file; its beginning in what can be shown."""
    for argument in arguments:
        if any("\udc80" <= character <= "\udcff" for character in argument):
            _, _, value = argument.rpartition("=")
            if not (os.path.lexists(argument) or os.path.lexists(value)):
                return argument[:60].encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return None
