"""A request's body, within bounds of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman.gateway.errors import ApiError, invalid
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import Reason

#: So long a body may take to come, seconds.
BODY_S = 30.0


async def read_json(request: Request, most: int) -> tuple[Json, bytes]:
    """The JSON object in the body, and its bytes.

    Raises:
        ApiError: it is too large, too slow, or no JSON object that can be kept.
        ClientDisconnect: nobody is there any more.
    """
    content = await _read(request, most)
    try:
        return parse_object(content), content
    except RefusedError as error:
        if error.reason is Reason.EMPTY:
            raise invalid("the body is empty; send a JSON object", code="empty") from None
        raise invalid(f"the body cannot be used: {error}", code=error.reason.value) from None


async def _read(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and (len(declared) > 12 or int(declared) > most):
        raise _too_large(most)
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for data in request.stream():
                content += data
                if len(content) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise ApiError(
            408, "invalid_request_error", "body_too_slow", f"the body did not come within {BODY_S:g} s",
            headers={"connection": "close", "x-should-retry": "false"},
        ) from None  # fmt: skip
    return bytes(content)


def _too_large(most: int) -> ApiError:
    return ApiError(
        413, "invalid_request_error", Reason.TOO_LARGE.value, f"the body is larger than {most:,} bytes",
        headers={"connection": "close"},
    )  # fmt: skip


__all__ = ["ClientDisconnect", "read_json"]
