"""Converts the items of a Responses request, or of a response, to chat messages. Pure.

Invariants:
- Consecutive texts and calls of the assistant become one message: a chat needs tool results right after it.
- Nothing is left out but reasoning, for which a chat has no place, and what a server adds (`id`, `status`).
"""

from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, mapping, plain, text
from pointsman.gateway.responses.tools import BY_ITEM, CallKind, chat_name
from pointsman_schemas.base import Json

_ROLES = ("user", "system", "developer", "assistant")
_FILE = ("file_data", "file_id", "filename")


def messages_of(value: Any, param: str = "input") -> list[Json]:
    """Return the messages for a text or a list of items.

    Raises:
        RequestFieldError: an item is invalid, or has no counterpart in a chat.
    """
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list):
        raise RequestFieldError(param, "must be a text or a list of items")
    messages: list[Json] = []
    for number, item in enumerate(value):
        _add(messages, item, f"{param}[{number}]")
    return messages


def _add(messages: list[Json], item: Any, at: str) -> None:
    kind = mapping(item, at).get("type")
    if kind is None:
        kind = "message" if "role" in item else "item_reference" if "id" in item else None
    match kind:
        case "message":
            _add_message(messages, _message(item, at))
        case "function_call" | "custom_tool_call":
            _add_call(messages, _call(item, BY_ITEM[kind], at))
        case "function_call_output" | "custom_tool_call_output":
            call_id, output = _text(item, "call_id", at), _content(item.get("output"), f"{at}.output", "tool")
            messages.append({"role": "tool", "tool_call_id": call_id, "content": output})
        case "reasoning":
            pass
        case "item_reference":
            raise RequestFieldError(
                at, "single items are not stored: send the item itself, or previous_response_id"
            )
        case _:
            raise RequestFieldError(
                f"{at}.type",
                f"{_quoted(kind)} is none of message, function_call, function_call_output, custom_tool_call, "
                "custom_tool_call_output, reasoning",
            )


def _add_message(messages: list[Json], message: Json) -> None:
    last = messages[-1] if messages else {}
    if message["role"] == "assistant" and "tool_calls" in last and last["content"] is None:
        last.update(message)  # the assistant's turn goes on
    else:
        messages.append(message)


def _add_call(messages: list[Json], call: Json) -> None:
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(call)


def _call(item: Json, kind: CallKind, at: str) -> Json:
    name = chat_name(_text(item, "name", at), item.get("namespace"))
    called = {"name": name, kind.text: _text(item, kind.text, at)}
    return {"id": _text(item, "call_id", at), "type": kind.chat, kind.chat: called}


def _message(item: Json, at: str) -> Json:
    role = item.get("role")
    if role not in _ROLES:
        raise RequestFieldError(f"{at}.role", f"{_quoted(role)} is none of {', '.join(_ROLES)}")
    content = item.get("content")
    if role != "assistant" or not isinstance(content, list):
        return {"role": role, "content": _content(content, f"{at}.content", role)}
    # Joined to one text: many providers accept no list of parts from the assistant.
    texts: dict[str, list[str]] = {"text": [], "refusal": []}
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        name = "refusal" if kind == "refusal" else "text"
        if kind not in ("output_text", "input_text", "refusal"):
            raise RequestFieldError(
                f"{at}.content[{number}].type", f"{_quoted(kind)} is neither output_text nor refusal"
            )
        texts[name].append(_text(part, name, f"{at}.content[{number}]"))
    message: Json = {"role": role, "content": "".join(texts["text"]) if texts["text"] else None}
    if texts["refusal"]:
        return {**message, "refusal": "".join(texts["refusal"])}
    return message if texts["text"] else {**message, "content": ""}


def _content(value: Any, at: str, role: str) -> str | list[Json]:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise RequestFieldError(at, "must be a text or a list of parts")
    if not value:
        raise RequestFieldError(at, "must have at least one part")
    return plain(_part(part, f"{at}[{number}]", role) for number, part in enumerate(value))


def _part(part: Any, at: str, role: str) -> Json:
    kind = mapping(part, at).get("type")
    if kind in ("input_text", "output_text"):
        others = _others(part, "type", "text", "annotations", "logprobs")
        return {"type": "text", "text": _text(part, "text", at), **others}
    if role == "tool":
        hint = "send it in a message of the user's"
        raise RequestFieldError(f"{at}.type", f"{_quoted(kind)} cannot be a tool's output, only text; {hint}")
    match kind:
        case "input_image":
            _refuse(part, "file_id", at, "files are not kept here: give image_url, a URL or a data URL")
            image = {"url": _text(part, "image_url", at)}
            if part.get("detail") is not None:
                image["detail"] = part["detail"]
            others = _others(part, "type", "image_url", "detail", "file_id")
            return {"type": "image_url", "image_url": image, **others}
        case "input_file":
            _refuse(part, "file_url", at, "a file's URL is not followed: give file_data")
            if part.get("detail") not in (None, "auto"):
                raise RequestFieldError(f"{at}.detail", "a file's detail cannot be chosen: leave it out")
            file = {name: part[name] for name in _FILE if part.get(name) is not None}
            return {"type": "file", "file": file, **_others(part, "type", "file_url", "detail", *_FILE)}
        case "input_audio":
            return dict(part)
        case _:
            raise RequestFieldError(
                f"{at}.type", f"{_quoted(kind)} is none of input_text, input_image, input_file, input_audio"
            )


def _refuse(part: Json, name: str, at: str, hint: str) -> None:
    if part.get(name) is not None:
        raise RequestFieldError(f"{at}.{name}", hint)


def _others(holder: Json, *names: str) -> Json:
    return {name: value for name, value in holder.items() if name not in names and value is not None}


def _text(holder: Json, name: str, at: str) -> str:
    return text(holder.get(name), f"{at}.{name}")


def _quoted(value: Any) -> str:
    return repr(value)[:60]
