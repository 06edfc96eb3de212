"""What a chat request must look like; parameters that are not listed pass unread, as new ones do."""

from collections.abc import Callable
from typing import Any

import orjson

from pointsman.dev.simulator.errors import Refusal, bad

Check = Callable[[Any], str | None]  # what was expected instead, or None


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"a number from {low:g} to {high:g}"

    return check


def _integer(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"an integer from {low} to {high}"

    return check


def _type(kind: type, words: str) -> Check:
    return lambda value: None if isinstance(value, kind) else words


def _stop(value: Any) -> str | None:
    fits = isinstance(value, str) or (
        isinstance(value, list) and len(value) <= 4 and all(isinstance(item, str) for item in value)
    )
    return None if fits else "a string or up to four strings"


def _strings(value: Any) -> str | None:
    fits = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return None if fits else "an object whose values are strings"


def _tools(value: Any) -> str | None:
    fits = isinstance(value, list) and all(
        isinstance(tool, dict)
        and tool.get("type") == "function"
        and isinstance(tool.get("function"), dict)
        and isinstance(tool["function"].get("name"), str)
        and isinstance(tool["function"].get("parameters", {}), dict)
        for tool in value
    )
    return None if fits else "a list of {type: function, function: {name, parameters}}"


def _response_format(value: Any) -> str | None:
    match value:
        case {"type": "text" | "json_object"}:
            return None
        case {"type": "json_schema", "json_schema": {"name": str(), "schema": dict()}}:
            return None
        case {"type": "json_schema"}:
            return "json_schema: {name, schema}"
        case _:
            return "{type: text | json_object | json_schema}"


PARAMETERS: dict[str, Check] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "n": _integer(1, 128),
    "max_tokens": _integer(1, 2**31),
    "max_completion_tokens": _integer(1, 2**31),
    "top_logprobs": _integer(0, 20),
    "seed": _integer(-(2**63), 2**63 - 1),
    "logprobs": _type(bool, "a boolean"),
    "stream": _type(bool, "a boolean"),
    "parallel_tool_calls": _type(bool, "a boolean"),
    "stream_options": _type(dict, "an object"),
    "logit_bias": _type(dict, "an object"),
    "metadata": _strings,
    "user": _type(str, "a string"),
    "stop": _stop,
    "tools": _tools,
    "response_format": _response_format,
}

ROLES = {"system", "developer", "user", "assistant", "tool"}


def parse(body: bytes) -> dict[str, Any]:
    """The request as a checked object. Raises `Refusal` (400) for anything the real provider would refuse."""
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"The body is not JSON: {error}.") from error
    if not isinstance(request, dict):
        raise Refusal(400, "The body must be a JSON object.")
    if not isinstance(request.get("model"), str):
        raise bad("model", "model: expected a string.", "missing_required_parameter")
    _check_messages(request.get("messages"))
    for name, value in request.items():
        check = PARAMETERS.get(name)
        if check is not None and value is not None and (wanted := check(value)) is not None:
            raise bad(name, f"{name}: expected {wanted}, got {_shown(value)}.", "invalid_type")
    _check_together(request)
    return request


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list):
        raise bad("messages", "messages: expected a list.", "missing_required_parameter")
    if not messages:
        raise bad("messages", "messages: expected at least one message.", "empty_array")
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise bad(f"messages[{i}].role", f"messages[{i}].role: expected {', '.join(sorted(ROLES))}.")
        if not _is_content(message):
            raise bad(f"messages[{i}].content", f"messages[{i}].content: expected text or content parts.")


def _is_content(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if content is None:
        return message["role"] == "assistant" and bool(message.get("tool_calls") or message.get("refusal"))
    if isinstance(content, list):
        return bool(content) and all(isinstance(p, dict) and isinstance(p.get("type"), str) for p in content)
    return isinstance(content, str)


def _check_together(request: dict[str, Any]) -> None:
    given = {name for name, value in request.items() if value is not None}
    if {"max_tokens", "max_completion_tokens"} <= given:
        raise bad("max_tokens", "max_tokens and max_completion_tokens exclude each other.")
    if request.get("top_logprobs") and not request.get("logprobs"):
        raise bad("top_logprobs", "top_logprobs needs logprobs: true.")
    if "stream_options" in given and not request.get("stream"):
        raise bad("stream_options", "stream_options needs stream: true.")
    _check_tool_choice(request, given)
    wants_json = (request.get("response_format") or {}).get("type") == "json_object"
    if wants_json and b"json" not in orjson.dumps(request["messages"]).lower():
        raise bad("messages", "response_format json_object: the messages must contain the word 'json'.")


def _check_tool_choice(request: dict[str, Any], given: set[str]) -> None:
    if "tool_choice" not in given:
        return
    if not request.get("tools"):
        raise bad("tool_choice", "tool_choice needs tools.")
    names = {tool["function"]["name"] for tool in request["tools"]}
    match request["tool_choice"]:
        case "none" | "auto" | "required":
            return
        case {"type": "function", "function": {"name": str(name)}} if name in names:
            return
        case _:
            known = ", ".join(sorted(names))
            raise bad("tool_choice", f"tool_choice: expected none, auto, required or {known}.")


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else text[:37] + "..."
