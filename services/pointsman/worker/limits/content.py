"""Measures a request: its text in bytes; its pictures, audio and files in tokens. Pure.

Knows the content parts of OpenAI's two APIs, Anthropic's and Google's; anything else counts as text.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from pointsman.worker.limits.media import decoded_size, file_tokens, picture_tokens, sound_tokens
from pointsman_schemas.base import Json

#: A request without any of these is only text, as nearly all are; its parts are not examined.
_MARKS = (b"image", b"audio", b"file", b"document", b"inline_data", b"inlineData")


@dataclass(slots=True)
class ContentSize:
    """`text` in bytes, `media` in tokens."""

    text: int
    media: int = 0


def content_of(request: Json, model: str) -> ContentSize:
    """Return the size of the request: all of its JSON as text, except its media."""
    sent = orjson.dumps(request)
    size = ContentSize(len(sent))
    if any(mark in sent for mark in _MARKS):
        _look(request, model.lower(), size)
    return size


def _look(node: Any, model: str, size: ContentSize) -> None:
    if isinstance(node, list):
        for child in node:
            _look(child, model, size)
    elif isinstance(node, dict) and not _is_medium(node, model, size):
        for child in node.values():
            _look(child, model, size)


def _is_medium(part: Json, model: str, size: ContentSize) -> bool:
    """Add the part's size if it is a picture, audio or a file; return whether it is."""
    match part:
        case {"type": "image_url" | "input_image", "image_url": {"url": str(url)} as image}:
            _picture(size, model, url, image.get("detail"))
        case {"type": "image_url" | "input_image", "image_url": str(url)}:
            _picture(size, model, url, part.get("detail"))
        case {"type": "image", "source": {"data": str(data)}}:
            _picture(size, model, data)
        case {"type": "image", "source": {"url": str(url)}}:
            _picture(size, model, url)
        case {"type": "input_image" | "image", "file_id": str()}:
            size.media += picture_tokens(model, None)
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            _file(size, model, "audio", data)
        case {"type": "file", "file": {"file_data": str(data)}} | {
            "type": "input_file",
            "file_data": str(data),
        }:
            _file(size, model, *_of_url(data, "application/pdf"))
        case {"type": "document", "source": {"type": "base64", "data": str(data)} as source}:
            _file(size, model, str(source.get("media_type")), data)
        case {"type": "file" | "input_file" | "document"} if _is_elsewhere(part):
            size.media += file_tokens(None)
        case {"inline_data": {"data": str(data)} as blob} | {"inlineData": {"data": str(data)} as blob}:
            _file(size, model, str(blob.get("mime_type") or blob.get("mimeType")), data)
        case _:
            return False
    return True


def _is_elsewhere(part: Json) -> bool:
    """Whether the part refers to a file that the request does not contain."""
    inner = part.get("file") or part.get("source") or part
    return isinstance(inner, dict) and not {"file_id", "file_url", "url"}.isdisjoint(inner)


def _picture(size: ContentSize, model: str, address: str, detail: object = None) -> None:
    _, data = _of_url(address, "")
    if address.startswith(("http:", "https:")):
        size.media += picture_tokens(model, None, low=detail == "low")
        return
    size.text -= len(data)
    size.media += picture_tokens(model, data, low=detail == "low")


def _file(size: ContentSize, model: str, kind: str, data: str) -> None:
    if kind.startswith("text/"):
        size.text += decoded_size(data) - len(data)
        return
    size.text -= len(data)
    if kind.startswith("image"):
        size.media += picture_tokens(model, data)
    elif kind.startswith("audio"):
        size.media += sound_tokens(model, data)
    else:
        size.media += file_tokens(data)


def _of_url(address: str, kind: str) -> tuple[str, str]:
    """Return media type and base64 of a `data:` URL; for anything else `kind` and the whole `address`."""
    head, comma, _ = address[:200].partition(",")
    if not head.startswith("data:") or not comma:
        return kind, address
    return head[5:].partition(";")[0], address[len(head) + 1 :]
