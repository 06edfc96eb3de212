"""A provider's bearer token, renewed when it expires."""

import asyncio
from pathlib import Path
from time import monotonic

from pydantic import Field, model_validator

from pointsman.runtime.token_source import TokenSourceError, token_by_command, token_in_file
from pointsman_schemas.base import Value

#: The longest token; no server accepts a longer header.
MOST_CHARACTERS = 16 * 1024
#: The pause after a failure to read a token, in seconds.
_PAUSE_S = 5.0
#: If a token is refused so soon after it was read, another read is unlikely to help. Seconds.
_FRESH_S = 10.0


class TokenRow(Value):
    """`token` in a provider's row: a program that prints a token, or a file that holds one."""

    command: str | None = Field(default=None, min_length=1, description="run without a shell")
    file: Path | None = None
    renew_s: float = Field(default=240, ge=1, le=86_400, description="seconds for which a token is used")

    @model_validator(mode="after")
    def _is_one(self) -> "TokenRow":
        if (self.command is None) == (self.file is None):
            raise ValueError("needs either `command` or `file`")
        return self

    @property
    def source(self) -> str:
        """The setting's name, for messages."""
        return "token.file" if self.file is not None else "token.command"

    def read(self) -> str:
        """Read the current token; blocks.

        Raises:
            TokenSourceError: no token can be read.
        """
        if self.file is not None:
            token = token_in_file(self.file, self.source)
        else:
            token = token_by_command(self.command or "", self.source)
        if len(token) > MOST_CHARACTERS:
            raise TokenSourceError(
                f"{self.source} gives more than {MOST_CHARACTERS // 1024} KB, which no server accepts"
            )
        return token


class BearerToken:
    """Reads the token when first needed, and again when it expires; concurrent callers share one read.

    If it cannot be renewed, the previous one is used, unless the provider refused that.
    """

    def __init__(self, row: TokenRow) -> None:
        self._row = row
        self._token: str | None = None
        self._read_at = self._renew_at = float("-inf")
        self._error: BaseException | None = None
        self._renewal: asyncio.Task[str] | None = None

    async def value(self) -> str:
        """Return the token to send.

        Raises:
            TokenSourceError: no token can be read.
        """
        if monotonic() >= self._renew_at:
            if self._renewal is None:
                self._renewal = asyncio.create_task(asyncio.to_thread(self._row.read))
                self._renewal.add_done_callback(self._renewed)
            try:
                return await asyncio.shield(self._renewal)
            except TokenSourceError:
                if self._token is None:
                    raise
        if self._token is None:
            assert self._error is not None
            raise self._error
        return self._token

    def refused(self, token: str) -> bool:
        """Note that the provider refused `token`; return whether the next one may be accepted."""
        if self._token != token:
            return True  # it was renewed meanwhile
        if monotonic() - self._read_at < _FRESH_S:
            return False
        self._token, self._renew_at = None, float("-inf")
        return True

    def _renewed(self, renewal: "asyncio.Task[str]") -> None:
        self._renewal = None
        now = monotonic()
        if renewal.cancelled():
            return
        error = renewal.exception()
        if error is None:
            self._token, self._read_at, self._error = renewal.result(), now, None
            self._renew_at = now + self._row.renew_s
            return
        self._error = error
        self._renew_at = now + _PAUSE_S
