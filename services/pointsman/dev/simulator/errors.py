"""Refusals in OpenAI's error format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - it is an answer, raised to leave the checks early
    """An error answer: HTTP `status`, OpenAI's error fields and extra headers."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})


def no_key() -> Refusal:
    return Refusal(
        401,
        "No API key: send the header `Authorization: Bearer <key>`; any key that is not empty will do.",
        code="invalid_api_key",
    )


def no_model(name: str, known: list[str]) -> Refusal:
    message = f"The model `{name}` does not exist here. Known models: {', '.join(known)}."
    return Refusal(404, message, param="model", code="model_not_found")


def bad(param: str, message: str, code: str = "invalid_value") -> Refusal:
    return Refusal(400, message, param=param, code=code)


def rate_limited(model: str, retry_after: str | None) -> Refusal:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    message = f"Rate limit reached for {model}; try again after the time in Retry-After."
    return Refusal(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)


def over_quota(model: str, headers: Mapping[str, str]) -> Refusal:
    message = f"The quota of {model} is used up; the headers say when there is room again."
    return Refusal(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)


def unavailable(status: int, retry_after: str | None) -> Refusal:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return Refusal(status, f"The provider failed (simulated {status}).", kind="server_error", headers=headers)


def filtered() -> Refusal:
    message = "The prompt was stopped by the provider's content filter (simulated)."
    return Refusal(400, message, param="prompt", code="content_filter")
