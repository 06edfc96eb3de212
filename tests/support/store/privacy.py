"""A privacy file, records with data that it hides, and a search of the whole database for that data."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pointsman.audit.handlers import Sink
from pointsman.audit.privacy_file import PrivacyFile
from pointsman.audit.private import Privacy
from pointsman.bus.codec.emit import dead_letter
from pointsman.bus.codec.records import Incoming
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.row import Row
from pointsman.store.privacy.keyring import Sealing
from pointsman.store.privacy.sealing import MasterKey
from pointsman_schemas.dead import DeadLetter
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.reasons import Reason
from tests.support.bus.example_records import TOPICS
from tests.support.store.audit_store import audit_pool, observer
from tests.support.text.parsed import parse_privacy

MASTER = MasterKey.parse("22" * 32)
NOW = datetime(2026, 3, 12, 9, 15, tzinfo=UTC)
STAMP = int(NOW.timestamp() * 1000)
LANE = (TOPICS.intake.name, 0)

#: The value of `metadata.patient`, and values that the built-in patterns match.
PATIENT = "Wilhelmine Zzyzx"
EMAIL = "w.zzyzx@example.org"
IBAN = "DE89370400440532013000"
SECRETS = (PATIENT, EMAIL, IBAN)

#: A data subject.
SUBJECT = "patient-4711@clinic"
SUBJECT_HEADER = ("ce_datasubject", SUBJECT.encode())

MASKS = parse_privacy("""
masks:
  - {name: patient, paths: [$..metadata.patient]}
  - {name: contact, patterns: [email, iban, card, phone]}
""")
NOTHING = PrivacyFile()


def privacy(file: PrivacyFile = MASKS) -> Privacy:
    """The privacy rules as the audit service loads them."""
    return Privacy(file, MASTER, TOPICS)


def protected(record: Incoming, file: PrivacyFile = MASKS) -> Row:
    """The stored row of the record."""
    made = privacy(file)
    return made.row(record, Sealing(made.keyring))


def intake(offset: int, body: Any, *headers: tuple[str, bytes], key: bytes | None = b"k") -> Incoming:
    """A record of the intake; `body` is encoded as JSON unless it is bytes."""
    value = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    return Incoming(*LANE, offset, STAMP, key, value, headers)


def telling(offset: int, **more: Any) -> Incoming:
    """A job that contains every secret."""
    prompt = f"Write to {EMAIL} about {IBAN}."
    fields = {"agent_id": "clinic", "prompt": prompt, "metadata": {"patient": PATIENT, "ward": "7"}}
    return intake(offset, {**fields, **more})


def letter(record: Incoming, offset: int, cause: Envelope | None = None) -> Incoming:
    """The router's dead letter for a record, which quotes it."""
    why = DeadLetter(Reason.WRONG_TYPE, f"metadata.patient: {PATIENT} {EMAIL}", "router", *record.origin)
    sent = dead_letter(TOPICS.dead, record, why, cause=cause, source="pointsman/router", now=NOW)
    return Incoming(sent.topic, 0, offset, STAMP, sent.key, sent.value, tuple(sent.headers))


@asynccontextmanager
async def private_sink(dsn: str, file: PrivacyFile = MASKS) -> AsyncIterator[Sink]:
    """The audit's sink with a privacy file."""
    async with audit_pool(dsn) as pool:
        yield Sink(AuditWriter(pool), TOPICS, lambda: NOW, privacy(file))


async def store(sink: Sink, records: Sequence[Incoming], first: int | None = None) -> None:
    """Stores the records of each lane; `first`: the lanes' positions."""
    batches: dict[tuple[str, int], list[Incoming]] = {}
    for record in records:
        batches.setdefault((record.topic, record.partition), []).append(record)
    ends = {place: records[-1].offset + 1 for place, records in batches.items()}
    await sink.append(batches, dict.fromkeys(batches, first), ends)


async def corners_with(dsn: str, secret: str) -> list[str]:
    """`table.column` of every place that contains the text: plain, as bytes, or in base64."""
    raw = secret.encode()
    coded = [b64encode(b" " * shift + raw)[4 if shift else 0 : -4].decode() for shift in range(3)]
    forms = [secret, raw.hex(), *coded]
    async with observer(dsn) as connection:
        columns = await connection.fetch(
            "select relname as table, attname as column"
            " from pg_attribute join pg_class on pg_class.oid = attrelid"
            " where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') and not relispartition"
            " and attnum > 0 and not attisdropped"
        )
        return [
            f"{table}.{column}"
            for table, column in columns
            if await connection.fetchval(
                f'select exists (select from audit."{table}", unnest($1::text[]) as form'
                f' where position(form in "{column}"::text) > 0)',
                forms,
            )
        ]
