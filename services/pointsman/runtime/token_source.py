"""A token from a file or a program, within limits of time and size."""

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from pathlib import Path

#: How long a program may take, seconds, and how many bytes a token may have.
COMMAND_S = 10.0
MOST_BYTES = 64 * 1024


class TokenSourceError(ValueError):
    """There is no token; the text never repeats what was read."""


def token_in_file(file: Path, name: str) -> str:
    """What the file holds; `name` is what the reader of an error knows it by.

    Raises:
        TokenSourceError: there is no token in it.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise TokenSourceError(f"{name}: {file} cannot be read: {error.strerror}") from error
    return _token(content, name)


def token_by_command(command: str, name: str) -> str:
    """What the program prints, which is run without a shell; blocks for `COMMAND_S` at most.

    Raises:
        TokenSourceError: it prints no token, fails, or is not done in time.
    """
    return _token(_run(command, name), name)


def _token(content: bytes, name: str) -> str:
    if len(content) > MOST_BYTES:
        raise TokenSourceError(f"{name} gives more than {MOST_BYTES // 1024} KB: that is not a token")
    token = content.decode("latin-1").strip()
    if not token:
        raise TokenSourceError(f"{name} gives no token")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise TokenSourceError(f"{name} gives more than a token: must be one line without spaces")
    return token


def _run(command: str, name: str) -> bytes:
    try:
        process = subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may repeat secrets
            start_new_session=True,
        )
    except (OSError, ValueError, IndexError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TokenSourceError(f"{name} cannot be run: {reason}") from error
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(COMMAND_S, end)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            content = process.stdout.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                _kill(process)
            code = process.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise TokenSourceError(f"{name} did not end within {COMMAND_S:g} s")
    if code and len(content) <= MOST_BYTES:
        raise TokenSourceError(f"{name} failed (exit code {code})")
    return content


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With its children, which may hold its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
