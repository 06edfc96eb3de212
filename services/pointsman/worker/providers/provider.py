"""One provider: sends a request, and turns whatever comes back into a `Result`."""

import asyncio
from dataclasses import replace
from importlib.metadata import version
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.runtime.clock import Clock, utc_now
from pointsman.runtime.token_source import TokenSourceError
from pointsman.worker.bearer_token import BearerToken
from pointsman.worker.calls.answer import Result, Retry
from pointsman.worker.calls.chunks import CallChunks
from pointsman.worker.providers.formats import wire_format_of
from pointsman.worker.providers.rate_limit_headers import wait_told
from pointsman.worker.providers.raw_body import MOST_OF_AN_ERROR
from pointsman.worker.providers.refusal import (
    fell_silent,
    from_connection,
    from_status,
    renewed_next_time,
    timed_out,
    unsupported,
    without_token,
    words_of,
)
from pointsman.worker.providers.response import MAX_RAW_BYTES, MAX_RESPONSE_BYTES, not_readable, not_whole
from pointsman.worker.providers.streaming.streamed_call import StreamedCall
from pointsman.worker.providers.transport import Reply, Transport
from pointsman.worker.providers.wire_format import AnswerBody, WireFormat
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json

#: Parameters that control streaming.
_STREAMING = ("stream", "stream_options")
#: An error's message may follow a copy of the request.
_MOST_ERROR_BYTES = 4 * MOST_OF_AN_ERROR
#: Larger bodies are parsed in a thread, to keep the event loop free.
_LONG = 256 * 1024


class Provider:
    """A client for one row of `providers.yaml`. It connects at the first call.

    `most_bytes`: the largest answer accepted.

    Raises:
        ValueError: the environment names a proxy or certificates that cannot be used.
    """

    def __init__(
        self,
        row: ProviderRow,
        key: SecretStr,
        *,
        max_in_flight: int,
        clock: Clock = utc_now,
        most_bytes: int = MAX_RESPONSE_BYTES,
        wire: WireFormat | None = None,
    ) -> None:
        self.row = row
        self._clock = clock
        self._most_bytes = most_bytes
        self._wire = wire or wire_format_of(row)
        self._key = key.get_secret_value()
        self._token = None if row.token is None else BearerToken(row.token)
        extra_headers = {name.lower(): value for name, value in row.headers.items()}
        headers = {"user-agent": f"pointsman/{version('pointsman')}", **extra_headers, **self._wire.headers()}
        self._transport = Transport(row.base_url, headers, max_in_flight=max_in_flight)
        proxy = urlsplit(self._transport.proxy or "")
        self._fixed = [
            self._key if row.key_env else "",
            *(
                value for value in extra_headers.values() if len(value) >= 6
            ),  # a shorter one occurs in ordinary text
            proxy.password or "",
        ]
        self._secrets = Secrets(self._fixed)
        self._sent_token = ""

    def __repr__(self) -> str:
        return f"Provider({self.row.name!r}, {self.row.base_url!r})"

    async def call(
        self,
        request: Json,
        *,
        job_id: UUID,
        agent_id: str,
        in_record: bool = False,
        chunks: CallChunks | None = None,
    ) -> Result:
        """Send a chat request unchanged and wait for the answer, at most the row's `timeout_s`.

        Cancelling the task closes the connection. `in_record`: the answer must fit a record, not the store of
        large values. `chunks`: gets the chunks of the answer, if it is streamed.
        """
        most = min(self._most_bytes, MAX_RESPONSE_BYTES) if in_record else self._most_bytes
        trace = (
            {"x-pointsman-job": str(job_id), "x-pointsman-agent": agent_id} if self.row.trace_headers else {}
        )
        try:
            url, body = self._wire.url(self.row.base_url, request), self._wire.encode(request)
        except RequestFieldError as error:
            return unsupported(self.row, error)
        stream, token = None, ""
        try:
            async with asyncio.timeout(self.row.timeout_s) as limit:
                end = limit.when()
                if self._token is not None:
                    token = await self._renewed(self._token)
                secrets = self._secrets
                bearer = {"authorization": f"Bearer {token}"}
                authorization = bearer if token else self._wire.key_header(self._key)
                if chunks is not None:
                    stream = StreamedCall(
                        self.row, chunks, most, self._wire, secrets, request=request, at=self._clock()
                    )
                reply = await self._transport.post(
                    url,
                    body,
                    {**trace, **authorization},
                    most=lambda status: most if 200 <= status < 300 else _MOST_ERROR_BYTES,
                    take=None if stream is None else stream.taking(limit),
                )
        except TokenSourceError as error:
            return without_token(self.row, error)
        except asyncio.CancelledError:
            if stream is not None:
                stream.break_off()
            raise
        except (aiohttp.ClientError, OSError) as error:
            if stream is None or not stream.is_whole:
                failure = self._without_reply(error, limit, is_idle=limit.when() != end)
                return failure if stream is None else stream.failed(failure)
            reply = stream.cut_off()
        if stream is not None:
            stream.end()
        now = self._clock()
        if len(reply.body) > _LONG or (stream is not None and stream.size > _LONG):
            result = await asyncio.to_thread(self._result, request, reply, most, stream, secrets)
        else:
            result = self._result(request, reply, most, stream, secrets)
        if self._token is not None and reply.status == 401 and self._token.refused(token):
            result = renewed_next_time(result)
        wait = wait_told(reply.headers, now)
        return result if wait is None else replace(result, nothing_left_s=wait)

    def _without_reply(self, error: Exception, limit: asyncio.Timeout, *, is_idle: bool) -> Retry:
        if isinstance(error, TimeoutError) and limit.expired():
            return fell_silent(self.row, error) if is_idle else timed_out(self.row, error)
        return from_connection(self.row, error, self._secrets.hide(words_of(error)))

    async def _renewed(self, token: BearerToken) -> str:
        """Return the current token. The previous one stays secret too, as calls with it may be in flight."""
        value = await token.value()
        if value != self._sent_token:
            self._secrets = Secrets([*self._fixed, value, self._sent_token])
            self._sent_token = value
        return value

    def _result(
        self, request: Json, reply: Reply, most: int, stream: StreamedCall | None, secrets: Secrets
    ) -> Result:
        row, status = self.row, reply.status
        if not 200 <= status < 300:
            return from_status(
                row,
                status,
                reply.body,
                headers=reply.headers,
                now=self._clock(),
                whole=reply.whole,
                secrets=secrets,
            )
        if reply.streamed and stream is not None:
            return stream.result(reply)
        if reply.unreadable is not None:
            return not_readable(row, status, reply.body, reply.unreadable, secrets)
        if not reply.whole:
            return not_whole(row, status, reply.body, most, secrets)
        # Answers for the store of large values are kept whole.
        most_raw = most if most > MAX_RESPONSE_BYTES else MAX_RAW_BYTES
        return self._wire.decode(
            AnswerBody(row, request, status, reply.body, self._clock(), most_raw, secrets)
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()


def as_sent(request: Json, model: str, *, streamed: bool = False) -> Json:
    """Return the request with the tier's model. All else passes, except the streaming parameters.

    If `streamed`, events are requested, with the usage in the last one; else one body.
    """
    sent = {name: value for name, value in request.items() if name not in _STREAMING} | {"model": model}
    if not streamed:
        return sent
    stream_options = request.get("stream_options")
    options = stream_options if isinstance(stream_options, dict) else {}
    return sent | {"stream": True, "stream_options": {**options, "include_usage": True}}
