"""A dead letter repeats a record up to a limit, and states its original size."""

from datetime import UTC, datetime
from hashlib import sha256

import pytest

from pointsman.bus.codec.emit import KEPT_BYTES, MAX_LETTER_BYTES, dead_letter
from pointsman.bus.codec.records import Incoming
from pointsman_schemas import dead
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

TOPICS = Topics("t")


def letter(value: bytes | None) -> tuple[bytes | None, dict[str, bytes]]:
    record = Incoming(TOPICS.intake.name, 0, 7, 0, b"k", value, ())
    about = dead.DeadLetter(Reason.TOO_LARGE, "too large", "router", *record.origin)
    sent = dead_letter(
        TOPICS.dead, record, about, cause=None, source="test", now=datetime(2026, 3, 12, tzinfo=UTC)
    )
    return sent.value, dict(sent.headers)


@pytest.mark.parametrize("value", [None, b"", b"x", b"x" * MAX_LETTER_BYTES])
def test_a_value_within_the_limit_is_copied(value: bytes | None) -> None:
    kept, headers = letter(value)
    assert kept == value
    assert dead.VALUE_BYTES not in headers


def test_a_larger_value_is_truncated_with_size_and_digest() -> None:
    value = b"0123456789" * (MAX_LETTER_BYTES // 10 + 1)
    kept, headers = letter(value)
    assert kept == value[:KEPT_BYTES]
    assert headers[dead.VALUE_BYTES] == str(len(value)).encode()
    assert headers[dead.VALUE_SHA256] == sha256(value).hexdigest().encode()
