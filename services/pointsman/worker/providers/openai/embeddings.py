"""OpenAI's embeddings, as a job with one message for each input.

The parameters are in the request's field `embeddings`, by which chat adapters recognise and refuse it.
"""

from typing import Any

import orjson

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.calls.answer import Answer, Result
from pointsman.worker.calls.unsuited import as_failure
from pointsman.worker.providers.openai.chat import OpenAIChat
from pointsman.worker.providers.response import read_answer
from pointsman.worker.providers.usage import usage_of
from pointsman.worker.providers.wire_format import AnswerBody
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import EMBEDDINGS


class OpenAIEmbeddings(OpenAIChat):
    """See `WireFormat`."""

    def url(self, base_url: str, request: Json) -> str:
        """See `WireFormat`."""
        return f"{base_url.rstrip('/')}/embeddings"

    def encode(self, request: Json) -> bytes:
        """See `WireFormat`."""
        parameters = request.get(EMBEDDINGS)
        if not isinstance(parameters, dict):
            raise RequestFieldError("messages", "this model makes embeddings only: use /v1/embeddings")
        inputs = [_input(message, f"messages[{at}]") for at, message in enumerate(request["messages"])]
        return orjson.dumps({**parameters, "model": request["model"], "input": inputs})

    def decode(self, answered: AnswerBody) -> Result:
        """See `WireFormat`."""
        body = _embeddings(answered.content)
        if body is None:  # an error or unusable: reported like that of a chat
            return read_answer(answered)
        model = body.get("model")
        answer = Answer(
            http_status=answered.status,
            response=body,
            model=model if isinstance(model, str) and model else None,
            usage=usage_of(body),
        )
        embeddings, inputs = len(body["data"]), len(answered.request["messages"])
        if embeddings == inputs:
            return answer
        return as_failure(answer, f"the answer has {embeddings} embeddings, for {inputs} inputs")


def _input(message: Any, at: str) -> Any:
    content = message.get("content")
    match content:
        case str():
            return content
        case [{"type": "tokens", "tokens": [*tokens]}]:
            return tokens
        case _:
            raise RequestFieldError(f"{at}.content", "must be a text or tokens: use /v1/embeddings")


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
