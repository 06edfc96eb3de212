"""Signs records to send, and reads the signatures of consumed ones."""

from dataclasses import replace

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import signature_header
from pointsman.identity.verify import AgentKeys, Verified, verify
from pointsman_schemas.envelope import SIGNATURE, Headers


def sign(record: Outgoing, key: PrivateKey | None) -> Outgoing:
    """Return the record with its signature; without a key as it is. Nothing may be changed afterwards."""
    if key is None:
        return record
    header = signature_header(key, record.topic, record.headers, record.value)
    return replace(record, headers=[*record.headers, header])


def is_signed(headers: Headers) -> bool:
    """Whether there is a signature, valid or not."""
    for name, _ in headers:  # noqa: SIM110 -- `any` makes a generator for each record
        if name == SIGNATURE:
            return True
    return False


def verify_record(record: Incoming, agent_id: str, keys: AgentKeys) -> Verified:
    """Verify that `agent_id` signed the record, and recently by the broker's clock."""
    at_ms = record.timestamp_ms if record.by_broker else None
    return verify(keys, agent_id, record.topic, record.headers, record.on_kafka, at_ms=at_ms)
