"""Weak public keys, for which anybody can sign, are refused."""

from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from pointsman.identity.keys import PrivateKey
from pointsman_schemas.control.registry import _WEAK, AgentEntry


def is_forged(key: bytes) -> bool:
    """Whether a signature made without a private key is valid for any of these texts."""
    public = Ed25519PublicKey.from_public_bytes(key)
    for number in range(64):
        try:
            public.verify(b"\1" + b"\0" * 63, b"%d" % number)
        except InvalidSignature:
            continue
        return True
    return False


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("point", sorted(_WEAK), ids=bytes.hex)
def test_a_weak_key_is_refused(point: bytes, sign: int) -> None:
    key = bytes([*point[:31], point[31] | sign])
    with pytest.raises(ValidationError, match="anybody can sign for this key"):
        AgentEntry(id="a", owner="o", public_keys=(b64encode(key).decode(),))


def test_the_reason_is_that_it_can_be_forged() -> None:
    assert sum(map(is_forged, _WEAK)) >= 4
    assert not is_forged(PrivateKey.generate().public._keys[0].public_bytes_raw())


def test_any_other_key_is_taken() -> None:
    AgentEntry(id="a", owner="o", public_keys=(PrivateKey.generate().public.text,))
