"""Anthropic's Messages API."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from pointsman.dev.simulator.answering.completion import CompletionChoice, usage
from pointsman.dev.simulator.answering.stream import grouped
from pointsman.dev.simulator.dialects.anthropic_request import SIGNATURE, VERSIONS, read
from pointsman.dev.simulator.dialects.dialect import THOUGHT, Headers, Json, SimulatedAnswer, arguments_of
from pointsman.dev.simulator.dialects.openai import authorize
from pointsman.dev.simulator.errors import Refusal

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


class AnthropicDialect:
    """Anthropic's wire format; see `Dialect`."""

    def read(self, headers: Headers, query: Mapping[str, str], body: bytes) -> Json:
        if not headers.get(b"x-api-key", b"").strip():
            authorize(headers)
        version = headers.get(b"anthropic-version", b"").decode("latin-1")
        if version not in VERSIONS:
            raise Refusal(400, f"anthropic-version: must be one of {', '.join(VERSIONS)}")
        return read(body, samples=version == VERSIONS[0])

    def whole(self, answer: SimulatedAnswer) -> bytes:
        blocks = [block for choice in answer.made for block in _blocks(answer.request, choice)]
        return orjson.dumps(_message(answer, blocks, _stop(answer), _usage(answer)))

    def events(self, answer: SimulatedAnswer) -> list[bytes]:
        return [_event(data) for data in _events(answer)]

    def refusal(self, refusal: Refusal) -> tuple[int, bytes]:
        kind = _KINDS.get(refusal.status, "api_error")
        error = {"type": kind, "message": refusal.message}
        return refusal.status, orjson.dumps({"type": "error", "error": error, "request_id": "req_simulated"})

    def failure(self, kind: str, code: str | None) -> tuple[bytes, bytes]:
        error = {"type": "api_error" if kind == "server_error" else kind, "message": "Internal server error"}
        body = {"type": "error", "error": error}
        return orjson.dumps(body), _event(body)

    def left(self, openai_headers: Mapping[str, str], now: float) -> Mapping[str, str]:
        headers = {}
        for unit in ("requests", "tokens"):
            if (amount := openai_headers.get(f"x-ratelimit-remaining-{unit}")) is not None:
                back_s = float(openai_headers[f"x-ratelimit-reset-{unit}"].removesuffix("s"))
                at = datetime.fromtimestamp(now, UTC) + timedelta(seconds=back_s)
                headers[f"anthropic-ratelimit-{unit}-remaining"] = amount
                headers[f"anthropic-ratelimit-{unit}-reset"] = at.isoformat()
        return headers


def _blocks(request: Json, choice: CompletionChoice) -> Iterator[Json]:
    if request.get("thinks"):
        yield {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    if choice.text:
        yield {"type": "text", "text": choice.text}
    for call in choice.calls:
        name = call["function"]["name"]
        yield {"type": "tool_use", "id": call["id"], "name": name, "input": arguments_of(call)}


def _stop(answer: SimulatedAnswer) -> str | None:
    if not answer.made:
        return "end_turn"
    choice = answer.made[0]
    return "tool_use" if choice.calls and choice.finish == "stop" else _STOPS[choice.finish]


def _usage(answer: SimulatedAnswer) -> Json:
    """Return the token counts. With caching, half of the prompt was read from it, a quarter written."""
    counts = usage(answer.request, answer.made)
    prompt_tokens, marked = counts["prompt_tokens"], answer.request.get("marked")
    cache_read, written = (prompt_tokens // 2, prompt_tokens // 4) if marked else (0, 0)
    thought = answer.thought_tokens
    hour = written if answer.request.get("for_an_hour") else 0
    return {
        "input_tokens": prompt_tokens - cache_read - written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - hour,
            "ephemeral_1h_input_tokens": hour,
        },
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cache_read,
        "output_tokens": counts["completion_tokens"] + thought,
        "output_tokens_details": {"thinking_tokens": thought},
        "service_tier": "standard",
    }


def _message(answer: SimulatedAnswer, blocks: list[Json], stop: str | None, usage: Json) -> Json:
    return {
        "id": f"msg_{answer.call_id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model.snapshot,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _events(answer: SimulatedAnswer) -> Iterator[Json]:
    usage = _usage(answer)
    yield {
        "type": "message_start",
        "message": _message(answer, [], None, {**usage, "output_tokens": 1}),
    }
    yield {"type": "ping"}
    blocks = (block for choice in answer.made for block in _blocks(answer.request, choice))
    for index, block in enumerate(blocks):
        begun, deltas = _block_in_pieces(block)
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": _stop(answer), "stop_sequence": None},
        "usage": usage,
    }
    yield {"type": "message_stop"}


def _block_in_pieces(block: Json) -> tuple[Json, list[Json]]:
    match block["type"]:
        case "text":
            return {**block, "text": ""}, [
                {"type": "text_delta", "text": piece} for piece in grouped(block["text"])
            ]
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in grouped(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
        case _:
            parts = grouped(orjson.dumps(block["input"]).decode())
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": part} for part in parts
            ]


def _event(data: Any) -> bytes:
    return f"event: {data['type']}".encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"
