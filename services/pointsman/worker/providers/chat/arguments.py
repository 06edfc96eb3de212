"""Arguments of a tool call: text in one format, an object in another."""

import orjson

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, text
from pointsman.worker.providers.lenient_json import read_json
from pointsman_schemas.base import Json


def calls_of(message: Json, path: str) -> list[tuple[Json, str, str, Json]]:
    """The calls that an earlier answer made: each as it is, its id, its function's name and the arguments."""
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
    """What a model wrote; what is no object, or not to be held in one, stands under `arguments`."""
    if not isinstance(written, str) or not written.strip():
        return {}
    try:
        read, changed = read_json(written.encode())
    except ValueError:
        read, changed = None, True
    return read if isinstance(read, dict) and not changed else {"arguments": written}


def written(arguments: object) -> str:
    """Arguments as the text that OpenAI's format has; what is no object stands there as the model gave it."""
    if isinstance(arguments, str):
        return arguments
    return orjson.dumps({} if arguments is None else arguments).decode()


def name_of(value: object) -> str:
    """The name or the id of a call, which is a text or not there."""
    return value if isinstance(value, str) else ""
