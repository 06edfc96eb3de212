"""Verifies a record's signature; the result is one of a closed set of verdicts."""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache

from pointsman.identity.keys import PublicKey
from pointsman.identity.signature import Signature, signed_bytes
from pointsman_schemas.envelope import SIGNATURE

#: How far a signature's time may be from the broker's.
GOOD_FOR = timedelta(minutes=5)
GOOD_FOR_MS = int(GOOD_FOR / timedelta(milliseconds=1))

_TIME = re.compile(rb"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COVERED = ("ce_id", "ce_time", SIGNATURE)


class SignatureVerdict(StrEnum):
    """The verdict on a record's signature."""

    VALID = "valid"
    MISSING = "missing"
    WRONG = "wrong"
    FOREIGN = "foreign"
    STALE = "stale"
    REPEATED = "repeated"


class AgentKeys:
    """The public keys of each agent, by key id; several while one replaces another."""

    def __init__(self, keys: Mapping[str, Iterable[str]]) -> None:
        """`keys`: by agent, each 32 bytes in base64.

        Raises:
            KeyUnreadableError: a text is not a public key.
        """
        read = cache(PublicKey.parse)  # a gateway's key counts for many agents
        self._keys = {agent: {key.id: key for key in map(read, texts)} for agent, texts in keys.items()}

    def listed(self) -> list[tuple[str, list[tuple[str, bytes]]]]:
        """Return each agent with the ids and 32 bytes of its keys."""
        return [
            (agent, [(id, b64decode(key.text)) for id, key in keys.items()])
            for agent, keys in self._keys.items()
        ]

    def key(self, agent_id: str, key_id: str) -> PublicKey | None:
        return self._keys.get(agent_id, {}).get(key_id)


@dataclass(frozen=True, slots=True)
class Verified:
    """A verdict. If it is valid: `time_ms`, the signature's time since 1970, and `raw`, its 64 bytes."""

    verdict: SignatureVerdict
    time_ms: int = 0
    raw: bytes = b""


def verify(
    keys: AgentKeys,
    agent_id: str,
    topic: str,
    headers: Iterable[tuple[str, bytes]],
    value: bytes | None,
    *,
    at_ms: int | None,
) -> Verified:
    """Verify that `agent_id` signed this record; never raises.

    `at_ms`: the broker's time in milliseconds since 1970; None if the record does not have it. Repeated
    signatures are detected by `UsedSignatures`.
    """
    covered: dict[str, bytes] = {}
    for name, text in headers:
        if name in _COVERED:
            if name in covered or not isinstance(text, bytes):
                return Verified(SignatureVerdict.WRONG)
            covered[name] = text
    if SIGNATURE not in covered:
        return Verified(SignatureVerdict.MISSING)
    signature = Signature.parse(covered[SIGNATURE])
    if signature is None or len(covered) < len(_COVERED):
        return Verified(SignatureVerdict.WRONG)
    key = keys.key(agent_id, signature.key_id)
    if key is None:
        return Verified(SignatureVerdict.FOREIGN)
    time_ms = time_of(covered["ce_time"])
    try:
        text = signed_bytes(topic, covered["ce_id"], covered["ce_time"], value)
    except ValueError:
        return Verified(SignatureVerdict.WRONG)
    if time_ms is None or not key.verifies(text, signature.raw):
        return Verified(SignatureVerdict.WRONG)
    if at_ms is None or abs(at_ms - time_ms) > GOOD_FOR_MS:
        return Verified(SignatureVerdict.STALE)
    return Verified(SignatureVerdict.VALID, time_ms, signature.raw)


def time_of(text: bytes) -> int | None:
    """Return milliseconds since 1970 from an RFC 3339 time; None if it is invalid or out of range."""
    if not _TIME.match(text):
        return None
    try:
        return (datetime.fromisoformat(text.decode().upper()) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
