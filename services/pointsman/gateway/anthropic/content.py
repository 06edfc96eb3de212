"""Converts Anthropic's content blocks to parts of a chat message.

Cache marks are kept in place; other fields that only Anthropic has are kept under `anthropic`. Adapters for
other formats drop both.
"""

from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, items, kind, mapping, only, plain, text
from pointsman_schemas.base import Json

_CACHE = "cache_control"
#: The key for fields that only Anthropic has.
NATIVE = "anthropic"
_UNCITED = {"enabled": False}
#: Blocks of an earlier turn that only the model that wrote them can read.
THOUGHTS = ("thinking", "redacted_thinking")


def texts(value: Any, path: str) -> str | list[Json]:
    """A text, or blocks of text: one plain block becomes a text, several become parts."""
    if isinstance(value, str):
        return value
    return plain(marked(_text_part(block, place), block, place) for block, place in items(value, path))


def content_of(value: Any, path: str) -> str | list[Json]:
    """Convert like `texts`, with images and documents allowed too."""
    if isinstance(value, str):
        return value
    return plain(part(block, place) for block, place in items(value, path))


def marked(translated: Json, block: Json, path: str) -> Json:
    """Return `translated` with the block's mark for the prompt cache, if it has one."""
    mark = block.get(_CACHE)
    if mark is None:
        return translated
    return {**translated, _CACHE: mapping(mark, f"{path}.{_CACHE}".lstrip("."))}


def part(block: Json, path: str) -> Json:
    """Convert a block of text, an image or a document."""
    return marked(_part(block, path), block, path)


def _part(block: Json, path: str) -> Json:
    match kind(block, path):
        case "text":
            return _text_part(block, path)
        case "image":
            only(block, ("type", "source", _CACHE), path)
            return {"type": "image_url", "image_url": {"url": _image_url(block, f"{path}.source")}}
        case "document":
            allowed = ("type", "source", "title", "context", _CACHE)
            only(block, (*allowed, "citations") if block.get("citations") == _UNCITED else allowed, path)
            return _document(block, path)
        case other:
            raise RequestFieldError(f"{path}.type", f"`{other}` has no counterpart with the providers here")


def _text_part(block: Json, path: str) -> Json:
    if kind(block, path) != "text":
        raise RequestFieldError(f"{path}.type", "must be `text` here")
    only(block, ("type", "text", "citations", _CACHE), path)  # citations of an earlier answer are dropped
    return {"type": "text", "text": text(block.get("text"), f"{path}.text")}


def _image_url(block: Json, path: str) -> str:
    source = mapping(block.get("source"), path)
    match kind(source, path):
        case "base64":
            return _data_url(source, path)
        case "url":
            return text(source.get("url"), f"{path}.url")
        case other:
            raise RequestFieldError(f"{path}.type", f"an image is `base64` or `url`, not `{other}`")


def _document(block: Json, within: str) -> Json:
    source, path = mapping(block.get("source"), f"{within}.source"), f"{within}.source"
    title = None if block.get("title") is None else text(block["title"], f"{within}.title")
    native = {"type": "document", "title": title}
    if block.get("context") is not None:
        native["context"] = text(block["context"], f"{within}.context")
    match kind(source, path):
        case "text":
            return {"type": "text", "text": text(source.get("data"), f"{path}.data"), NATIVE: native}
        case "base64":
            file = {"filename": title or "document.pdf", "file_data": _data_url(source, path)}
            return {"type": "file", "file": file, NATIVE: native}
        case "url":
            address = text(source.get("url"), f"{path}.url")
            file = {"filename": title or "document.pdf", "file_data": address}
            return {"type": "file", "file": file, NATIVE: native}
        case other:
            raise RequestFieldError(f"{path}.type", f"a document is `base64`, `text` or `url`, not `{other}`")


def _data_url(source: Json, path: str) -> str:
    media = text(source.get("media_type"), f"{path}.media_type")
    return f"data:{media};base64,{text(source.get('data'), f'{path}.data')}"
