"""What is signed and how, and that changing any byte is detected."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import Signature, signature_header, signed_bytes
from pointsman.identity.verify import AgentKeys, SignatureVerdict, Verified, time_of, verify
from pointsman_schemas.envelope import SIGNATURE

KEY, OTHER = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
KEYS = AgentKeys({"billing": [KEY.public.text], "thief": [OTHER.public.text], "keyless": []})
TOPIC = "pointsman.jobs.intake"
ID, TIME = b"01a213d7-567b-7bca-934b-87fe6e5e557b", b"2026-11-25T17:53:29.000000Z"
VALUE = b'{"agent_id":"billing","prompt":"Name three primes."}'
AT_MS = 1_795_629_209_000

Headers = tuple[tuple[str, bytes], ...]


def signed(key: PrivateKey = KEY, *, time: bytes = TIME) -> Headers:
    own = (("ce_id", ID), ("ce_time", time))
    return (*own, signature_header(key, TOPIC, own, VALUE))


def verdict(headers: Headers, agent: str = "billing", *, at_ms: int | None = AT_MS) -> SignatureVerdict:
    return verify(KEYS, agent, TOPIC, headers, VALUE, at_ms=at_ms).verdict


def test_the_signed_bytes_and_the_signature_are_those_of_the_contract() -> None:
    text = signed_bytes(TOPIC, ID, TIME, VALUE)
    assert text.decode().split("\n") == [
        "pointsman-signature-v1",
        "pointsman.jobs.intake",
        "01a213d7-567b-7bca-934b-87fe6e5e557b",
        "2026-11-25T17:53:29.000000Z",
        "9da36f94a7503a442c772ede642b336e9de11c36147b456d68f5f3b338890d19",
    ]
    assert dict(signed())[SIGNATURE] == (
        b"10ba682c8ad13513:AtI+CIYE9tZhBot6pC6phH+8TBHTnaduCGAR73VRpl2+cGIO3QZ/pdxPBIBo12fthGGyu1Bu4kfLTRNC8ZC5Bw=="
    )


def test_a_signature_of_the_agents_own_key_is_valid() -> None:
    verified = verify(KEYS, "billing", TOPIC, signed(), VALUE, at_ms=AT_MS)
    assert (verified.verdict, verified.time_ms, len(verified.raw)) == (SignatureVerdict.VALID, AT_MS, 64)


def test_reasons_for_refusal() -> None:
    assert verdict(signed()[:2]) is SignatureVerdict.MISSING
    assert verdict(signed(OTHER)) is SignatureVerdict.FOREIGN
    assert verdict(signed(), "thief") is SignatureVerdict.FOREIGN
    assert verdict(signed(), "keyless") is SignatureVerdict.FOREIGN
    assert verdict(signed(), "nobody") is SignatureVerdict.FOREIGN
    assert verdict(signed()[1:]) is SignatureVerdict.WRONG
    assert verdict((*signed(), ("ce_id", ID))) is SignatureVerdict.WRONG
    assert verdict((*signed(), signed()[2])) is SignatureVerdict.WRONG
    assert verdict((*signed()[:2], (SIGNATURE, b""))) is SignatureVerdict.WRONG
    assert verdict(signed(), at_ms=None) is SignatureVerdict.STALE


@pytest.mark.parametrize("sign", [1, -1])
def test_a_signature_is_valid_within_five_minutes_of_the_brokers_time(sign: int) -> None:
    assert verdict(signed(), at_ms=AT_MS + sign * 300_000) is SignatureVerdict.VALID
    assert verdict(signed(), at_ms=AT_MS + sign * 300_001) is SignatureVerdict.STALE


def test_another_agents_key_under_the_own_key_id_is_refused() -> None:
    """A key id is short enough to be found by trying, so the key itself is compared."""
    id, _, signature = dict(signed(OTHER))[SIGNATURE].partition(b":")
    forged = KEY.public.id.encode() + b":" + signature
    assert id != KEY.public.id.encode()
    assert verdict((*signed()[:2], (SIGNATURE, forged))) is SignatureVerdict.WRONG


def test_two_keys_are_valid_during_a_rotation() -> None:
    keys = AgentKeys({"billing": [KEY.public.text, OTHER.public.text]})
    for key in (KEY, OTHER):
        assert (
            verify(keys, "billing", TOPIC, signed(key), VALUE, at_ms=AT_MS).verdict is SignatureVerdict.VALID
        )


def test_times_as_other_languages_write_them() -> None:
    """JavaScript writes milliseconds, Go as many digits as needed."""
    for text in (b"2026-11-25T17:53:29Z", b"2026-11-25T17:53:29.000Z", b"2026-11-25T18:53:29.0000001+01:00"):
        assert time_of(text) == AT_MS, text
        assert verdict(signed(time=text)) is SignatureVerdict.VALID
    for text in (b"", b"2026-11-25", b"2026-11-25 17:53:29Z", b"2026-11-25T17:53:29", b"2026-13-25T17:53:29Z",
                 b"0001-01-01T00:00:00+23:59"):  # fmt: skip
        assert verdict(signed(time=text)) is not SignatureVerdict.VALID


def test_a_line_feed_cannot_move_what_is_signed() -> None:
    with pytest.raises(ValueError, match="line feed"):
        signed_bytes(TOPIC, ID + b"\n", TIME, VALUE)
    # The same signed bytes, were the lines not counted: refused before they are made.
    headers = (("ce_id", ID + b"\n" + TIME), ("ce_time", TIME), signed()[2])
    assert verdict(headers) is SignatureVerdict.WRONG


PARTS = {
    "topic": TOPIC.encode(),
    "id": ID,
    "time": TIME,
    "value": VALUE,
    "signature": dict(signed())[SIGNATURE],
}
#: Each bit alone, and some of them at once.
CHANGES = (*(1 << bit for bit in range(8)), 0xFF, 0x0F, 0x03)


@pytest.mark.parametrize("part", PARTS)
def test_changing_any_byte_is_refused(part: str) -> None:
    for place, byte in enumerate(PARTS[part]):
        for change in CHANGES:
            changed = bytearray(PARTS[part])
            changed[place] = byte ^ change
            parts = PARTS | {part: bytes(changed)}
            verified = verify(
                KEYS,
                "billing",
                parts["topic"].decode("latin-1"),
                (("ce_id", parts["id"]), ("ce_time", parts["time"]), (SIGNATURE, parts["signature"])),
                parts["value"],
                at_ms=AT_MS,
            )
            assert verified in (Verified(SignatureVerdict.WRONG), Verified(SignatureVerdict.FOREIGN)), place


@given(st.binary(max_size=200), st.binary(max_size=40), st.binary(max_size=40))
def test_nothing_raises(signature: bytes, id: bytes, time: bytes) -> None:
    headers = (("ce_id", id), ("ce_time", time), (SIGNATURE, signature))
    assert verdict(headers) is not SignatureVerdict.VALID
    assert verdict((*headers[:2], (SIGNATURE, KEY.public.id.encode() + b":" + b64encode(b"0" * 64)))) in (
        SignatureVerdict.WRONG,
        SignatureVerdict.STALE,
    )


def test_a_signature_has_one_written_form() -> None:
    text = dict(signed())[SIGNATURE]
    assert Signature.parse(text) is not None
    last = text[-3:-2]
    for other in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        if bytes([other]) != last:  # four of them would decode to the same 64 bytes
            assert verdict((*signed()[:2], (SIGNATURE, text[:-3] + bytes([other]) + b"=="))) is (
                SignatureVerdict.WRONG
            )


def test_the_vector_is_at_this_time() -> None:
    assert datetime(2026, 11, 25, 17, 53, 29, tzinfo=UTC) == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        milliseconds=AT_MS
    )
