"""Refused requests, in OpenAI's error format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer, raised to leave the checks early
    """An error answer: HTTP `status`, the fields of OpenAI's error object, extra headers."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})


def read_object(body: bytes, problem: str = "The body is not a JSON object") -> dict[str, Any]:
    """Return the JSON object in a body. Raises `Refusal` (400), whose message begins with `problem`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"{problem}: {error}.") from error
    if not isinstance(value, dict):
        raise Refusal(400, f"{problem}.")
    return value


def bad(param: str, message: str, code: str = "invalid_value") -> Refusal:
    return Refusal(400, message, param=param, code=code)


def limited(message: str, headers: Mapping[str, str]) -> Refusal:
    """Return a 429 refusal; its headers say when to try again."""
    return Refusal(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)
