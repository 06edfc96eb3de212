"""The one adapter: any OpenAI-compatible endpoint, by the official SDK, with its errors in our words."""

import asyncio
from dataclasses import replace
from uuid import UUID

import orjson
from pydantic import SecretStr

from pointsman.runtime.clock import Clock, utc_now
from pointsman.worker.answer import Result
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.refusal import from_connection, from_status, timed_out
from pointsman.worker.response import read_answer
from pointsman.worker.room_left import wait_told
from pointsman_schemas.base import Json

#: A provider that does not take the connection in this many seconds is down.
CONNECT_S = 10.0

#: Parameters that make a provider send events; the answer here is always one body.
_STREAMING = ("stream", "stream_options")


class Provider:
    """A client for one row of `providers.yaml`; nothing is sent before the first call."""

    def __init__(
        self, row: ProviderRow, key: SecretStr, *, max_in_flight: int, clock: Clock = utc_now
    ) -> None:
        import aiohttp
        import httpx2
        import openai

        self.row = row
        self._openai = openai
        # What is no HTTP at all comes through the SDK as its transport's own error.
        self._broken = (openai.APIConnectionError, aiohttp.ClientError)
        self._cast_to = httpx2.Response  # the raw answer: neither parsed into models nor changed
        self._key = key.get_secret_value().encode() if row.key_env else b""
        self._clock = clock
        connections = httpx2.Limits(
            max_connections=max_in_flight, max_keepalive_connections=max_in_flight, keepalive_expiry=30
        )
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value(),
            base_url=row.base_url,
            default_headers=row.headers,
            max_retries=0,
            # The SDK's other transport: half the processor time of its default, which also grows with the
            # number of connections.
            http_client=openai.DefaultAioHttpClient(
                limits=connections, timeout=httpx2.Timeout(None, connect=CONNECT_S)
            ),
        )
        # The SDK takes these two from the environment; they are not for every provider to know.
        self._client.organization = self._client.project = None

    def __repr__(self) -> str:
        return f"Provider({self.row.name!r}, {self.row.base_url!r})"

    async def call(self, request: Json, *, job_id: UUID, agent_id: str) -> Result:
        """Send a chat request as it is and wait for the answer, at most the row's `timeout_s`.

        Cancelling the task closes the connection.
        """
        headers = {"content-type": "application/json"}
        if self.row.trace_headers:
            headers |= {"x-pointsman-job": str(job_id), "x-pointsman-agent": agent_id}
        try:
            async with asyncio.timeout(self.row.timeout_s) as limit:
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=self._cast_to,
                    content=orjson.dumps(request),
                    options={"headers": headers},
                )
        except TimeoutError as error:
            if not limit.expired():
                raise
            return timed_out(self.row, error)
        except self._openai.APIStatusError as error:
            response = error.response
            result: Result = from_status(
                self.row,
                error.status_code,
                self._without_key(response.content),
                retry_after=response.headers.get("retry-after"),
                now=self._clock(),
                cause=error,
            )
        except self._broken as error:
            return from_connection(self.row, error)
        else:
            result = read_answer(self.row.name, response.status_code, self._without_key(response.content))
        wait = wait_told(response.headers, self._clock())
        return result if wait is None else replace(result, nothing_left_s=wait)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _without_key(self, content: bytes) -> bytes:
        """A body as it came, unless it repeats our key, which some do when they refuse it."""
        return content.replace(self._key, b"***") if self._key and self._key in content else content


def as_sent(request: Json, model: str) -> Json:
    """The request with the tier's model, and one answer instead of a stream; all else is passed through."""
    return {name: value for name, value in request.items() if name not in _STREAMING} | {"model": model}
