"""API keys, by which a gateway recognises its agents: random texts; the registry has only their digests.

A key is `pmk_ID_SECRET`: the id lets people tell keys apart; the secret is 32 random bytes, so its digest
needs no salt and can be looked up.
"""

import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256

#: The last letter encodes four bits only, so that each key has exactly one text.
_FORM = re.compile(r"pmk_([0-9a-f]{12})_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """An API key. `id`: its public part."""

    id: str
    text: str = field(repr=False)

    @classmethod
    def make(cls) -> "ApiKeyText":
        # A letter first: YAML reads digits alone, or `12e45`, as a number.
        id = secrets.choice("abcdef") + secrets.token_hex(6)[1:]
        secret = urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
        return cls(id, f"pmk_{id}_{secret}")

    @classmethod
    def parse(cls, text: str) -> "ApiKeyText | None":
        """Parse the text of a key; None if it has another form."""
        match = _FORM.fullmatch(text)
        return None if match is None else cls(match[1], text)

    @property
    def sha256(self) -> str:
        """Its digest in hexadecimal, as in the registry."""
        return sha256(self.text.encode()).hexdigest()
