"""Read a token from a file or a program, with limits on time and size."""

import contextlib
import os
import shlex
import signal
import subprocess
import threading
from pathlib import Path

#: A program's time limit in seconds, and the largest token in bytes.
COMMAND_S = 10.0
MOST_BYTES = 64 * 1024


class TokenSourceError(ValueError):
    """There is no token. The text never contains what was read."""


def token_in_file(file: Path, name: str) -> str:
    """Return the token in a file; `name` is used in errors.

    Raises:
        TokenSourceError: the file cannot be read or holds no token.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise TokenSourceError(f"{name}: {file} cannot be read: {error.strerror}") from error
    return _token(content, name)


def token_by_command(command: str, name: str) -> str:
    """Return the token that a program prints. It runs without a shell; blocks for at most `COMMAND_S`.

    Raises:
        TokenSourceError: the program prints no token, fails, or takes too long.
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
    """Kill the process and its children, which may keep its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
