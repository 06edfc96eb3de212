"""Converts a request of Anthropic's Messages API to an OpenAI chat request."""

from collections.abc import Callable
from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, only, text, whole_number
from pointsman.gateway.anthropic.content import NATIVE, marked, texts
from pointsman.gateway.anthropic.turns import chat_messages
from pointsman_schemas.base import Json

#: OpenAI's limit.
_MOST_STOPS = 4
#: The reasoning effort for a thinking budget of at most so many tokens; `high` above.
_EFFORTS = ((2_048, "low"), (8_192, "medium"))
_PASSED = ("model", "temperature", "top_p", "top_k", "stream")


def to_chat(body: Json) -> Json:
    """Return the chat request that asks for the same; `model` and `stream` stay as they are.

    Under `anthropic` it carries what only Anthropic's API can express. Adapters for other formats leave that
    out.

    Raises:
        RequestFieldError: a field, which the error names, is wrong or has no counterpart.
    """
    only(body, (*_PASSED, *_FIELDS, "max_tokens", "messages", "system", "cache_control"))
    chat: Json = {name: body[name] for name in _PASSED if body.get(name) is not None}
    chat["max_completion_tokens"] = whole_number(body.get("max_tokens"), "max_tokens")
    system = texts(body.get("system") or "", "system")
    chat["messages"] = [
        *([{"role": "system", "content": system}] if system else []),
        *chat_messages(body.get("messages")),
    ]
    if body.get("stream") is True:
        chat["stream_options"] = {"include_usage": True}
    for name, translate in _FIELDS.items():
        if (value := body.get(name)) is not None:
            chat |= translate(value)
    chat[NATIVE] = _native(body)
    return marked(chat, body, "")


def _native(body: Json) -> Json:
    """Return the thinking budget and effort as given, which is more exact than `reasoning_effort`."""
    native = {"thinking": body.get("thinking"), "effort": (body.get("output_config") or {}).get("effort")}
    return {name: value for name, value in native.items() if value is not None}


def _stops(value: Any) -> Json:
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        raise RequestFieldError("stop_sequences", "must be a list of texts")
    if len(value) > _MOST_STOPS:
        raise RequestFieldError("stop_sequences", f"at most {_MOST_STOPS} are supported")
    return {"stop": value} if value else {}


def _metadata(value: Any) -> Json:
    metadata = mapping(value, "metadata")
    only(metadata, ("user_id",), "metadata")
    user = metadata.get("user_id")
    return {} if user is None else {"user": text(user, "metadata.user_id")}


def _tools(value: Any) -> Json:
    tools = [_tool(tool, path) for tool, path in items(value, "tools")]
    return {"tools": tools} if tools else {}


def _tool(tool: Json, path: str) -> Json:
    if tool.get("type") not in (None, "custom"):
        raise RequestFieldError(
            f"{path}.type", f"`{tool['type']}` runs at Anthropic only: offer a tool of your own"
        )
    if tool.get("allowed_callers") in (None, ["direct"]):
        tool = {name: value for name, value in tool.items() if name != "allowed_callers"}
    allowed = (
        "type",
        "name",
        "description",
        "input_schema",
        "strict",
        "cache_control",
        "eager_input_streaming",
    )
    only(tool, allowed, path)
    function: Json = {"name": text(tool.get("name"), f"{path}.name")}
    if tool.get("description") is not None:
        function["description"] = text(tool["description"], f"{path}.description")
    function["parameters"] = mapping(tool.get("input_schema"), f"{path}.input_schema")
    if tool.get("strict") is not None:
        function["strict"] = tool["strict"]
    translated: Json = {"type": "function", "function": function}
    if tool.get("eager_input_streaming") is not None:
        translated[NATIVE] = {"eager_input_streaming": tool["eager_input_streaming"]}
    return marked(translated, tool, path)


def _tool_choice(value: Any) -> Json:
    choice = mapping(value, "tool_choice")
    only(choice, ("type", "name", "disable_parallel_tool_use"), "tool_choice")
    options = {"parallel_tool_calls": False} if choice.get("disable_parallel_tool_use") is True else {}
    match choice.get("type"):
        case "auto" | "none" as word:
            return {"tool_choice": word, **options}
        case "any":
            return {"tool_choice": "required", **options}
        case "tool":
            named = {"name": text(choice.get("name"), "tool_choice.name")}
            return {"tool_choice": {"type": "function", "function": named}, **options}
        case _:
            raise RequestFieldError("tool_choice.type", "must be auto, any, tool or none")


def _thinking(value: Any) -> Json:
    thinking = mapping(value, "thinking")
    match thinking.get("type"):
        case "disabled" | "adaptive":  # the model decides by itself how much to think
            return {}
        case "enabled":
            budget = whole_number(thinking.get("budget_tokens"), "thinking.budget_tokens")
            return {"reasoning_effort": next((word for most, word in _EFFORTS if budget <= most), "high")}
        case _:
            raise RequestFieldError("thinking.type", "must be enabled, adaptive or disabled here")


def _output_config(value: Any) -> Json:
    config = mapping(value, "output_config")
    only(config, ("effort", "format"), "output_config")
    chat: Json = {}
    if (effort := config.get("effort")) is not None:
        if effort not in ("low", "medium", "high", "xhigh", "max"):
            raise RequestFieldError("output_config.effort", "must be low, medium, high, xhigh or max")
        chat["reasoning_effort"] = "xhigh" if effort == "max" else effort
    if config.get("format") is not None:
        path = "output_config.format"
        shape = mapping(config["format"], path)
        if shape.get("type") != "json_schema":
            raise RequestFieldError(f"{path}.type", "must be json_schema")
        schema = mapping(shape.get("schema"), f"{path}.schema")
        chat["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    return chat


def _service_tier(value: Any) -> Json:
    if value not in ("auto", "standard_only"):
        raise RequestFieldError("service_tier", "must be auto or standard_only")
    return {} if value == "auto" else {"service_tier": "default"}


def _context_management(value: Any) -> Json:
    """Accept only the removal of earlier thinking: any other edit changes what the model sees."""
    management = mapping(value, "context_management")
    only(management, ("edits",), "context_management")
    for edit, path in items(management.get("edits", []), "context_management.edits"):
        if not text(edit.get("type"), f"{path}.type").startswith("clear_thinking"):
            raise RequestFieldError(path, "has no counterpart with the providers here: leave it out")
    return {}


_FIELDS: dict[str, Callable[[Any], Json]] = {
    "stop_sequences": _stops,
    "metadata": _metadata,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "thinking": _thinking,
    "output_config": _output_config,
    "service_tier": _service_tier,
    "context_management": _context_management,
}
