"""API keys, by which a gateway recognises its agents: random texts; the registry holds only their digests.

A key is `pmk_ID_SECRET`: the id lets people tell keys apart; the secret is 32 random bytes, so its digest
needs no salt and can be looked up.
"""

import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256

#: The last letter stands for four bits: a key has one written form.
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
        """From what somebody sent as a key; None if it has not the form of one, whatever else it is."""
        match = _FORM.fullmatch(text)
        return None if match is None else cls(match[1], text)

    @property
    def sha256(self) -> str:
        """Its digest in hexadecimal, as the registry has it."""
        return sha256(self.text.encode()).hexdigest()
