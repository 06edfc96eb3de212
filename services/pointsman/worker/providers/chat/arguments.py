"""Converts a tool call's arguments: text in one format, an object in another."""

import orjson

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, text
from pointsman.worker.providers.lenient_json import read_json
from pointsman_schemas.base import Json


def calls_of(message: Json, path: str) -> list[tuple[Json, str, str, Json]]:
    """Return the calls of an earlier answer: each as given, its id, its function's name, its arguments."""
    calls = []
    for call, place in items(message.get("tool_calls") or [], f"{path}.tool_calls"):
        if call.get("type", "function") != "function":
            raise RequestFieldError(f"{place}.type", "only calls of functions have a counterpart")
        function = mapping(call.get("function"), f"{place}.function")
        name = text(function.get("name"), f"{place}.function.name")
        calls.append(
            (call, text(call.get("id"), f"{place}.id"), name, arguments_of(function.get("arguments")))
        )
    if message.get("function_call"):
        raise RequestFieldError(f"{path}.function_call", "is superseded: give `tool_calls`")
    return calls


def arguments_of(written: object) -> Json:
    """Parse arguments. Text that is no valid JSON object is returned under `arguments`."""
    if not isinstance(written, str) or not written.strip():
        return {}
    try:
        arguments, changed = read_json(written.encode())
    except ValueError:
        arguments, changed = None, True
    return arguments if isinstance(arguments, dict) and not changed else {"arguments": written}


def written(arguments: object) -> str:
    """Return arguments as text, as in OpenAI's format. A text is returned unchanged."""
    if isinstance(arguments, str):
        return arguments
    return orjson.dumps({} if arguments is None else arguments).decode()


def name_of(value: object) -> str:
    """Return a call's name or id; empty if it is no text."""
    return value if isinstance(value, str) else ""
