"""Reads a request's body, within limits of size and time."""

import asyncio

from starlette.requests import Request

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman.gateway.errors import ApiError, invalid
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import Reason

#: The longest time for a body to arrive, in seconds.
BODY_S = 30.0
#: So many bytes of a body that is too large are read and dropped. If the connection were closed while the
#: client is still sending, it would not see the error response.
_MOST_DROPPED = 64 * 1024 * 1024


async def read_json(request: Request, most: int) -> tuple[Json, bytes]:
    """Read the body; return it as a JSON object and as bytes. `most`: the largest size in bytes.

    Raises:
        ApiError: it is too large, too slow, or not a valid JSON object.
        starlette.requests.ClientDisconnect: the client disconnected.
    """
    content = await read_content(request, most)
    try:
        return parse_object(content), content
    except RefusedError as error:
        if error.reason is Reason.EMPTY:
            raise invalid("the body is empty; send a JSON object", code="empty") from None
        raise invalid(f"the body cannot be used: {error}", code=error.reason.value) from None


async def read_content(request: Request, most: int) -> bytes:
    """Read the body; raises as `read_json`, except that any content is accepted."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > most + _MOST_DROPPED:
        raise _too_large(most)
    content, dropped = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_S):
            async for data in request.stream():
                if len(content) + len(data) <= most and not dropped:
                    content += data
                    continue
                dropped += len(data)
                content.clear()
                if dropped > _MOST_DROPPED:
                    break
    except TimeoutError:
        raise ApiError(
            408,
            "invalid_request_error",
            "body_too_slow",
            f"the body did not come within {BODY_S:g} s",
            headers={"connection": "close", "x-should-retry": "false"},
        ) from None
    if dropped:
        raise _too_large(most)
    return bytes(content)


def _too_large(most: int) -> ApiError:
    return ApiError(
        413, "invalid_request_error", Reason.TOO_LARGE.value, f"the body is larger than {most:,} bytes",
        headers={"connection": "close"},
    )  # fmt: skip
