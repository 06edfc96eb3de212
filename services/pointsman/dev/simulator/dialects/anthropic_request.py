"""Validate an Anthropic request and translate it to OpenAI's shape, independently of the worker's code."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from pointsman.dev.simulator.checks import parse
from pointsman.dev.simulator.dialects.dialect import Json
from pointsman.dev.simulator.errors import Refusal, read_object

_KNOWN = {
    "model", "max_tokens", "messages", "system", "stream", "stop_sequences", "temperature", "top_p", "top_k",
    "tools", "tool_choice", "metadata", "thinking", "output_config", "service_tier", "cache_control",
}  # fmt: skip
#: The signature of the simulated model's own thoughts.
SIGNATURE = "c2lnbmVk"
VERSIONS = ("2023-06-01", "2026-10-21")
_SAMPLING = ("temperature", "top_p", "top_k")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def read(body: bytes, *, samples: bool) -> Json:
    """Return the request in OpenAI's shape.

    `marked` is set if it asks for prompt caching, `for_an_hour` if for an hour's, and `thinks` if it asks for
    thoughts. `samples`: the older API version, which accepts sampling parameters.

    Raises:
        Refusal: 400, as the real provider refuses it.
    """
    request = read_object(body, "The request body is not valid JSON, or no object")
    for name in request:
        if name not in _KNOWN or (name in _SAMPLING and not samples):
            raise Refusal(400, f"{name}: Extra inputs are not permitted")
    most = request.get("max_tokens")
    if not isinstance(most, int) or most < 1:
        raise Refusal(400, "max_tokens: Field required")
    if (temperature := request.get("temperature")) is not None and not 0 <= temperature <= 1:
        raise Refusal(400, "temperature: range: 0..1")
    thinking = request.get("thinking") or {}
    if thinking.get("type") == "enabled" and not 1024 <= thinking.get("budget_tokens", 0) < most:
        raise Refusal(400, "thinking.budget_tokens: must be at least 1024 and less than max_tokens")
    chat = parse(orjson.dumps(_chat(request)))
    return chat | {
        "marked": b'"cache_control"' in body,
        "for_an_hour": re.search(rb'"ttl": ?"1h"', body) is not None,
        "thinks": thinking.get("type") in ("enabled", "adaptive"),
    }


def _chat(request: Json) -> Json:
    messages = [*_system(request.get("system")), *_messages(request.get("messages"))]
    chat: Json = {"model": request.get("model"), "messages": messages, "max_tokens": request["max_tokens"]}
    for name in ("stream", "temperature", "top_p"):
        if name in request:
            chat[name] = request[name]
    if request.get("stop_sequences"):
        chat["stop"] = request["stop_sequences"]
    if request.get("tools"):
        chat["tools"] = [_tool(tool) for tool in request["tools"]]
    if choice := request.get("tool_choice"):
        named = {"type": "function", "function": {"name": choice.get("name")}}
        chat["tool_choice"] = _CHOICES.get(choice["type"], named)
        if choice.get("disable_parallel_tool_use"):
            chat["parallel_tool_calls"] = False
    if form := (request.get("output_config") or {}).get("format"):
        schema = {"name": "answer", "schema": form["schema"]}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    return chat


def _tool(tool: Json) -> Json:
    if not isinstance(tool.get("input_schema"), dict) or tool["input_schema"].get("type") != "object":
        raise Refusal(400, "tools.0.input_schema.type: Field required")
    function = {"name": tool.get("name"), "parameters": tool["input_schema"]}
    if "description" in tool:
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


def _system(system: Any) -> Iterator[Json]:
    if system:
        yield {"role": "system", "content": _content(system)}


def _messages(messages: Any) -> Iterator[Json]:
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages: at least one message is required")
    for message in messages:
        if message.get("role") not in ("user", "assistant", "system"):
            raise Refusal(400, "messages: role must be user, assistant or system")
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not blocks:
            raise Refusal(400, "messages: all messages must have non-empty content")
        if any(block["type"] == "thinking" and block.get("signature") != SIGNATURE for block in blocks):
            raise Refusal(400, "messages: Invalid `signature` in `thinking` block")
        calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
        results = [block for block in blocks if block["type"] == "tool_result"]
        others = [block for block in blocks if block["type"] in ("text", "image", "document")]
        for result in results:
            result_content = _content(result.get("content") or "")
            yield {"role": "tool", "tool_call_id": result["tool_use_id"], "content": result_content}
        if others or calls:
            turn: Json = {"role": message["role"], "content": _content(others) if others else None}
            yield turn | ({"tool_calls": calls} if calls else {})


def _call(block: Json) -> Json:
    function = {"name": block["name"], "arguments": orjson.dumps(block["input"]).decode()}
    return {"id": block["id"], "type": "function", "function": function}


def _content(content: Any) -> Any:
    if isinstance(content, str):
        return content
    parts = []
    for block in content:
        if block["type"] == "text":
            if not block["text"]:
                raise Refusal(400, "messages: text content blocks must be non-empty")
            parts.append({"type": "text", "text": block["text"]})
        else:
            parts.append({"type": block["type"]})
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
