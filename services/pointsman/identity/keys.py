"""Ed25519 keys.

`cryptography` is imported with the first key, which saves 3 MB in processes without keys.
"""

from base64 import b64decode, b64encode
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from pointsman_schemas.control.checkpoints import CheckpointSigned

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class KeyUnreadableError(ValueError):
    """A text is not a valid key; the error says what it should be."""


class PublicKey:
    """Verifies signatures made with the matching private key, or with one of several."""

    def __init__(self, *keys: "Ed25519PublicKey") -> None:
        self._keys = keys

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Parse 32 bytes in base64; several keys, if one has replaced another, are separated by commas.

        Raises:
            KeyUnreadableError: the text is not a public key.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            raw = [b64decode(part.strip(), validate=True) for part in text.split(",")]
            return cls(*(Ed25519PublicKey.from_public_bytes(key) for key in raw))
        except ValueError as error:
            raise KeyUnreadableError(
                "a public key is 32 bytes in base64, as `audit key` prints it"
            ) from error

    @property
    def text(self) -> str:
        """The key's 32 bytes in base64; several are separated by commas."""
        return ",".join(b64encode(key.public_bytes_raw()).decode() for key in self._keys)

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the key's SHA-256."""
        return ",".join(sha256(key.public_bytes_raw()).hexdigest()[:16] for key in self._keys)

    def signed(self, checkpoint: CheckpointSigned) -> bool:
        """Return whether the checkpoint's signature is valid for this key."""
        return self.signed_bytes(checkpoint.signed_bytes(), checkpoint.signature)

    def signed_bytes(self, text: bytes, signature: str) -> bool:
        """Return whether the signature (base64) of these bytes is valid for this key."""
        try:
            return self.verifies(text, b64decode(signature))
        except ValueError:
            return False

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return the same as `signed_bytes` for a signature of 64 raw bytes."""
        from cryptography.exceptions import InvalidSignature

        for key in self._keys:
            with suppress(InvalidSignature):
                key.verify(signature, text)
                return True
        return False


class PrivateKey:
    """Signs. The holder of the audit's key can forge the audit, so the database's owner must not have it."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public = PublicKey(key.public_key())

    @classmethod
    def generate(cls) -> "PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "PrivateKey":
        """Parse PEM (PKCS 8), or 32 bytes in hexadecimal such as `openssl rand -hex 32` prints.

        Raises:
            KeyUnreadableError: the text is neither.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            if "-----BEGIN" in text:
                key = load_pem_private_key(text.encode(), password=None)
            else:
                key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise KeyUnreadableError(
                "a signing key is an Ed25519 private key as PEM without password, or 64 hexadecimal digits"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnreadableError(f"a signing key is of the kind Ed25519, not {type(key).__name__}")
        return cls(key)

    @property
    def pem(self) -> str:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def sign(self, checkpoint: CheckpointSigned) -> CheckpointSigned:
        named = checkpoint.model_copy(update={"key_id": self.public.id})
        return named.model_copy(update={"signature": self.sign_bytes(named.signed_bytes())})

    def sign_bytes(self, text: bytes) -> str:
        """Return the signature of the bytes in base64."""
        return b64encode(self._key.sign(text)).decode()
