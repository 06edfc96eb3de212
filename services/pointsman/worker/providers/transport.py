"""Sends POST requests: pooled connections, the environment's proxy and certificates, a limited body."""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import cache
from urllib.request import getproxies

import aiohttp

from pointsman.worker.providers.content import ACCEPTED, Decoder, Plain, UnreadableError, decoder_of
from pointsman.worker.providers.proxy import proxy_for

#: A provider that does not take the connection in this many seconds is down.
CONNECT_S = 10.0
_KEEP_ALIVE_S = 30.0

#: Bodies above SMALL are read by so many calls at once, the others wait with what they have.
_SMALL = 256 * 1024
_LARGE_AT_ONCE = 4
#: Taken of a body that is too large by its headers: what is kept of one, and room for a secret at its end.
_BEGINNING = 80 * 1024
#: A connection whose stream is over is used again if its body ends within this many seconds.
_END_S = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response. `body`: truncated unless `whole`; not decoded if `unreadable`, which says why.

    Empty for a stream, which went to `take`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    unreadable: str | None = None
    streamed: bool = False


class Transport:
    """Sends to one server; no connection is made before the first request.

    Follows no redirects, keeps no cookies, retries nothing.

    Raises:
        ValueError: the environment names a proxy or certificates that cannot be used.
    """

    def __init__(self, url: str, headers: Mapping[str, str], *, max_in_flight: int) -> None:
        self._headers = {**headers, "accept-encoding": ACCEPTED}
        self._max_in_flight = max_in_flight
        self.proxy = proxy_for(url, getproxies())
        self._tls = tls_context() if url.startswith("https:") else None
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        most: Callable[[int], int],
        take: Callable[[bytes], bool] | None = None,
    ) -> Reply:
        """Send `body` to an address of the server and take what is answered, decoded.

        At most `most(status)` bytes of it are taken. Where the answer is a stream of events, `take` has its
        bytes as they come, until it wants no more.

        Raises:
            aiohttp.ClientError, OSError: no whole answer came.
        """
        session = self._session or self._connect()
        async with session.post(
            url,
            data=body,
            headers={**self._headers, **headers},
            proxy=self.proxy,
            allow_redirects=False,
        ) as response:
            if take is not None and _is_stream(response):
                return await self._hand_over(response, take)
            reply = await self._read(response, most(response.status))
            if not reply.whole or reply.unreadable:
                response.close()  # what is left of it is not waited for
            return reply

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _connect(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_in_flight,
                keepalive_timeout=_KEEP_ALIVE_S,
                ssl=True if self._tls is None else self._tls,
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse, most: int) -> Reply:
        encoding = response.headers.get("content-encoding", "")
        if not encoding and (response.content_length or 0) > most:
            most = min(most, _BEGINNING)
        body, came = bytearray(), bytearray()
        try:
            decoder = decoder_of(encoding)
        except UnreadableError as error:
            whole = await self._take(response, Plain(), body, came, min(most, _BEGINNING))
            return Reply(response.status, response.headers, bytes(body), whole, str(error))
        try:
            whole = await self._take(response, decoder, body, came, most)
            if whole:
                decoder.finish()
        except UnreadableError as error:
            return Reply(response.status, response.headers, bytes(came), len(came) < _BEGINNING, str(error))
        return Reply(response.status, response.headers, bytes(body), whole)

    async def _hand_over(self, response: aiohttp.ClientResponse, take: Callable[[bytes], bool]) -> Reply:
        status, headers = response.status, response.headers
        try:
            decoder = decoder_of(headers.get("content-encoding", ""))
            async for data in response.content.iter_any():
                for piece in decoder.feed(data):
                    if not take(piece):
                        await _until_end(response)
                        return Reply(status, headers, b"", streamed=True)
        except UnreadableError as error:
            return Reply(status, headers, b"", unreadable=str(error), streamed=True)
        return Reply(status, headers, b"", streamed=True)

    async def _take(
        self,
        response: aiohttp.ClientResponse,
        decoder: Decoder,
        body: bytearray,
        came: bytearray,
        most: int,
    ) -> bool:
        """Fill `body` up to `most` bytes; False where there was more, or as much of it encoded.

        `came` gets the beginning as it was encoded.
        """
        received, large = 0, False
        async with AsyncExitStack() as stack:
            async for data in response.content.iter_any():
                received += len(data)
                if len(came) < _BEGINNING:
                    came += data[: _BEGINNING - len(came)]
                for piece in decoder.feed(data):
                    body += piece
                    if len(body) > most:
                        del body[most:]
                        return False
                if received > most:
                    return False
                if len(body) > _SMALL and not large:
                    large = True
                    await stack.enter_async_context(self._large)
        return True


def _is_stream(response: aiohttp.ClientResponse) -> bool:
    """Some name no type; what is named as another one is read as a body."""
    media_type = response.headers.get("content-type", "text/event-stream").partition(";")[0]
    return 200 <= response.status < 300 and media_type.strip().lower() == "text/event-stream"


async def _until_end(response: aiohttp.ClientResponse) -> None:
    """Nothing more is wanted of it; a connection that is not at its end is closed."""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_END_S):
            await response.content.readany()


@cache
def tls_context() -> ssl.SSLContext:
    """Trusts what SSL_CERT_FILE or SSL_CERT_DIR names, else what the system trusts.

    Raises:
        ValueError: there are no certificates at that place.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if sys.platform == "darwin" and not (file or folder):
        import truststore  # the system's own store, which OpenSSL does not know of

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=file or None, capath=None if file else folder or None)
    except OSError as error:
        name = "SSL_CERT_FILE" if file else "SSL_CERT_DIR"
        raise ValueError(f"{name}={file or folder} holds no readable certificates ({error})") from error
