"""Converts a chat request to a request of Anthropic's Messages API."""

from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, mapping, number, text, whole_number
from pointsman.worker.providers.anthropic.turns import conversation
from pointsman.worker.providers.chat.parameters import (
    answer_tokens,
    functions,
    named_choice,
    refuse_others,
    schema_of,
    stops,
)
from pointsman.worker.providers.chat.parts import mark_of, native_of
from pointsman_schemas.base import Json

_KNOWN = {
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k", "stop", "tools", "tool_choice",
    "parallel_tool_calls", "response_format", "reasoning_effort", "thinking", "service_tier", "cache_control",
}  # fmt: skip
_EFFORTS = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


def to_message_request(request: Json, most: int, *, samples: bool = False) -> Json:
    """Return the request that asks for the same. `most`: `max_tokens` if the request sets no bound.

    `samples`: whether the API version accepts sampling parameters.

    Raises:
        RequestFieldError: a field, which the error names, is wrong or has no counterpart.
    """
    refuse_others(request, _KNOWN)
    request = _in_native_words(request)
    system, turns = conversation(request.get("messages"))
    thinking = _thinking(request)
    body: Json = {
        "model": text(request.get("model"), "model"),
        "max_tokens": answer_tokens(request) or most + _budget(thinking),
        "messages": turns,
    }
    if system:
        body["system"] = system
    if request.get("stream") is True:
        body["stream"] = True
    if sequences := stops(request):
        body["stop_sequences"] = sequences
    if output := _output(request):
        body["output_config"] = output
    if thinking:
        body["thinking"] = thinking
    if (mark := mark_of(request, "")) is not None:
        body["cache_control"] = mark
    if user_id := request.get("safety_identifier") or request.get("user"):
        body["metadata"] = {"user_id": text(user_id, "user")}
    sampling = _sampling(request) if samples else _default_sampling(request)
    return body | sampling | _tools(request) | _service_tier(request.get("service_tier"))


def _in_native_words(request: Json) -> Json:
    """Use the thinking parameters under `anthropic`, if any, instead of those in OpenAI's terms."""
    native = native_of(request, "")
    if not native:
        return request
    if unknown := native.keys() - {"thinking", "effort"}:
        raise RequestFieldError(f"anthropic.{min(unknown)}", "is not known here")
    return {**request, "thinking": native.get("thinking"), "reasoning_effort": native.get("effort")}


def _default_sampling(request: Json) -> Json:
    for name in ("temperature", "top_p", "top_k"):
        if request.get(name) is not None and (name == "top_k" or number(request[name], name) != 1):
            hint = "is the model's own there: leave it out, or give the provider api_version 2023-06-01"
            raise RequestFieldError(name, hint)
    return {}


def _sampling(request: Json) -> Json:
    sampling: Json = {}
    if (temperature := request.get("temperature")) is not None:
        if number(temperature, "temperature") > 1:
            raise RequestFieldError("temperature", "must be from 0 to 1 there")
        sampling["temperature"] = temperature
    if (top_p := request.get("top_p")) is not None:
        sampling["top_p"] = number(top_p, "top_p")
    if (top_k := request.get("top_k")) is not None:
        sampling["top_k"] = whole_number(top_k, "top_k")
    return sampling


def _tools(request: Json) -> Json:
    tools = [_tool(tool, function, path) for tool, function, path in functions(request)]
    if not tools:
        return {}
    choice = _choice(request.get("tool_choice"))
    if request.get("parallel_tool_calls") is False:
        choice = {"type": "auto", **choice}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    return {"tools": tools, **({"tool_choice": choice} if choice else {})}


def _tool(tool: Json, function: Json, path: str) -> Json:
    declaration: Json = {"name": function["name"], "input_schema": schema_of(function, path)}
    if function.get("description"):
        declaration["description"] = text(function["description"], f"{path}.function.description")
    if function.get("strict") is True:
        declaration["strict"] = True
    if (native_of(tool, path) or {}).get("eager_input_streaming") is True:
        declaration["eager_input_streaming"] = True
    mark = mark_of(tool, path) or mark_of(function, f"{path}.function")
    return declaration if mark is None else declaration | {"cache_control": mark}


def _choice(choice: Any) -> Json:
    match choice:
        case None:
            return {}
        case "auto" | "none":
            return {"type": choice}
        case "required":
            return {"type": "any"}
        case _:
            return {"type": "tool", "name": named_choice(choice)}


def _output(request: Json) -> Json:
    output: Json = {}
    effort = request.get("reasoning_effort")
    if effort not in (None, "none"):
        if not isinstance(effort, str) or effort not in _EFFORTS:
            raise RequestFieldError("reasoning_effort", f"must be one of {', '.join(_EFFORTS)} or none")
        output["effort"] = _EFFORTS[effort]
    match request.get("response_format"):
        case None | {"type": "text"}:
            pass
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            output["format"] = {"type": "json_schema", "schema": schema}
        case {"type": "json_object"}:
            raise RequestFieldError("response_format", "must be text or a json_schema there")
        case _:
            raise RequestFieldError("response_format", "must be text or a json_schema with its schema")
    return output


def _thinking(request: Json) -> Json:
    """Pass Anthropic's own `thinking` on, as some models accept only that; `none` disables thinking."""
    thinking = request.get("thinking")
    if thinking is not None:
        return mapping(thinking, "thinking")
    return {"type": "disabled"} if request.get("reasoning_effort") == "none" else {}


def _budget(thinking: Json) -> int:
    """Return the tokens for thinking, which count as part of the answer."""
    budget = thinking.get("budget_tokens")
    return 0 if budget is None else whole_number(budget, "thinking.budget_tokens")


def _service_tier(tier: Any) -> Json:
    match tier:
        case None | "auto":
            return {}
        case "default" | "standard_only":
            return {"service_tier": "standard_only"}
        case _:
            raise RequestFieldError("service_tier", "must be auto or default there")
