"""The encryption keys: one master key outside the database, one data key per subject.

The keyed hashes of subjects, and the digests of masked text, are derived from the master key. Content about a
subject is encrypted by its data key, which the database stores wrapped by the master key: without either, the
content cannot be decrypted.
"""

import hmac
import os
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pointsman.identity.keys import KeyUnreadableError
from pointsman.store.errors import StoreError

_NONCE = 12
_KEY = 32

#: Topic, partition and offset.
Origin = tuple[str, int, int]


class SealBrokenError(StoreError):
    """Sealed bytes were changed, or sealed with another key."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """A subject's data key. `wrapped`: its encrypted form in the database."""

    id: UUID
    subject: bytes
    wrapped: bytes = field(repr=False)
    _cipher: AESGCM = field(repr=False)
    _digest_key: bytes = field(repr=False)

    def seal(self, origin: Origin, content: bytes) -> bytes:
        """Return nonce and ciphertext (AES-256-GCM), bound to this origin."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, _bound(self.id, origin))

    def open(self, origin: Origin, sealed: bytes) -> bytes:
        """Decrypt sealed content.

        Raises:
            SealBrokenError: it was changed, moved, or sealed with another key.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _bound(self.id, origin))
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError(f"the sealed content of {origin} cannot be opened") from error

    def digest(self, record_sha256: bytes) -> bytes:
        """Return the keyed digest of a record: without the key it cannot be used to guess the content."""
        return hmac.digest(self._digest_key, record_sha256, "sha256")


class MasterKey:
    """The master key: 32 bytes from a file or the environment, never in the database."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _KEY:
            raise KeyUnreadableError(
                "a privacy key is 64 hexadecimal digits, as `audit privacy key` makes them"
            )
        self._wraps = AESGCM(_derived(secret, b"wrap"))
        self._subjects = _derived(secret, b"subject")
        self._marks = _derived(secret, b"mark")
        self._digests = _derived(secret, b"digest")

    @classmethod
    def parse(cls, text: str) -> "MasterKey":
        """Parse 64 hexadecimal digits.

        Raises:
            KeyUnreadableError: the text has another form.
        """
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""
        return cls(secret)

    def hash_of(self, subject: str) -> bytes:
        """Return the pseudonym of a subject in the database: HMAC-SHA256, 32 bytes."""
        return hmac.digest(self._subjects, subject.encode("utf-8", "surrogatepass"), "sha256")

    def mark(self, origin: Origin, rule: str, original: bytes) -> str:
        """Return a keyed digest of masked text: 16 hexadecimal digits.

        It depends on the origin, so that marks do not show that two messages held the same text.
        """
        text = b"\n".join((rule.encode(), *(str(part).encode() for part in origin), original))
        return hmac.digest(self._marks, text, "sha256")[:8].hex()

    def digest(self, record_sha256: bytes) -> bytes:
        """Return the keyed digest of a record: without the key it cannot be used to guess masked text."""
        return hmac.digest(self._digests, record_sha256, "sha256")

    def new_key(self, subject: bytes) -> DataKey:
        """Make a data key for the subject with this hash."""
        id, secret, nonce = uuid4(), os.urandom(_KEY), os.urandom(_NONCE)
        wrapped = nonce + self._wraps.encrypt(nonce, secret, id.bytes + subject)
        return _data_key(id, subject, wrapped, secret)

    def unwrap(self, id: UUID, subject: bytes, wrapped: bytes) -> DataKey:
        """Decrypt a data key from the database.

        Raises:
            SealBrokenError: it was wrapped by another master key, or changed.
        """
        try:
            secret = self._wraps.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], id.bytes + subject)
        except (InvalidTag, ValueError) as error:
            raise SealBrokenError(
                f"the key {id} was wrapped by another privacy key: look at POINTSMAN_AUDIT_PRIVACY_KEY"
            ) from error
        return _data_key(id, subject, wrapped, secret)


def new_master_key() -> str:
    """Make a master key: 64 hexadecimal digits."""
    return os.urandom(_KEY).hex()


def _data_key(id: UUID, subject: bytes, wrapped: bytes, secret: bytes) -> DataKey:
    return DataKey(id, subject, wrapped, AESGCM(secret), _derived(secret, b"digest"))


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """Derive a key for one purpose from 32 uniformly random bytes: one block of HKDF-Expand (RFC 5869)."""
    return hmac.new(secret, b"pointsman privacy 1 " + purpose + b"\x01", sha256).digest()


def _bound(key: UUID, origin: Origin) -> bytes:
    topic, partition, offset = origin
    return b"%b %b %d %d" % (key.bytes, topic.encode(), partition, offset)
