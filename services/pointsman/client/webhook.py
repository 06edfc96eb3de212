"""Sends webhooks, signed as in Standard Webhooks 1.0."""

import asyncio
import base64
import binascii
import hmac
from datetime import datetime
from hashlib import sha256
from typing import Self

import aiohttp
import orjson

from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.errors import CommandError
from pointsman_schemas.base import Json

_PREFIX = "whsec_"
#: Seconds for one try, and seconds to wait before each further try.
_TIMEOUT_S = 10.0
_WAITS_S = (1.0, 5.0, 25.0)


class NoticeFailedError(Exception):
    """A webhook was not accepted on any attempt; the text says why."""


def secret_of(text: str) -> bytes:
    """Return the bytes of a secret such as `whsec_MfKQ...`.

    Raises:
        CommandError: it is not valid.
    """
    try:
        secret = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not 24 <= len(secret) <= 64:
        raise CommandError(
            "the webhook's secret is not valid", "24 to 64 bytes in base64: openssl rand -base64 32", code=2
        )
    return secret


def signed_headers(secret: bytes, id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers of a notice; each try has the same `id`, so that a receiver can detect repeats."""
    seconds = str(int(at.timestamp()))
    digest = hmac.digest(secret, b".".join((id.encode(), seconds.encode(), body)), sha256)
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


class Webhook:
    """Sends to one receiver: an async context manager."""

    def __init__(
        self, url: str, secret: bytes, *, waits_s: tuple[float, ...] = _WAITS_S, clock: Clock = utc_now
    ) -> None:
        self._url, self._secret, self._waits_s, self._clock = url, secret, waits_s, clock

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S), trust_env=True, auto_decompress=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, id: str, notice: Json) -> None:
        """Send until it is accepted (any 2xx), a few times at most.

        Raises:
            NoticeFailedError: no try was accepted.
        """
        body = orjson.dumps(notice)
        for wait_s in (*self._waits_s, None):
            problem = await self._try(id, body)
            if problem is None:
                return
            if wait_s is None:
                tries = len(self._waits_s) + 1
                raise NoticeFailedError(f"{id} was not accepted after {tries} tries: {problem}")
            await asyncio.sleep(wait_s)

    async def _try(self, id: str, body: bytes) -> str | None:
        headers = signed_headers(self._secret, id, self._clock(), body)
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:  # the body is not read
                return None if 200 <= answer.status < 300 else f"the server answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return str(error) or type(error).__name__
