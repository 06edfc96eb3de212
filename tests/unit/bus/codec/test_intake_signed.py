"""A signed record always means the same job, whatever its unsigned parts say."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import sign, verify_record
from pointsman.client.job import as_record, make_job
from pointsman.identity.keys import PrivateKey
from pointsman.identity.verify import AgentKeys, SignatureVerdict
from pointsman_schemas.ids import signed_job_id
from pointsman_schemas.reasons import Reason
from tests.support.router.router_lanes import NOW, TOPICS

KEY = PrivateKey.parse("11" * 32)
KEYS = AgentKeys({"billing": [KEY.public.text]})
ID = UUID("01a213d7-567b-7bca-934b-87fe6e5e557b")
OWN: tuple[tuple[str, bytes], ...] = (
    ("ce_specversion", b"1.0"),
    ("ce_id", str(ID).encode()),
    ("ce_source", b"billing"),
    ("ce_type", b"pointsman.job.submitted.v1"),
    ("ce_time", b"2026-11-25T17:53:29Z"),
    ("ce_signature", b"any"),
)


def record(*more: tuple[str, bytes], partition: int = 0, **fields: object) -> Incoming:
    value = json.dumps({"agent_id": "billing", "prompt": "p", **fields}).encode()
    return Incoming(TOPICS.intake.name, partition, 7, 0, None, value, (*OWN, *more))


def test_the_job_id_follows_from_the_message_not_its_position() -> None:
    for partition in (0, 3):
        read = decode_intake(record(partition=partition))
        assert isinstance(read, Accepted)
        assert (read.job.job_id, read.explicit_id) == (signed_job_id("billing", ID), True)
    unsigned = replace(record(), headers=OWN[:-1])
    plain = decode_intake(unsigned)
    assert isinstance(plain, Accepted)
    assert not plain.explicit_id


def test_a_chosen_job_id_must_be_signed() -> None:
    own = UUID(int=7 << 76 | 2 << 62 | 9)
    read = decode_intake(record(job_id=str(own)))
    assert isinstance(read, Accepted)
    assert read.job.job_id == own


@pytest.mark.parametrize("fields", [{}, {"prompt": 5}, {"agent_id": 5}])
def test_an_unsigned_header_cannot_set_the_job_id(fields: dict[str, Any]) -> None:
    """Headers are not signed, so somebody who copies a record could change them."""
    read = decode_intake(record(("ce_jobid", str(ID).encode()), **fields))
    assert isinstance(read, Malformed)
    assert read.job_id is None
    if not fields:
        assert read.reason is Reason.BAD_HEADERS


def test_records_of_our_client_are_valid() -> None:
    job = make_job({"agent_id": "billing", "prompt": "p"}, {}, None, NOW, largest=1_000_000)
    sent = sign(as_record(job, TOPICS, NOW), KEY)
    at_ms = int(NOW.timestamp() * 1000)
    came = Incoming(sent.topic, 0, 0, at_ms, sent.key, sent.value, tuple(sent.headers), by_broker=True)
    assert verify_record(came, "billing", KEYS).verdict is SignatureVerdict.VALID
    assert isinstance(decode_intake(came), Accepted)
    # A time that the writer chose says nothing about when it came.
    assert verify_record(replace(came, by_broker=False), "billing", KEYS).verdict is SignatureVerdict.STALE
