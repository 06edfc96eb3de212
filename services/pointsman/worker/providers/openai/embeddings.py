"""OpenAI's embeddings, as a job that looks like a conversation: one message for each input.

A job has `embeddings` in its request, with the route's parameters; so a tier of the other kind refuses it.
"""

from datetime import datetime
from typing import Any

import orjson

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman.worker.calls.answer import Answer, Result, Retry
from pointsman.worker.providers.openai.chat import OpenAIChat
from pointsman.worker.providers.response import read_answer
from pointsman.worker.providers.unsupported import UnsupportedRequestError
from pointsman.worker.providers.usage import usage_of
from pointsman.worker.providers_file import ProviderRow
from pointsman.worker.secrets import Secrets
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import FailReason

EMBEDDINGS = "embeddings"


class OpenAIEmbeddings(OpenAIChat):
    """See `WireFormat`."""

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        return f"{base_url.rstrip('/')}/embeddings"

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        parameters = request.get(EMBEDDINGS)
        if not isinstance(parameters, dict):
            raise UnsupportedRequestError(
                "messages", "this model makes embeddings of inputs, which /v1/embeddings asks for"
            )
        inputs = [_input(message, f"messages[{at}]") for at, message in enumerate(request["messages"])]
        return orjson.dumps({**parameters, "model": request["model"], "input": inputs})

    def decode(
        self, row: ProviderRow, status: int, content: bytes, *, at: datetime, most_raw: int, secrets: Secrets
    ) -> Result:
        """See `WireFormat`."""
        body = _embeddings(content)
        if body is None:  # an error, or nothing that can be used: it is told as one of a conversation is
            return read_answer(row, status, content, most_raw=most_raw, secrets=secrets)
        model = body.get("model")
        return Answer(
            http_status=status,
            response=body,
            model=model if isinstance(model, str) and model else None,
            usage=usage_of(body),
        )


def _input(message: Any, at: str) -> Any:
    content = message.get("content")
    match content:
        case str():
            return content
        case [{"type": "tokens", "tokens": [*tokens]}]:
            return tokens
        case _:
            raise UnsupportedRequestError(f"{at}.content", "neither a text nor tokens: ask /v1/embeddings")


def for_all_inputs(result: Result, request: Json) -> Result:
    """`result`, or a failure where it has not a vector for each input of a request for embeddings."""
    if EMBEDDINGS not in request or not isinstance(result, Answer):
        return result
    given, asked = len(result.response["data"]), len(request["messages"])
    if given == asked:
        return result
    return Retry(
        reason=FailReason.BAD_RESPONSE,
        message=f"the answer has {given} embeddings, for {asked} inputs",
        http_status=result.http_status,
        response=result.response,
        model=result.model,
        usage=result.usage,
    )


def _embeddings(content: bytes) -> Json | None:
    try:
        body = parse_object(content)
    except RefusedError:
        return None
    data = body.get("data")
    if not isinstance(data, list) or not data or body.get("error"):
        return None
    in_order = all(_is_embedding(item, at) for at, item in enumerate(data))
    return body if in_order else None


def _is_embedding(item: Any, at: int) -> bool:
    if not isinstance(item, dict) or item.get("index") != at:
        return False
    vector = item.get("embedding")
    if isinstance(vector, str):
        return bool(vector)
    return isinstance(vector, list) and bool(vector) and all(type(value) in (int, float) for value in vector)
