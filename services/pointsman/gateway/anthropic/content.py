"""Blocks of content as parts of a chat message.

Left out, as nothing is lost by it: marks for prompt caches, which other providers set by themselves, and an
earlier turn's thoughts, which only the model that had them can read.
"""

from typing import Any

from pointsman.gateway.anthropic.fields import items, kind, mapping, only, text
from pointsman.gateway.untranslatable import UntranslatableError
from pointsman_schemas.base import Json

_CACHE = "cache_control"
#: Blocks of an earlier turn that no other model can use.
THOUGHTS = ("thinking", "redacted_thinking")


def texts(value: Any, path: str) -> str | list[Json]:
    """A text, or blocks of text: one as a text, several as parts."""
    if isinstance(value, str):
        return value
    parts = [_text_part(block, place) for block, place in items(value, path)]
    return plain(parts)


def plain(parts: list[Json]) -> str | list[Json]:
    """One text as a text, and nothing as an empty one: all providers read that."""
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def part(block: Json, path: str) -> Json:
    """A text, an image or a document."""
    match kind(block, path):
        case "text":
            return _text_part(block, path)
        case "image":
            only(block, ("type", "source", _CACHE), path)
            return {"type": "image_url", "image_url": {"url": _image_url(block, f"{path}.source")}}
        case "document":
            only(block, ("type", "source", "title", _CACHE), path)
            return _document(block, f"{path}.source")
        case other:
            raise UntranslatableError(f"{path}.type", f"`{other}` has no counterpart with the providers here")


def _text_part(block: Json, path: str) -> Json:
    if kind(block, path) != "text":
        raise UntranslatableError(f"{path}.type", "must be `text` here")
    only(block, ("type", "text", "citations", _CACHE), path)  # of an earlier answer: the text stands
    return {"type": "text", "text": text(block.get("text"), f"{path}.text")}


def _image_url(block: Json, path: str) -> str:
    source = mapping(block.get("source"), path)
    match kind(source, path):
        case "base64":
            return _data_url(source, path)
        case "url":
            return text(source.get("url"), f"{path}.url")
        case other:
            raise UntranslatableError(f"{path}.type", f"an image is `base64` or `url`, not `{other}`")


def _document(block: Json, path: str) -> Json:
    source = mapping(block.get("source"), path)
    match kind(source, path):
        case "text":
            return {"type": "text", "text": text(source.get("data"), f"{path}.data")}
        case "base64":
            name = block.get("title") or "document.pdf"
            return {
                "type": "file",
                "file": {"filename": text(name, "title"), "file_data": _data_url(source, path)},
            }
        case other:
            raise UntranslatableError(f"{path}.type", f"a document is `base64` or `text`, not `{other}`")


def _data_url(source: Json, path: str) -> str:
    media = text(source.get("media_type"), f"{path}.media_type")
    return f"data:{media};base64,{text(source.get('data'), f'{path}.data')}"
