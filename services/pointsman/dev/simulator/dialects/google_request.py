"""Validate a Google request and translate it to OpenAI's shape, independently of the worker's code."""

from collections.abc import Iterator
from typing import Any

import orjson

from pointsman.dev.simulator.checks import parse
from pointsman.dev.simulator.dialects.dialect import Json
from pointsman.dev.simulator.errors import Refusal, read_object

_KNOWN = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings"}
_CONFIG = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
    "seed": "seed",
    "frequencyPenalty": "frequency_penalty",
    "presencePenalty": "presence_penalty",
}
_OTHERS = {"topK", "responseMimeType", "responseJsonSchema", "thinkingConfig"}
_CHOICES = {"AUTO": "auto", "ANY": "required", "NONE": "none"}


def read(body: bytes, model: str, *, streamed: bool) -> Json:
    """Return the request in OpenAI's shape; `thinks` is set if it asks for thoughts.

    Raises:
        Refusal: 400, as the real provider refuses it.
    """
    request = read_object(body, "Invalid JSON payload received")
    config = request.get("generationConfig") or {}
    for name in [*(request.keys() - _KNOWN), *(config.keys() - _CONFIG.keys() - _OTHERS)]:
        raise Refusal(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    chat: Json = {"model": model, "messages": [*_system(request), *_messages(request.get("contents"))]}
    chat |= {ours: config[theirs] for theirs, ours in _CONFIG.items() if theirs in config}
    if streamed:
        chat["stream"] = True
    if (schema := config.get("responseJsonSchema")) is not None:
        named = {"name": "answer", "schema": schema}
        chat["response_format"] = {"type": "json_schema", "json_schema": named}
    thinking = config.get("thinkingConfig") or {}
    thinks = thinking.get("includeThoughts") or thinking.get("include_thoughts")
    return parse(orjson.dumps(chat | _tools(request))) | {"thinks": bool(thinks)}


def _tools(request: Json) -> Json:
    declared = [one for tool in request.get("tools") or [] for one in tool.get("functionDeclarations") or []]
    if not declared:
        return {}
    chat: Json = {"tools": [{"type": "function", "function": _function(one)} for one in declared]}
    if calling := (request.get("toolConfig") or {}).get("functionCallingConfig"):
        names = calling.get("allowedFunctionNames")
        named = {"type": "function", "function": {"name": names[0]}} if names else None
        chat["tool_choice"] = named or _CHOICES[calling["mode"]]
    return chat


def _function(declared: Json) -> Json:
    schema = declared.get("parametersJsonSchema") or declared.get("parameters_json_schema") or {}
    description = {"description": declared["description"]} if "description" in declared else {}
    return {"name": declared.get("name"), **description, "parameters": schema}


def _system(request: Json) -> Iterator[Json]:
    if instruction := request.get("systemInstruction"):
        yield {"role": "system", "content": _content(instruction["parts"])}


def _messages(contents: Any) -> Iterator[Json]:
    if not isinstance(contents, list) or not contents:
        raise Refusal(400, "GenerateContentRequest.contents: contents is not specified")
    for content in contents:
        role, parts = content.get("role"), content.get("parts")
        if role not in ("user", "model"):
            raise Refusal(400, "Please use a valid role: user, model.")
        if not parts:
            raise Refusal(400, "GenerateContentRequest.contents: must include at least one parts field")
        calls = [_call(part["functionCall"]) for part in parts if "functionCall" in part]
        others = [part for part in parts if not part.keys() & {"functionCall", "functionResponse"}]
        for part in parts:
            if (result := part.get("functionResponse")) is not None:
                reply = result["response"]
                words = reply["output"] if reply.keys() == {"output"} else orjson.dumps(reply).decode()
                yield {"role": "tool", "tool_call_id": result["id"], "content": words}
        if others or calls:
            speaker = "user" if role == "user" else "assistant"
            turn: Json = {"role": speaker, "content": _content(others) if others else None}
            yield turn | ({"tool_calls": calls} if calls else {})


def _call(called: Json) -> Json:
    function = {"name": called["name"], "arguments": orjson.dumps(called["args"]).decode()}
    return {"id": called["id"], "type": "function", "function": function}


def _content(parts: list[Json]) -> Any:
    content = [
        {"type": "text", "text": part["text"]} if "text" in part else {"type": "image"} for part in parts
    ]
    return content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content
