"""Tokens for OAUTHBEARER: what a file holds or a program prints, anew at each login."""

import asyncio
import contextlib
import os
import shlex
import signal
import subprocess
import threading
from pathlib import Path

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from pointsman.runtime.settings import KafkaPart

#: How long a program may take, seconds, and how many bytes a token may have.
COMMAND_S = 10.0
MOST_BYTES = 64 * 1024


class TokenError(KafkaError):  # type: ignore[misc]
    """There is no token. One of Kafka's errors, as a client goes on trying only after one of those."""


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]
    """As aiokafka asks for tokens."""

    def __init__(self, settings: KafkaPart) -> None:
        self._settings = settings

    async def token(self) -> str:
        """Raises: TokenError."""
        return await asyncio.to_thread(read_token, self._settings)


def read_token(settings: KafkaPart) -> str:
    """The token to log in with now.

    Raises:
        TokenError: there is none; the text repeats nothing that was read.
    """
    if settings.kafka_token_file is not None:
        name, content = "POINTSMAN_KAFKA_TOKEN_FILE", _read(settings.kafka_token_file)
    else:
        name, content = "POINTSMAN_KAFKA_TOKEN_COMMAND", _run(settings.kafka_token_command)
    if len(content) > MOST_BYTES:
        raise TokenError(f"{name} gives more than {MOST_BYTES // 1024} KB, which is no token")
    token = content.decode("latin-1").strip()
    if not token:
        raise TokenError(f"{name} gives nothing where a token should be")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise TokenError(f"{name} gives more than a token: one line without spaces is wanted")
    return token


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise TokenError(f"POINTSMAN_KAFKA_TOKEN_FILE: {file} cannot be read: {error.strerror}") from error


def _run(command: str) -> bytes:
    try:
        arguments = shlex.split(command)
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may repeat secrets
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TokenError(f"POINTSMAN_KAFKA_TOKEN_COMMAND cannot be run: {reason}") from error
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
        raise TokenError(f"POINTSMAN_KAFKA_TOKEN_COMMAND was not done within {COMMAND_S:g} s")
    if code and len(content) <= MOST_BYTES:
        raise TokenError(f"POINTSMAN_KAFKA_TOKEN_COMMAND failed (exit code {code})")
    return content


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With its children, which may hold its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
