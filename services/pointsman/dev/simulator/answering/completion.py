"""Build a chat completion for a validated request: pure code, so equal requests get equal answers."""

import re
from dataclasses import dataclass
from math import log
from typing import Any

from orjson import dumps

from pointsman.dev.simulator.answering.answers import Canned, content, question, text_of, tool_calls
from pointsman.dev.simulator.answering.draw import digest, unit
from pointsman.dev.simulator.answering.models import SimulatedModel
from pointsman.dev.simulator.answering.tokens import WIDTH, count, split

Json = dict[str, Any]

SURE = re.compile(r"\[sure(?: ([\w.-]{1,64}))?:(1(?:\.0{0,20})?|0?\.\d{0,20}[1-9]\d{0,20})\]")


@dataclass(frozen=True, slots=True)
class CompletionChoice:
    text: str | None
    calls: list[Json]
    finish: str
    logprobs: list[Json] | None

    @property
    def tokens(self) -> int:
        return count(self.text or "") + sum(count(call["function"]["arguments"]) for call in self.calls)


def choices(request: Json, model: SimulatedModel, canned: Canned, seed: int) -> list[CompletionChoice]:
    """Return the `n` choices of the request. They differ from each other, except for canned answers."""
    prompt = question(request["messages"])
    return [
        _choice(request, prompt, model, canned, digest(seed.to_bytes(8, "big"), i.to_bytes(2, "big")))
        for i in range(request.get("n") or 1)
    ]


def _choice(request: Json, prompt: str, model: SimulatedModel, canned: Canned, seed: int) -> CompletionChoice:
    limit = request.get("max_completion_tokens") or request.get("max_tokens")
    calls = tool_calls(request, prompt, canned, seed)
    if calls:
        arguments = calls[-1]["function"]
        if limit is not None and count(arguments["arguments"]) > limit:
            arguments["arguments"] = arguments["arguments"][: limit * WIDTH]
            return CompletionChoice(None, calls, "length", None)
        # The real provider says "stop" when the request itself named the function.
        named = isinstance(request.get("tool_choice"), dict)
        return CompletionChoice(None, calls, "stop" if named else "tool_calls", None)
    text, finish = _stopped(content(request, prompt, canned, model, seed), request.get("stop")), "stop"
    if limit is not None and count(text) > limit:
        text, finish = text[: limit * WIDTH], "length"
    return CompletionChoice(text, [], finish, _logprobs(request, prompt, text, model, seed))


def _stopped(text: str, stop: str | list[str] | None) -> str:
    for mark in [stop] if isinstance(stop, str) else stop or []:
        text = text.partition(mark)[0] if mark else text
    return text


def _logprobs(request: Json, prompt: str, text: str, model: SimulatedModel, seed: int) -> list[Json] | None:
    """Return one entry per token in OpenAI's format, with probabilities between the model's confidence and 1.

    `[sure:0.4]` in the question sets the probability of every token, `[sure small:0.4]` that of one tier or
    model.
    """
    if not request.get("logprobs"):
        return None
    ranks = request.get("top_logprobs") or 0
    confidences = [float(p) for name, p in SURE.findall(prompt) if name in ("", model.tier, model.name)]
    entries = []
    for i, token in enumerate(split(text)):
        p = confidences[0] if confidences else 1 - (1 - model.confidence) * unit(seed, f"p{i}")
        tokens = [(token, p)] + [(f"~{rank}", (1 - p) / 2**rank or 1e-9) for rank in range(1, ranks)]
        entries.append(_entry(token, p) | {"top_logprobs": [_entry(t, q) for t, q in tokens[:ranks]]})
    return entries


def _entry(token: str, p: float) -> Json:
    return {"token": token, "logprob": round(log(p), 6), "bytes": list(token.encode())}


def usage(request: Json, choice_list: list[CompletionChoice]) -> Json:
    """Return the token counts, at four characters a token; tool definitions count as input."""
    text = sum(len(text_of(message)) for message in request["messages"])
    tools = len(dumps(request["tools"])) if request.get("tools") else 0
    prompt_tokens = -(-(text + tools) // WIDTH)
    tokens = sum(choice.tokens for choice in choice_list)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": tokens,
        "total_tokens": prompt_tokens + tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def head(kind: str, name: str, model: SimulatedModel, now: float) -> Json:
    """Return the fields common to a completion and the chunks of a stream; `name` is the answer's id."""
    return {
        "id": name,
        "object": kind,
        "created": int(now),
        "model": model.snapshot,
        "service_tier": "default",
        "system_fingerprint": f"fp_{digest(model.snapshot.encode()):016x}"[:13],
    }


def completion(top: Json, request: Json, choice_list: list[CompletionChoice]) -> Json:
    listed = []
    for i, choice in enumerate(choice_list):
        message: Json = {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []}
        if choice.calls:
            message["tool_calls"] = choice.calls
        logprobs = None if choice.logprobs is None else {"content": choice.logprobs, "refusal": None}
        listed.append({"index": i, "message": message, "logprobs": logprobs, "finish_reason": choice.finish})
    return top | {"choices": listed, "usage": usage(request, choice_list)}
