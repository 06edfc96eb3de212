"""Converts a chat request to a request of Google's generateContent."""

from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, mapping, number, text, whole_number
from pointsman.worker.providers.chat.parameters import (
    answer_tokens,
    functions,
    named_choice,
    refuse_others,
    schema_of,
    stops,
)
from pointsman.worker.providers.google.turns import contents
from pointsman_schemas.base import Json

_NUMBERS = {
    "temperature": "temperature",
    "top_p": "topP",
    "frequency_penalty": "frequencyPenalty",
    "presence_penalty": "presencePenalty",
    "seed": "seed",
}
_KNOWN = {
    *_NUMBERS, "max_tokens", "max_completion_tokens", "top_k", "stop", "tools", "tool_choice",
    "response_format", "reasoning_effort", "thinking_config",
}  # fmt: skip
_EFFORTS = ("minimal", "low", "medium", "high", "xhigh")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def to_content_request(request: Json) -> Json:
    """Return the request that asks for the same. The URL gives the model and whether to stream.

    Raises:
        RequestFieldError: a field, which the error names, is wrong or has no counterpart.
    """
    refuse_others(request, _KNOWN)
    system, turns = contents(request.get("messages"))
    body: Json = {"contents": turns}
    if system:
        body["systemInstruction"] = {"role": "user", "parts": system}
    if config := {**_drawn(request), **_shape(request.get("response_format")), **_thinking(request)}:
        body["generationConfig"] = config
    return body | _tools(request)


def _drawn(request: Json) -> Json:
    config: Json = {
        theirs: number(request[name], name)
        for name, theirs in _NUMBERS.items()
        if request.get(name) is not None
    }
    if request.get("top_k") is not None:
        config["topK"] = whole_number(request["top_k"], "top_k")
    if (most := answer_tokens(request)) is not None:
        config["maxOutputTokens"] = most
    if sequences := stops(request):
        config["stopSequences"] = sequences
    return config


def _shape(form: Any) -> Json:
    match form:
        case None | {"type": "text"}:
            return {}
        case {"type": "json_object"}:
            return {"responseMimeType": "application/json"}
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case _:
            hint = "must be text, json_object, or a json_schema with its schema"
            raise RequestFieldError("response_format", hint)


def _thinking(request: Json) -> Json:
    """Pass Google's own `thinking_config` on, as older models have no levels; else convert the effort."""
    if (config := request.get("thinking_config")) is not None:
        return {"thinkingConfig": mapping(config, "thinking_config")}
    match request.get("reasoning_effort"):
        case None:
            return {}
        case "none":
            return {"thinkingConfig": {"thinkingBudget": 0}}
        case str(effort) if effort in _EFFORTS:
            return {"thinkingConfig": {"thinkingLevel": effort.upper()}}
        case _:
            raise RequestFieldError("reasoning_effort", f"must be one of {', '.join(_EFFORTS)} or none there")


def _tools(request: Json) -> Json:
    declared = [_declared(function, path) for _, function, path in functions(request)]
    if not declared:
        return {}
    if request.get("parallel_tool_calls") is False:
        raise RequestFieldError("parallel_tool_calls", "cannot be turned off there: leave it out")
    tools: Json = {"tools": [{"functionDeclarations": declared}]}
    choice = request.get("tool_choice")
    if choice is None:
        return tools
    if isinstance(choice, str) and choice in _MODES:
        calling: Json = {"mode": _MODES[choice]}
    else:
        calling = {"mode": "ANY", "allowedFunctionNames": [named_choice(choice)]}
    return tools | {"toolConfig": {"functionCallingConfig": calling}}


def _declared(function: Json, path: str) -> Json:
    declaration: Json = {"name": function["name"], "parametersJsonSchema": schema_of(function, path)}
    if function.get("description"):
        declaration["description"] = text(function["description"], f"{path}.function.description")
    return declaration
