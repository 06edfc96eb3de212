"""The bytes of a record that an agent signs, and the header with the signature.

Invariants:
- Topic, `ce_id`, `ce_time` and value are signed, the first three verbatim. These contain no line feed, so no
  two records have the same signed bytes.
- A signature has one written form: changing a byte of the header changes the signature.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from pointsman.identity.keys import PrivateKey
from pointsman_schemas.envelope import SIGNATURE

#: The first line of the signed bytes: a new version of the rules needs another one.
FORM = "pointsman-signature-v1"

_HEADER = re.compile(rb"([0-9a-f]{16}):([A-Za-z0-9+/]{85}[AQgw]==)\Z")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature. `key_id`: the key that it claims, see `PublicKey.id`; `raw`: its 64 bytes."""

    key_id: str
    raw: bytes

    @classmethod
    def parse(cls, header: bytes) -> "Signature | None":
        """Parse the header's value; None if it is not a signature."""
        match = _HEADER.match(header)
        return None if match is None else cls(match[1].decode(), b64decode(match[2]))


def signed_bytes(topic: str, id: bytes, time: bytes, value: bytes | None) -> bytes:
    """Return the bytes to sign: five lines without a final line feed. `id` and `time` as in the headers.

    Raises:
        ValueError: topic, id or time contains a line feed.
    """
    parts = [FORM.encode(), topic.encode(), id, time, sha256(value or b"").hexdigest().encode()]
    if any(b"\n" in part for part in parts):
        raise ValueError("topic, ce_id and ce_time hold no line feed")
    return b"\n".join(parts)


def signature_header(
    key: PrivateKey, topic: str, headers: Iterable[tuple[str, bytes]], value: bytes | None
) -> tuple[str, bytes]:
    """Return the header that signs a record with these headers; `value`: as sent.

    Raises:
        KeyError: `ce_id` or `ce_time` is missing.
    """
    named = dict(headers)
    text = signed_bytes(topic, named["ce_id"], named["ce_time"], value)
    return SIGNATURE, f"{key.public.id}:{key.sign_bytes(text)}".encode()
