"""One record as the audit table holds it."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.store.append.chapters import kafka_topic
from pointsman.store.append.record import HeaderPairs, record_digest
from pointsman.store.privacy.privacy_note import Note


class Row(NamedTuple):
    """The columns of `audit.message`, without `recorded_at`, the database's own clock, and `chain`.

    `headers` and `payload` are JSON texts; `value` and `key` are the exact bytes; `record_sha256` is the
    digest of the whole Kafka record (see record.py). If `privacy` has a note (privacy_note.py), value, key
    and headers were changed or sealed, and the digest is a keyed one.
    """

    topic: str
    partition: int
    offset: int
    message_id: UUID | None
    causation_id: UUID | None
    job_id: UUID | None
    trace_id: str | None
    kind: str | None
    agent_id: str | None
    source: str | None
    attempt: int | None
    tier: str | None
    provider: str | None
    model: str | None
    policy_version: str | None
    rule: str | None
    status: str | None
    error_type: str | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: Decimal | None
    duration_ms: float | None
    produced_at: datetime | None
    broker_at: datetime
    key: bytes | None
    value: bytes | None
    headers: str
    payload: str | None
    unreadable: str | None
    timestamp_ms: int
    record_sha256: bytes
    privacy: str | None = None

    def without_payload(self, reason: str) -> "Row":
        """Return the row for a record whose payload Postgres refused."""
        return self._replace(payload=None, unreadable=reason)

    def only_bytes(self, reason: str) -> "Row":
        """Return the row for a record of which only position, time and bytes can be stored.

        The digest is computed from these; `unreadable` has the digest of the original record.
        """
        columns = Row._fields[Row._fields.index("message_id") : Row._fields.index("broker_at")]
        nothing: dict[str, Any] = dict.fromkeys(columns)
        came = f"{reason}; its digest was {self.record_sha256.hex()}"
        bare = self._replace(**nothing, headers="[]", payload=None, unreadable=came)
        return bare.digested(())

    def without_value(self, reason: str) -> "Row":
        """Return the row as `only_bytes` does, without key and value."""
        bare = self.only_bytes(reason)
        return bare._replace(key=None, value=None).digested(())

    def digested(self, headers: HeaderPairs) -> "Row":
        """Return the row with a digest of its columns and `headers`, in the privacy note if it has one."""
        origin = (kafka_topic(self.topic), self.partition, self.offset)
        digest = record_digest(origin, self.timestamp_ms, self.key, self.value, headers)
        if self.privacy is None:
            return self._replace(record_sha256=digest)
        return self._replace(privacy=replace(Note.read(self.privacy), stored=digest).text)
