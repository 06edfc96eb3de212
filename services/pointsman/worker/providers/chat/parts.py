"""A message's content as parts (text, pictures, files) from which any format can be made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pointsman.bus.codec.request_fields import RequestFieldError, items, mapping, text
from pointsman_schemas.base import Json

#: Parameters of the media type are dropped.
_DATA_URL = re.compile(r"data:([a-zA-Z0-9.+-]{1,64}/[a-zA-Z0-9.+-]{1,64})(?:;[a-zA-Z0-9=_.-]{1,64})*;base64,")
_MARKS = [{"type": "ephemeral", **lifetime} for lifetime in ({}, {"ttl": "5m"}, {"ttl": "1h"})]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text, never empty. `mark`: the prompt is cached up to here. `native`: see `native_of`."""

    text: str
    mark: Json | None = None
    native: Json | None = None


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A picture, or a document if `is_file`: its base64 `data` of a `media_type`, or its `url`."""

    is_file: bool
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    name: str | None = None
    mark: Json | None = None
    native: Json | None = None


MessagePart = TextPart | MediaPart


def parts_of(content: Any, path: str) -> list[MessagePart]:
    """The parts of a message's content, empty texts left out."""
    if content is None:
        return []
    if isinstance(content, str):
        return [TextPart(content)] if content else []
    return [part for item, place in items(content, path) for part in _parts(item, place)]


def texts_of(content: Any, path: str) -> list[TextPart]:
    """Return the parts of content that must be text."""
    return [_text(part, path) for part in parts_of(content, path)]


def spoken_by(message: Json, path: str) -> list[MessagePart]:
    """Return the text of an earlier answer, including a refusal."""
    if message.get("audio"):
        raise RequestFieldError(f"{path}.audio", "has no counterpart there")
    words = parts_of(message.get("content"), f"{path}.content")
    if refusal := message.get("refusal"):
        words.append(TextPart(text(refusal, f"{path}.refusal")))
    return words


def add_turn(turns: list[Json], role: str, key: str, parts: list[Json]) -> None:
    """Add `parts` under `key`. A turn of the same role as the last one is merged with it.

    The formats require that for the results of several calls.
    """
    if turns and turns[-1]["role"] == role:
        turns[-1][key] += parts
    elif parts:
        turns.append({"role": role, key: parts})


def mark_of(value: Json, path: str) -> Json | None:
    """Return the mark for a prompt cache, in Anthropic's form, which others have adopted."""
    match value.get("cache_control"):
        case None:
            return None
        case dict(mark) if mark in _MARKS:
            return mark
        case _:
            raise RequestFieldError(
                f"{path}.cache_control".lstrip("."),
                'must be {"type": "ephemeral"}, with a ttl of 5m or 1h if any',
            )


def native_of(value: Json, path: str) -> Json | None:
    """Return the fields that only Anthropic has; adapters for other formats ignore them."""
    native = value.get("anthropic")
    return None if native is None else mapping(native, f"{path}.anthropic".lstrip("."))


def _text(part: MessagePart, path: str) -> TextPart:
    if not isinstance(part, TextPart):
        raise RequestFieldError(path, "must be text here")
    return part


def _parts(item: Json, path: str) -> Iterator[MessagePart]:
    mark = mark_of(item, path)
    match item.get("type"):
        case "text" | "refusal" as kind:
            if words := text(item.get(kind), f"{path}.{kind}"):
                yield TextPart(words, mark, native_of(item, path))
        case "image_url":
            image = item.get("image_url")
            place = f"{path}.image_url"
            yield _media(
                text(image if isinstance(image, str) else mapping(image, place).get("url"), place),
                place,
                mark=mark,
            )
        case "file":
            file = _file(mapping(item.get("file"), f"{path}.file"), f"{path}.file", mark)
            yield replace(file, native=native_of(item, path))
        case kind:
            raise RequestFieldError(f"{path}.type", f"`{kind}` has no counterpart there")


def _file(file: Json, path: str, mark: Json | None) -> MediaPart:
    if file.get("file_data") is None:
        raise RequestFieldError(path, "file ids belong to the other provider: send it as `file_data`")
    name = file.get("filename")
    named = None if name is None else text(name, f"{path}.filename")
    return _media(text(file["file_data"], f"{path}.file_data"), path, is_file=True, name=named, mark=mark)


def _media(
    url: str, path: str, *, is_file: bool = False, name: str | None = None, mark: Json | None = None
) -> MediaPart:
    if data := _DATA_URL.match(url):
        return MediaPart(is_file, media_type=data[1], data=url[data.end() :], name=name, mark=mark)
    if url.startswith(("https://", "http://")):
        return MediaPart(is_file, url=url, name=name, mark=mark)
    raise RequestFieldError(path, "must be data:TYPE;base64,DATA or an address")
