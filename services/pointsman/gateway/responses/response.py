"""Converts a chat completion, or none yet, to a `response` object. Pure.

Item ids are derived from the response's id, so that the same completion always gives the same response. Items
are in the order reasoning, message, calls, as a completion does not record their order.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from pointsman.gateway.completion import answer_choice, count, json_object, objects, string
from pointsman.gateway.responses.tools import CallKind, grouped, kind_of
from pointsman_schemas.base import Json
from pointsman_schemas.reasons import TOO_LONG

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
#: The error codes of the API for a failed response that occur here, and one more
#: that clients check.
_CODES = {"server_error", "rate_limit_exceeded", "invalid_prompt", TOO_LONG}
#: Fields of a request that its response repeats, and their defaults.
_ECHOED: Json = {
    "background": False, "instructions": None, "max_output_tokens": None, "max_tool_calls": None,
    "metadata": {}, "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None}, "safety_identifier": None, "service_tier": None,
    "store": True, "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto",
    "tools": [], "top_logprobs": None, "top_p": None, "user": None,
}  # fmt: skip


def to_response(completion: Json, *, id: str, created_at: int, request: Json) -> Json:
    """Return the response for `completion`. `created_at`: seconds since 1970."""
    choice = answer_choice(completion)
    reason = _INCOMPLETE.get(str(choice.get("finish_reason")))
    output = list(_output(choice, id, grouped(request.get("tools"))))
    if reason is not None:
        output[-1]["status"] = "incomplete"
    response = pending(id, created_at, request, "completed" if reason is None else "incomplete")
    for name in ("model", "service_tier"):
        if isinstance(completion.get(name), str):
            response[name] = completion[name]
    details = None if reason is None else {"reason": reason}
    return {
        **response,
        "incomplete_details": details,
        "output": output,
        "usage": _usage(completion.get("usage")),
    }


def pending(id: str, created_at: int, request: Json, status: str) -> Json:
    """Return a response without an answer."""
    echo = {
        name: deepcopy(none) if request.get(name) is None else request[name] for name, none in _ECHOED.items()
    }
    return {
        "id": id, "object": "response", "created_at": created_at, "status": status, "error": None,
        "incomplete_details": None, "model": request.get("model") or "", "output": [], "usage": None,
        "truncation": "disabled", **echo,
    }  # fmt: skip


def failed(id: str, created_at: int, request: Json, code: str, message: str) -> Json:
    """Return a failed response. A code unknown to the API becomes `server_error`, with the code as `type`."""
    error: Json = {"code": code if code in _CODES else "server_error", "message": message, "type": code}
    return {**pending(id, created_at, request, "failed"), "error": error}


def _output(choice: Json, id: str, groups: Mapping[str, Json]) -> Iterator[Json]:
    message = json_object(choice.get("message"))
    reasoning, text, refusal = (
        reasoning_of(message),
        _text(message.get("content")),
        _text(message.get("refusal")),
    )
    calls = [
        (number, call, kind)
        for number, call in enumerate(objects(message.get("tool_calls")))
        if (kind := kind_of(call)) is not None
    ]
    if reasoning:
        yield {**reasoning_item(id), "summary": [{"type": "summary_text", "text": reasoning}]}
    content: list[Json] = []
    if text or not (reasoning or refusal or calls):
        content.append(text_part(text, logprobs_of(choice)))
    if refusal:
        content.append({"type": "refusal", "refusal": refusal})
    if content:
        yield {**message_item(id), "status": "completed", "content": content}
    for number, call, kind in calls:
        text = string(call[kind.chat].get(kind.text))
        yield {**call_item(id, number, call, kind, groups), "status": "completed", kind.text: text}


def message_item(id: str) -> Json:
    return {
        "id": f"msg_{_stem(id)}",
        "type": "message",
        "role": "assistant",
        "status": "in_progress",
        "content": [],
    }


def reasoning_item(id: str) -> Json:
    return {"id": f"rs_{_stem(id)}", "type": "reasoning", "summary": []}


def call_item(id: str, number: int, call: Json, kind: CallKind, groups: Mapping[str, Json]) -> Json:
    """Return a call's item without its arguments. `number`: the call's position in the response, from 0."""
    name, call_id = string(call[kind.chat].get("name")), string(call.get("id"))
    stem = f"{_stem(id)}_{number}"
    return {
        "id": f"{kind.id}_{stem}", "type": kind.item, "status": "in_progress",
        "call_id": call_id or f"call_{stem}",
        kind.text: "", **groups.get(name, {"name": name}),
    }  # fmt: skip


def text_part(text: str, logprobs: list[Json]) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def reasoning_of(holder: Json) -> str:
    """Return the reasoning text of a message or delta; providers use either of two field names."""
    return _text(holder.get("reasoning_content")) or _text(holder.get("reasoning"))


def logprobs_of(choice: Json) -> list[Json]:
    """Return the log probabilities of a text's tokens."""
    tokens = objects(json_object(choice.get("logprobs")).get("content"))
    return [
        {**_token(token), "top_logprobs": [_token(top) for top in objects(token.get("top_logprobs"))]}
        for token in tokens
    ]


def _token(token: Json) -> Json:
    text = string(token.get("token"))
    return {"token": text, "logprob": token.get("logprob"), "bytes": token.get("bytes") or []}


def _text(content: Any) -> str:
    """Return a content's text, with its parts joined."""
    if isinstance(content, str):
        return content
    return "".join(string(part.get("text")) for part in objects(content) if part.get("type") == "text")


def _usage(usage: Any) -> Json | None:
    if not isinstance(usage, dict):
        return None
    prompt, answer = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    prompt_details, completion_details = (
        json_object(usage.get("prompt_tokens_details")),
        json_object(usage.get("completion_tokens_details")),
    )
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": count(prompt_details.get("cached_tokens")),
            "cache_write_tokens": count(prompt_details.get("cache_write_tokens")),
        },
        "output_tokens": answer,
        "output_tokens_details": {"reasoning_tokens": count(completion_details.get("reasoning_tokens"))},
        "total_tokens": count(usage.get("total_tokens")) or prompt + answer,
    }


def _stem(id: str) -> str:
    return id.removeprefix("resp_")
