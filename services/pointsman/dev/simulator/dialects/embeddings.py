"""OpenAI's embeddings: vectors that depend on the input and the model only."""

import base64
from collections.abc import Mapping
from struct import pack
from typing import Any

import orjson

from pointsman.dev.simulator import errors
from pointsman.dev.simulator.answering.draw import digest, unit
from pointsman.dev.simulator.answering.tokens import count
from pointsman.dev.simulator.dialects.dialect import Headers, Json, SimulatedAnswer
from pointsman.dev.simulator.dialects.openai import OpenAIDialect, authorize

_MOST_DIMENSIONS = 1536
#: The default is enough to tell inputs apart; a request can ask for more.
_DIMENSIONS = 64


class EmbeddingsDialect(OpenAIDialect):
    """OpenAI's embeddings; see `Dialect`. Answers are never streamed."""

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        authorize(headers)
        request = errors.read_object(body)
        if not isinstance(request.get("model"), str):
            raise errors.bad("model", "you must provide a model parameter")
        raw_input = request.get("input")
        inputs = raw_input if isinstance(raw_input, list) and not _is_tokens(raw_input) else [raw_input]
        if not inputs or not all(_is_tokens(item) or (isinstance(item, str) and item) for item in inputs):
            raise errors.bad("input", "'$.input' is invalid")
        dimensions = request.get("dimensions", _DIMENSIONS)
        if not isinstance(dimensions, int) or not 0 < dimensions <= _MOST_DIMENSIONS:
            raise errors.bad("dimensions", "'dimensions' is out of range")
        messages = [
            {"role": "user", "content": item if isinstance(item, str) else str(item)} for item in inputs
        ]
        return {**request, "messages": messages, "input": inputs, "dimensions": dimensions, "stream": False}

    def whole(self, answer: SimulatedAnswer) -> bytes:
        request, model = answer.request, answer.model
        tokens = sum(len(item) if _is_tokens(item) else count(item) for item in request["input"])
        data = [
            {"object": "embedding", "index": at, "embedding": _embedding(item, request, model.name)}
            for at, item in enumerate(request["input"])
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return orjson.dumps({"object": "list", "data": data, "model": model.snapshot, "usage": usage})


def _embedding(item: Any, request: Json, model: str) -> list[float] | str:
    seed = digest(orjson.dumps(item), model.encode())
    vector = [2 * unit(seed, f"d{at}") - 1 for at in range(request["dimensions"])]
    length = sum(value * value for value in vector) ** 0.5
    vector = [value / length for value in vector]
    if request.get("encoding_format") == "base64":
        return base64.b64encode(pack(f"<{len(vector)}f", *vector)).decode()
    return vector


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is int for item in value)
