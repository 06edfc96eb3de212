"""An uploaded form with a file is parsed correctly or refused."""

import pytest

from pointsman.gateway.batches.form import fields_of
from pointsman.gateway.errors import ApiError

TYPE = "multipart/form-data; boundary=b0"


def form(*parts: bytes, end: bytes = b"--") -> bytes:
    return b"".join(b"--b0\r\n" + part + b"\r\n" for part in parts) + b"--b0" + end + b"\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\nContent-Type: x/y\r\n\r\n'
PURPOSE = b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch'


@pytest.mark.parametrize("content", [b"", b"{}", b"a\r\nb\r\n", b"--b\r\n\r\n--", b"\xff\x00\n\n"])
def test_an_uploaded_file_is_unchanged(content: bytes) -> None:
    for quoted in (TYPE, TYPE.replace("b0", '"b0"')):
        fields = fields_of(quoted, form(PURPOSE, FILE + content))
        assert fields == {"purpose": ("", b"batch"), "file": ("a.jsonl", content)}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", form(PURPOSE)),
        (TYPE, b""),
        (TYPE, form(PURPOSE, end=b"")),
        (TYPE, form(*[PURPOSE] * 100)),
    ],
)
def test_an_invalid_form_is_refused(kind: str, content: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        fields_of(kind, content)
    assert refused.value.status == 400
