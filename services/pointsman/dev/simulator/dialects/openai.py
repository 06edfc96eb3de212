"""OpenAI's chat completions, at OpenAI's and at Azure's paths."""

from collections.abc import Mapping

import orjson

from pointsman.dev.simulator import errors
from pointsman.dev.simulator.answering.completion import completion, head
from pointsman.dev.simulator.answering.stream import event, events
from pointsman.dev.simulator.checks import parse
from pointsman.dev.simulator.dialects.dialect import Headers, Json, SimulatedAnswer

#: Headers in which the other wire formats send their API key.
KEYS = {b"api-key", b"x-api-key", b"x-goog-api-key"}


class OpenAIDialect:
    """OpenAI's wire format; see `Dialect`."""

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        authorize(headers)
        return parse(body)

    def whole(self, answer: SimulatedAnswer) -> bytes:
        return orjson.dumps(completion(_top("chat.completion", answer), answer.request, answer.made))

    def events(self, answer: SimulatedAnswer) -> list[bytes]:
        return events(_top("chat.completion.chunk", answer), answer.request, answer.made)

    def refusal(self, refusal: errors.Refusal) -> tuple[int, bytes]:
        return refusal.status, refusal.body()

    def failure(self, kind: str, code: str | None) -> tuple[bytes, bytes]:
        body = {"error": {"message": "The server had an error.", "type": kind, "param": None, "code": code}}
        return orjson.dumps(body), event(body)

    def left(self, openai_headers: Mapping[str, str], now: float) -> Mapping[str, str]:
        return openai_headers


class AzureDialect(OpenAIDialect):
    """OpenAI's format at Azure's paths. The path's `deployment` names the model; if None, the body does."""

    def __init__(self, deployment: str | None) -> None:
        self._deployment = deployment

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        if not headers.get(b"api-key", b"").strip():
            authorize(headers)
        if self._deployment is None:
            return parse(body)
        if not query.get("api-version"):
            raise errors.Refusal(404, "Resource not found: api-version is missing.", code="404")
        return parse(body) | {"model": self._deployment}


def authorize(headers: Headers) -> None:
    """Raise `Refusal` (401) unless the request has a bearer key; any key is accepted."""
    scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not key.strip():
        message = "No API key: send the header `Authorization: Bearer <key>`; any key will do."
        raise errors.Refusal(401, message, code="invalid_api_key")


def _top(kind: str, answer: SimulatedAnswer) -> Json:
    return head(kind, f"chatcmpl-{answer.call_id}", answer.model, answer.now)
