"""The data subject of a job comes from metadata or a header, and is passed on in every envelope."""

import json
from typing import Any

import pytest

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.client.job import as_record
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics
from tests.support.store.privacy import NOW, SUBJECT, SUBJECT_HEADER

ENVELOPE = (
    ("ce_specversion", b"1.0"), ("ce_id", b"0190a000-0000-7000-8000-00000000beef"), ("ce_source", b"clinic"),
    ("ce_type", b"pointsman.job.submitted.v1"),
)  # fmt: skip


def record(metadata: Any, *headers: tuple[str, bytes]) -> Incoming:
    body = {"agent_id": "clinic", "prompt": "x", "metadata": metadata}
    return Incoming("t", 0, 0, 0, None, json.dumps(body).encode(), headers)


@pytest.mark.parametrize(
    "sent",
    [
        record({"data_subject": SUBJECT}),
        record({"data_subject": SUBJECT}, *ENVELOPE),
        record(None, *ENVELOPE, SUBJECT_HEADER),
        record({"ward": "7"}, *ENVELOPE, SUBJECT_HEADER),
        record({"data_subject": SUBJECT}, *ENVELOPE, SUBJECT_HEADER),
    ],
)
def test_the_job_and_its_envelope_have_the_same_subject(sent: Incoming) -> None:
    decoded = decode_intake(sent)
    assert isinstance(decoded, Accepted)
    assert (decoded.job.data_subject, decoded.cause.data_subject) == (SUBJECT, SUBJECT)
    again = as_record(decoded.job, Topics(), NOW)
    assert dict(again.headers)["ce_datasubject"] == SUBJECT.encode()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (record({"data_subject": "another"}, *ENVELOPE, SUBJECT_HEADER), Reason.BAD_HEADERS),
        (record({"data_subject": "x" * 257}), Reason.WRONG_TYPE),
    ],
)
def test_contradictory_or_unencodable_subjects_are_refused(sent: Incoming, reason: Reason) -> None:
    decoded = decode_intake(sent)
    assert isinstance(decoded, Malformed)
    assert decoded.reason is reason


def test_a_number_is_a_valid_subject_and_other_types_are_ignored() -> None:
    named = []
    for given in (4711, "", None, True):
        decoded = decode_intake(record({"data_subject": given}))
        assert isinstance(decoded, Accepted)
        named.append(decoded.cause.data_subject)
    assert named == ["4711", None, None, None]
