"""Removes Anthropic's fields from a request that came in Anthropic's format; pure."""

from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman_schemas.base import Json

#: The key for fields that only Anthropic has; its presence says that the request came in Anthropic's format.
NATIVE = "anthropic"
_OURS = {NATIVE, "cache_control", "thinking_blocks"}
_FAILED = "The tool failed: "


def without_native(request: Json) -> Json:
    """Return the request in OpenAI's format. One that came in OpenAI's format is returned unchanged.

    Raises:
        RequestFieldError: a tool's result is not text, or a document is given by URL.
    """
    if NATIVE not in request:
        return request
    plain = _without(request)
    messages = [_message(message, place) for place, message in enumerate(request.get("messages") or ())]
    plain["messages"] = [message for message in messages if not _is_empty(message)]
    if request.get("tools"):
        plain["tools"] = [_without(tool) for tool in request["tools"]]
    return plain


def _message(message: Json, place: int) -> Json:
    plain = _without(message)
    content = message.get("content")
    if isinstance(content, list):
        plain["content"] = [
            _part(part, f"messages[{place}].content[{at}]") for at, part in enumerate(content)
        ]
    if message.get("tool_calls"):
        plain["tool_calls"] = [_without(call) for call in message["tool_calls"]]
    if message.get("role") == "tool":
        plain["content"] = _result(plain.get("content"), message, f"messages[{place}].content")
    return plain


def _part(part: Json, path: str) -> Json:
    if part.get("type") == "file" and not part["file"]["file_data"].startswith("data:"):
        raise RequestFieldError(path, "document URLs are not supported there: send base64")
    return _without(part)


def _result(content: Any, message: Json, path: str) -> Any:
    if isinstance(content, list) and any(part.get("type") != "text" for part in content):
        raise RequestFieldError(path, "a tool's result must be text there")
    if not (message.get(NATIVE) or {}).get("is_error"):
        return content
    return [{"type": "text", "text": _FAILED}, *content] if isinstance(content, list) else _FAILED + content


def _is_empty(message: Json) -> bool:
    """Whether the turn had nothing but thinking blocks."""
    return message.get("role") == "assistant" and not (message.get("content") or message.get("tool_calls"))


def _without(body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in _OURS}
