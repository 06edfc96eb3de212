"""Encode a chat completion as server-sent events."""

from collections.abc import Iterator
from typing import Any

import orjson

from pointsman.dev.simulator.answering.completion import CompletionChoice, Json, usage
from pointsman.dev.simulator.answering.tokens import split

EVENT_TOKENS = 4  # the real provider sends one token per event; four take a quarter of the work
EVENT_END = b"\n\n"
DONE = b"data: [DONE]" + EVENT_END


def events(top: Json, request: Json, choice_list: list[CompletionChoice]) -> list[bytes]:
    """Return the events in order: each choice's role, pieces, finish reason; usage on request; `[DONE]`."""
    wants_usage = bool((request.get("stream_options") or {}).get("include_usage"))
    extra: Json = {"usage": None} if wants_usage else {}
    sent = [
        event(top | extra | {"choices": [part]})
        for i, choice in enumerate(choice_list)
        for part in _parts(i, choice)
    ]
    if wants_usage:
        sent.append(event(top | {"choices": [], "usage": usage(request, choice_list)}))
    return [*sent, DONE]


def event(data: Any) -> bytes:
    return b"data: " + orjson.dumps(data) + EVENT_END


def _parts(index: int, choice: CompletionChoice) -> Iterator[Json]:
    yield _part(index, {"role": "assistant", "content": None if choice.calls else "", "refusal": None})
    for i, call in enumerate(choice.calls):
        first = call | {"index": i, "function": {"name": call["function"]["name"], "arguments": ""}}
        yield _part(index, {"tool_calls": [first]})
        for piece in grouped(call["function"]["arguments"]):
            yield _part(index, {"tool_calls": [{"index": i, "function": {"arguments": piece}}]})
    for i, piece in enumerate(grouped(choice.text or "")):
        entries = choice.logprobs and choice.logprobs[i * EVENT_TOKENS : (i + 1) * EVENT_TOKENS]
        logprobs = None if entries is None else {"content": entries, "refusal": None}
        yield _part(index, {"content": piece}, logprobs=logprobs)
    yield _part(index, {}, finish=choice.finish)


def grouped(text: str) -> list[str]:
    """Split a text into the pieces that events carry."""
    tokens = split(text)
    return ["".join(tokens[i : i + EVENT_TOKENS]) for i in range(0, len(tokens), EVENT_TOKENS)]


def _part(index: int, delta: Json, *, logprobs: Json | None = None, finish: str | None = None) -> Json:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
