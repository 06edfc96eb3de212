"""Keeps a body as received, up to a limit, in a form that a record can hold. Pure."""

from base64 import b64encode
from codecs import getincrementaldecoder

from pointsman_schemas.calls import RawBody

#: Bytes kept of a body that is no answer.
MOST_OF_AN_ERROR = 64 * 1024

_UTF8 = getincrementaldecoder("utf-8")


def raw_body(content: bytes, *, whole: bool = True, most: int = MOST_OF_AN_ERROR) -> RawBody | None:
    """Return the first `most` bytes; None for an empty body. Text stays text, to be searched and masked."""
    if not content:
        return None
    whole = whole and len(content) <= most
    content = content[:most]
    try:
        text = _UTF8().decode(content, final=whole)  # the cut may be within a character
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return RawBody(encoding="base64", content=b64encode(content).decode(), whole=whole)
    return RawBody(encoding="utf-8", content=text, whole=whole)
