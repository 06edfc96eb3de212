"""Converts chat messages to Google's contents: system text separate, tool results by function name."""

from mimetypes import guess_type
from typing import assert_never
from urllib.parse import urlsplit

from pointsman.bus.codec.request_fields import RequestFieldError, items, text
from pointsman.worker.providers.chat.arguments import calls_of
from pointsman.worker.providers.chat.parts import (
    MediaPart,
    MessagePart,
    TextPart,
    add_turn,
    native_of,
    parts_of,
    spoken_by,
    texts_of,
)
from pointsman_schemas.base import Json

_SYSTEM = ("system", "developer")


def contents(messages: object) -> tuple[list[Json], list[Json]]:
    """Return the parts of the system prompt, and the contents.

    Raises:
        RequestFieldError: a part is wrong or has no counterpart.
    """
    system: list[Json] = []
    turns: list[Json] = []
    names: dict[str, str] = {}
    for message, path in items(messages, "messages"):
        role = message.get("role")
        if role in _SYSTEM:
            if turns:
                raise RequestFieldError(f"{path}.role", "system messages must come first there")
            system += [{"text": part.text} for part in texts_of(message.get("content"), f"{path}.content")]
        else:
            speaker = "model" if role == "assistant" else "user"
            add_turn(turns, speaker, "parts", _parts(message, path, names))
    if not turns:
        raise RequestFieldError("messages", "must have a message that is not the system's")
    return system, turns


def _parts(message: Json, path: str, names: dict[str, str]) -> list[Json]:
    """Convert a message. `names`: maps the ids of earlier calls to their functions' names."""
    match message.get("role"):
        case "user":
            content = parts_of(message.get("content"), f"{path}.content")
            return [_part(part, f"{path}.content") for part in content]
        case "assistant":
            return _answer(message, path, names)
        case "tool":
            return [_result(message, path, names)]
        case role:
            raise RequestFieldError(f"{path}.role", f"`{role}` has no counterpart there")


def _answer(message: Json, path: str, names: dict[str, str]) -> list[Json]:
    parts = [_part(part, f"{path}.content") for part in spoken_by(message, path)]
    for call, id, name, arguments in calls_of(message, path):
        names[id] = name
        parts.append({"functionCall": {"id": id, "name": name, "args": arguments}, **_signature(call)})
    return parts


def _signature(call: Json) -> Json:
    """Return the thought signature of a call, if it has one: the model needs it back."""
    match call.get("extra_content"):
        case {"google": {"thought_signature": str(signature)}}:
            return {"thoughtSignature": signature}
        case _:
            return {}


def _result(message: Json, path: str, names: dict[str, str]) -> Json:
    id = text(message.get("tool_call_id"), f"{path}.tool_call_id")
    if id not in names:
        raise RequestFieldError(f"{path}.tool_call_id", "no call before it has this id")
    words = "".join(part.text for part in texts_of(message.get("content"), f"{path}.content"))
    failed = (native_of(message, path) or {}).get("is_error") is True
    response = {"error" if failed else "output": words}
    return {"functionResponse": {"id": id, "name": names[id], "response": response}}


def _part(part: MessagePart, path: str) -> Json:
    """Convert a part. Cache marks are dropped: Google caches by itself."""
    match part:
        case TextPart():
            return {"text": part.text}
        case MediaPart(url=None):
            return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
        case MediaPart():
            kind = guess_type(urlsplit(part.url or "").path)[0]
            if kind is None:
                hint = "an address must end as .png or the like: send the picture as a data URL"
                raise RequestFieldError(path, hint)
            return {"fileData": {"mimeType": kind, "fileUri": part.url}}
        case _:
            assert_never(part)
