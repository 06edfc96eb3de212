"""Converts a CloudEvent in structured mode (attributes and data in one JSON object) to binary mode.

A record that has `ce_` headers is in binary mode, whatever its content type says.
"""

import base64
import binascii
from dataclasses import replace

from pointsman.bus.codec.decode import read_body
from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.base import Json
from pointsman_schemas.envelope import Headers
from pointsman_schemas.reasons import Reason

_MEDIA_TYPE = b"application/cloudevents+json"
#: The attributes that become headers in binary mode; others are the sender's own.
_ATTRIBUTES = (
    "specversion", "id", "source", "type", "time", "subject", "agentid", "jobid", "causationid", "attempt",
    "datasubject",
)  # fmt: skip


def is_structured(headers: Headers) -> bool:
    """Whether the value holds the attributes too."""
    media_type = b""
    for name, value in headers:
        if name.startswith("ce_"):
            return False
        if name.lower() == "content-type":
            media_type = (value or b"").partition(b";")[0].strip().lower()
    return media_type == _MEDIA_TYPE


def in_binary_mode(record: Incoming) -> tuple[Incoming, Json | None]:
    """Return the record with its attributes as headers, and its data; None if it is in binary mode already.

    Raises:
        RefusedError: the value is not JSON, its data is no JSON object, or an attribute is neither text nor
            number.
    """
    if not record.headers or not is_structured(record.headers):
        return record, None
    event = read_body(record)
    headers = [
        (f"ce_{name}", _text(name, event[name])) for name in _ATTRIBUTES if event.get(name) is not None
    ]
    if event.get("traceparent") is not None:
        headers.append(("traceparent", _text("traceparent", event["traceparent"])))
    return replace(record, headers=tuple(headers)), _data(event)


def _text(name: str, value: object) -> bytes:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise RefusedError(Reason.BAD_HEADERS, f"attribute {name} of the event must be a text")
    return str(value).encode()


def _data(event: Json) -> Json:
    data, encoded = event.get("data"), event.get("data_base64")
    if isinstance(encoded, str) and data is None:
        try:
            return parse_object(base64.b64decode(encoded, validate=True))
        except binascii.Error:
            raise RefusedError(Reason.NOT_JSON, "data_base64 of the event is not base64") from None
    if not isinstance(data, dict):
        raise RefusedError(Reason.NOT_AN_OBJECT, "data of the event is missing or not a JSON object")
    return data
