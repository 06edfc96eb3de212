"""Sends POST requests, with pooled connections, the environment's proxy and certificates, bounded bodies."""

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

#: The longest time to connect, in seconds.
CONNECT_S = 10.0
_KEEP_ALIVE_S = 30.0

#: How many calls may read a body larger than _SMALL at a time; the others wait.
_SMALL = 256 * 1024
_LARGE_AT_ONCE = 4
#: Bytes read of a body that its headers show to be too large: what is kept, and room for a secret at the cut.
_BEGINNING = 80 * 1024
#: A connection is reused if its body ends within so many seconds after the stream's last event.
_END_S = 0.25


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response. `body`: truncated unless `whole`; not decoded if `unreadable`, which says why.

    Empty for a stream, which was passed to `take`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    unreadable: str | None = None
    streamed: bool = False


class Transport:
    """Sends to one server.

    Follows no redirects, keeps no cookies, retries nothing; connects at the first request.
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
        """Send `body` to a URL of the server and return the decoded response.

        At most `most(status)` bytes are read. If the response is a stream of events, `take` gets its bytes as
        they arrive, until it returns False.

        Raises:
            aiohttp.ClientError, OSError: no complete response arrived.
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
                response.close()  # do not wait for the rest
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
            is_whole = await self._take(response, Plain(), body, came, min(most, _BEGINNING))
            return Reply(response.status, response.headers, bytes(body), is_whole, str(error))
        try:
            is_whole = await self._take(response, decoder, body, came, most)
            if is_whole:
                decoder.finish()
        except UnreadableError as error:
            return Reply(response.status, response.headers, bytes(came), len(came) < _BEGINNING, str(error))
        return Reply(response.status, response.headers, bytes(body), is_whole)

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
        """Fill `body` up to `most` bytes. Return False if there are more, decoded or encoded.

        `came`: gets the first encoded bytes.
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
    """Whether the response is a stream of events. A response without a type counts as one."""
    media_type = response.headers.get("content-type", "text/event-stream").partition(";")[0]
    return 200 <= response.status < 300 and media_type.strip().lower() == "text/event-stream"


async def _until_end(response: aiohttp.ClientResponse) -> None:
    """Wait briefly for the end of the body: only then can the connection be reused."""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        async with asyncio.timeout(_END_S):
            await response.content.readany()


@cache
def tls_context() -> ssl.SSLContext:
    """Return a TLS context that trusts SSL_CERT_FILE or SSL_CERT_DIR, or else the system's certificates.

    Raises:
        ValueError: SSL_CERT_FILE or SSL_CERT_DIR has no readable certificates.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if sys.platform == "darwin" and not (file or folder):
        import truststore  # the system's store, which OpenSSL cannot read

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=file or None, capath=None if file else folder or None)
    except OSError as error:
        name = "SSL_CERT_FILE" if file else "SSL_CERT_DIR"
        raise ValueError(f"{name}={file or folder} holds no readable certificates ({error})") from error
