"""Parses a `multipart/form-data` form with a file; pure."""

import re

from pointsman.gateway.errors import invalid

_BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?')
_NAME = re.compile(rb'[; ]name="([^"]{0,64})"')
_FILE_NAME = re.compile(rb'filename="((?:[^"\\\r\n]|\\.){0,255})"')
_MOST_FIELDS = 16


def fields_of(content_type: str, content: bytes) -> dict[str, tuple[str, bytes]]:
    """Return for each field its file name (empty if it is no file) and its content.

    Raises:
        ApiError: the form is invalid.
    """
    named = _BOUNDARY.search(content_type) if content_type.startswith("multipart/form-data") else None
    if named is None:
        raise invalid("send the file as multipart/form-data, as the SDKs do", "file")
    delimiter = b"\r\n--" + named[1].encode()
    _, *parts = (b"\r\n" + content).split(delimiter)
    if not parts or not parts[-1].startswith(b"--") or len(parts) > _MOST_FIELDS + 1:
        raise invalid("the form does not end as it should, or has too many fields", "file")
    fields = {}
    for part in parts[:-1]:
        head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, file_name = _NAME.search(head), _FILE_NAME.search(head)
        if name is not None:
            raw_name = b"" if file_name is None else file_name[1]
            fields[name[1].decode(errors="replace")] = (raw_name.decode(errors="replace"), value)
    return fields
