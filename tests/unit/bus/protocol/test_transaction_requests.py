"""Transaction requests: unsupported brokers are refused, and answers are decoded."""

from io import BytesIO
from struct import pack
from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion

from pointsman.bus.protocol import transaction_requests as requests
from pointsman.bus.protocol.transaction_requests import Membership, Offset, Packed, Producer, Versions
from pointsman.bus.protocol.wire import NO_TAGS, array, compact

PRODUCER = Producer(7, 3)
PLACE = ("t", 1)


def read(request: Packed, answer: bytes) -> Any:
    return request.RESPONSE_TYPE.decode(BytesIO(answer))


@pytest.mark.parametrize("versions", [{}, {26: (0, 4)}, {26: (6, 7)}])
def test_a_broker_that_does_not_know_the_version_is_not_asked(versions: dict[int, tuple[int, int]]) -> None:
    with pytest.raises(IncompatibleBrokerVersion, match="version 5 of API 26"):
        requests.end("t", PRODUCER).prepare(versions)


def test_a_commit_hands_out_the_next_epoch() -> None:
    assert read(requests.end("t", PRODUCER), pack(">ihqh", 0, 0, 7, 4) + NO_TAGS) == (0, Producer(7, 4))


def test_records_are_refused_by_partition() -> None:
    bad_record = pack(">i", 0) + compact(b"no") + NO_TAGS
    good = pack(">ihqqq", 0, 0, 5, -1, 0) + array([]) + compact(None) + NO_TAGS
    bad = pack(">ihqqq", 1, 47, -1, -1, -1) + array([bad_record]) + compact(b"old") + NO_TAGS
    answer = array([compact(b"t") + array([good, bad]) + NO_TAGS]) + pack(">i", 0) + NO_TAGS
    assert read(requests.produce("t", 1_000, {PLACE: b""}), answer) == {("t", 0): 0, ("t", 1): 47}


def test_an_offset_is_refused_by_partition() -> None:
    answer = (
        pack(">i", 0) + array([compact(b"t") + array([pack(">ih", 1, 22) + NO_TAGS]) + NO_TAGS]) + NO_TAGS
    )
    request = requests.commit_offsets("t", PRODUCER, Membership("g", "m", 4), [Offset(PLACE, 5, "")])
    assert read(request, answer) == {PLACE: 22}


def tagged(*fields: tuple[int, bytes]) -> bytes:
    return bytes([len(fields)]) + b"".join(bytes([tag, len(value)]) + value for tag, value in fields)


KNOWN = array([compact(b"metadata.version") + pack(">hh", 7, 29) + NO_TAGS])
AGREED = array([compact(b"kraft.version") + pack(">hh", 1, 1) + NO_TAGS,
                  compact(b"transaction.version") + pack(">hh", 2, 2) + NO_TAGS])  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (
            tagged((0, KNOWN), (2, AGREED)),
            Versions({"metadata.version": 29}, {"kraft.version": 1, "transaction.version": 2}),
        ),
        (NO_TAGS, Versions({}, {})),
    ],
)
def test_features_that_are_known_and_agreed_on(tags: bytes, found: Versions) -> None:
    answer = pack(">h", 0) + array([pack(">hhh", 0, 0, 13) + NO_TAGS]) + pack(">i", 0) + tags
    assert read(requests.versions(), answer) == found


def test_a_broker_without_the_request_has_no_agreed_features() -> None:
    """It answers in the oldest version, which begins with the same error code."""
    answer = pack(">hi", 35, 1) + pack(">hhh", 18, 0, 2)
    assert read(requests.versions(), answer) == Versions({}, {})
