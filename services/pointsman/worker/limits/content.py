"""What of a request is text, and what the pictures, sounds and files in it take: pure.

The parts of OpenAI's two APIs, of Anthropic's and of Google's; what is none of them counts as text.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from pointsman.worker.limits.media import decoded_size, file_tokens, picture_tokens, sound_tokens
from pointsman_schemas.base import Json

#: A request without any of these in it is text: nearly all are.
_MARKS = (b"image", b"audio", b"file", b"document", b"inline_data", b"inlineData")


@dataclass(slots=True)
class ContentSize:
    """`text` in bytes, `media` in tokens."""

    text: int
    media: int = 0


def content_of(request: Json, model: str) -> ContentSize:
    """The request's text, with all of its JSON, and its media."""
    sent = orjson.dumps(request)
    found = ContentSize(len(sent))
    if any(mark in sent for mark in _MARKS):
        _look(request, model.lower(), found)
    return found


def _look(node: Any, model: str, found: ContentSize) -> None:
    if isinstance(node, list):
        for child in node:
            _look(child, model, found)
    elif isinstance(node, dict) and not _is_medium(node, model, found):
        for child in node.values():
            _look(child, model, found)


def _is_medium(part: Json, model: str, found: ContentSize) -> bool:
    """Count the part, if it is a picture, a sound or a file."""
    match part:
        case {"type": "image_url" | "input_image", "image_url": {"url": str(url)} as image}:
            _picture(found, model, url, image.get("detail"))
        case {"type": "image_url" | "input_image", "image_url": str(url)}:
            _picture(found, model, url, part.get("detail"))
        case {"type": "image", "source": {"data": str(data)}}:
            _picture(found, model, data)
        case {"type": "image", "source": {"url": str(url)}}:
            _picture(found, model, url)
        case {"type": "input_image" | "image", "file_id": str()}:
            found.media += picture_tokens(model, None)
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            _file(found, model, "audio", data)
        case {"type": "file", "file": {"file_data": str(data)}} | {
            "type": "input_file",
            "file_data": str(data),
        }:
            _file(found, model, *_of_url(data, "application/pdf"))
        case {"type": "document", "source": {"type": "base64", "data": str(data)} as source}:
            _file(found, model, str(source.get("media_type")), data)
        case {"type": "file" | "input_file" | "document"} if _is_elsewhere(part):
            found.media += file_tokens(None)
        case {"inline_data": {"data": str(data)} as blob} | {"inlineData": {"data": str(data)} as blob}:
            _file(found, model, str(blob.get("mime_type") or blob.get("mimeType")), data)
        case _:
            return False
    return True


def _is_elsewhere(part: Json) -> bool:
    """Whether the request names a file that it does not hold."""
    inner = part.get("file") or part.get("source") or part
    return isinstance(inner, dict) and not {"file_id", "file_url", "url"}.isdisjoint(inner)


def _picture(found: ContentSize, model: str, address: str, detail: object = None) -> None:
    _, data = _of_url(address, "")
    if address.startswith(("http:", "https:")):
        found.media += picture_tokens(model, None, low=detail == "low")
        return
    found.text -= len(data)
    found.media += picture_tokens(model, data, low=detail == "low")


def _file(found: ContentSize, model: str, kind: str, data: str) -> None:
    if kind.startswith("text/"):
        found.text += decoded_size(data) - len(data)
        return
    found.text -= len(data)
    if kind.startswith("image"):
        found.media += picture_tokens(model, data)
    elif kind.startswith("audio"):
        found.media += sound_tokens(model, data)
    else:
        found.media += file_tokens(data)


def _of_url(address: str, kind: str) -> tuple[str, str]:
    """The type and the base64 in a `data:` address; `kind` and all of it where it is none."""
    head, comma, _ = address[:200].partition(",")
    if not head.startswith("data:") or not comma:
        return kind, address
    return head[5:].partition(";")[0], address[len(head) + 1 :]
