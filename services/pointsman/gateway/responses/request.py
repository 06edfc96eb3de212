"""Converts a Responses request to a chat request. Pure."""

from collections.abc import Sequence
from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, mapping, sequence, text
from pointsman.gateway.responses.items import messages_of
from pointsman.gateway.responses.tools import chat_tools
from pointsman_schemas.base import Json

#: Fields with another name or shape in a chat, handled by the gateway, or about built-in tools.
#: `truncation` has no effect: which model answers, and how much it takes, is decided later.
_NOT_AS_IT_IS = {
    "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning",
    "max_output_tokens", "include", "truncation", "background", "previous_response_id", "max_tool_calls",
    "stream_options", "top_logprobs", "conversation", "prompt", "context_management", "metadata",
}  # fmt: skip
_REFUSED = {
    "conversation": "conversations are not kept: use previous_response_id, or send the items",
    "prompt": "prompt templates are not kept: send instructions and input",
    "context_management": "nothing is left out of a conversation by itself: send a shorter input",
    "messages": "is a parameter of /v1/chat/completions: use input here",
}
_LOGPROBS = "message.output_text.logprobs"
#: Accepted but never returned; clients go on without it, as with a model that does not reason.
_NEVER_THERE = "reasoning.encrypted_content"


def to_chat(body: Json, earlier: Sequence[Json] = ()) -> Json:
    """Convert the request. `earlier`: the messages of previous responses. Unknown fields are passed on.

    Raises:
        RequestFieldError: a field is invalid or asks for something that is not supported.
    """
    for name, hint in _REFUSED.items():
        if body.get(name):
            raise RequestFieldError(name, hint)
    chat = {name: value for name, value in body.items() if name not in _NOT_AS_IT_IS and value is not None}
    chat["messages"] = _messages(body, earlier)
    chat |= _tools(body) | _text(body.get("text")) | _reasoning(body.get("reasoning")) | _logprobs(body)
    if body.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = body["max_output_tokens"]
    return chat


def _messages(body: Json, earlier: Sequence[Json]) -> list[Json]:
    value = body.get("instructions")
    instructions = "" if value is None else text(value, "instructions")
    first = [{"role": "system", "content": instructions}] if instructions else []
    items = body.get("input")
    messages = [*first, *earlier, *messages_of([] if items is None else items)]
    if len(messages) == len(first):
        raise RequestFieldError("input", "is empty: give a text or items")
    return messages


def _tools(body: Json) -> Json:
    tools = list(chat_tools(_list(body, "tools")))
    choice = _tool_choice(body.get("tool_choice"))
    if not tools:
        # A chat accepts neither field without tools, but many Responses clients send their defaults.
        return {} if choice in (None, "auto", "none") else {"tool_choice": choice}
    chosen = {"tool_choice": choice, "parallel_tool_calls": body.get("parallel_tool_calls")}
    return {"tools": tools, **{name: value for name, value in chosen.items() if value is not None}}


def _tool_choice(choice: Any) -> Any:
    match choice:
        case None | "auto" | "none" | "required":
            return choice
        case {"type": "function" | "custom" as kind, "name": str(name)}:
            return {"type": kind, kind: {"name": name}}
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list(tools)}:
            allowed = [_allowed(tool, number) for number, tool in enumerate(tools)]
            return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
        case _:
            raise RequestFieldError(
                "tool_choice",
                "must be auto, none, required, a function, a custom tool or allowed_tools",
            )


def _allowed(tool: Any, number: int) -> Json:
    match tool:
        case {"type": "function" | "custom" as kind, "name": str(name)}:
            return {"type": kind, kind: {"name": name}}
        case _:
            place = f"tool_choice.tools[{number}]"
            raise RequestFieldError(place, "must be a function or a custom tool with its name")


def _text(text: Any) -> Json:
    _see_known("text", text, "format", "verbosity")
    options = text or {}
    verbosity = {} if options.get("verbosity") is None else {"verbosity": options["verbosity"]}
    match options.get("format"):
        case None | {"type": "text"}:
            return verbosity
        case {"type": "json_object"}:
            return {"response_format": {"type": "json_object"}, **verbosity}
        case {"type": "json_schema", "name": str(), "schema": dict()} as asked_format:
            schema = {k: v for k, v in asked_format.items() if k != "type" and v is not None}
            return {"response_format": {"type": "json_schema", "json_schema": schema}, **verbosity}
        case _:
            raise RequestFieldError(
                "text.format", "must be text, json_object, or json_schema with a name and a schema"
            )


def _reasoning(reasoning: Any) -> Json:
    # The style of the summary cannot be chosen; reasoning that a provider returns is included anyway.
    _see_known("reasoning", reasoning, "effort", "summary", "generate_summary")
    effort = (reasoning or {}).get("effort")
    return {} if effort is None else {"reasoning_effort": effort}


def _see_known(name: str, value: Any, *allowed: str) -> None:
    for member, content in ({} if value is None else mapping(value, name)).items():
        if member not in allowed and content is not None:
            raise RequestFieldError(f"{name}.{member}", f"has no effect here; known are {', '.join(allowed)}")


def _logprobs(body: Json) -> Json:
    included = _list(body, "include")
    for number, name in enumerate(included):
        if name not in (_LOGPROBS, _NEVER_THERE):
            raise RequestFieldError(
                f"include[{number}]", f"{str(name)[:40]!r} is not supported; possible is {_LOGPROBS}"
            )
    most = body.get("top_logprobs")
    if not most and _LOGPROBS not in included:
        return {}
    return {"logprobs": True} if most is None else {"logprobs": True, "top_logprobs": most}


def _list(body: Json, name: str) -> list[Any]:
    value = body.get(name)
    return [] if value is None else sequence(value, name)
