"""Checks a chat request's parameters: those without a counterpart are refused unless they have no effect."""

from collections.abc import Collection
from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, text, whole_number
from pointsman_schemas.base import Json

#: Parameters that do not change the answer, or are converted elsewhere.
_ASIDE = {
    "model", "messages", "stream", "stream_options", "store", "metadata", "user", "safety_identifier",
    "prompt_cache_key", "prompt_cache_retention", "cache_control", "anthropic",
}  # fmt: skip
#: Values that ask for the default behaviour.
_SAYS_NOTHING: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "top_logprobs": (0,),
    "parallel_tool_calls": (True,),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
    "tool_choice": ("auto",),
    "function_call": ("auto", "none"),
}
_HINTS = {
    "n": "only one answer is given there: send several requests",
    "logprobs": "probabilities are not given there",
    "top_logprobs": "probabilities are not given there",
    "functions": "give `tools`, which took their place",
    "function_call": "give `tool_choice`, which took its place",
}


def refuse_others(request: Json, allowed: Collection[str]) -> None:
    """Raise RequestFieldError for a parameter that is not `allowed` and has an effect."""
    for name, value in request.items():
        if name in allowed or name in _ASIDE or value is None or value is False or value in ("", [], {}):
            continue
        if value not in _SAYS_NOTHING.get(name, ()):
            raise RequestFieldError(name, _HINTS.get(name, "has no counterpart there: leave it out"))


def answer_tokens(request: Json) -> int | None:
    """Return the bound on the answer's tokens; None if there is none."""
    for name in ("max_completion_tokens", "max_tokens"):
        if request.get(name) is not None:
            return whole_number(request[name], name)
    return None


def stops(request: Json) -> list[str]:
    """Return the stop sequences."""
    stop = request.get("stop")
    if stop is None:
        return []
    return [text(stop_text, "stop") for stop_text in (stop if isinstance(stop, list) else [stop])]


def functions(request: Json) -> list[tuple[Json, Json, str]]:
    """Return each tool with its `function` and its path in the request."""
    listed = []
    for tool, path in items(request.get("tools") or [], "tools"):
        if tool.get("type") != "function":
            raise RequestFieldError(f"{path}.type", "only tools of type `function` have a counterpart")
        function = mapping(tool.get("function"), f"{path}.function")
        text(function.get("name"), f"{path}.function.name")
        listed.append((tool, function, path))
    return listed


def schema_of(function: Json, path: str) -> Json:
    """Return the schema of a function's parameters."""
    parameters = function.get("parameters")
    if not parameters:
        return {"type": "object", "properties": {}}
    return {"type": "object", **mapping(parameters, f"{path}.function.parameters")}


def named_choice(choice: Any) -> str:
    """Return the function that `tool_choice` names.

    Raises:
        RequestFieldError: it names no function.
    """
    match choice:
        case {"type": "function", "function": {"name": str(name)}}:
            return name
        case _:
            raise RequestFieldError("tool_choice", "must be none, auto, required or one function")
