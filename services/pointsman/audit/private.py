"""Makes rows that follow the privacy file: masked by its rules, sealed for their subject."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pointsman.audit.masking import Masked, Masking
from pointsman.audit.privacy_file import PrivacyFile
from pointsman.audit.records.columns import header_pairs, payload_of
from pointsman.audit.records.rows import row_of
from pointsman.audit.subjects import subject_of
from pointsman.bus.codec.records import Incoming
from pointsman.runtime.log_events import Event
from pointsman.runtime.logging import event
from pointsman.store.append.row import Row
from pointsman.store.privacy.keyring import Keyring, Sealing
from pointsman.store.privacy.privacy_note import Note
from pointsman.store.privacy.sealed_record import RecordContent, packed
from pointsman.store.privacy.sealing import DataKey, MasterKey
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.dead import ORIGINAL
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics

log = logging.getLogger(__name__)

#: Columns with text from outside; the other columns have ids, numbers and fixed words.
_TEXTS = ("agent_id", "source", "tier", "provider", "model", "policy_version", "rule")
_NAMES = (*_TEXTS, "message_id", "causation_id", "job_id", "trace_id", "kind", "status", "error_type")
_LEAST = 4
_NAMES_A_VALUE = frozenset((DATAREF, f"{ORIGINAL}{DATAREF}"))
_DIGEST = re.compile(rb"[0-9a-f]{64}\Z")


class Privacy:
    """Applies the privacy file to each row; one per process."""

    def __init__(self, file: PrivacyFile, master: MasterKey, topics: Topics) -> None:
        self._subjects = file.subjects
        self._masking = Masking(file, master, topics.prefix)
        self._master = master
        self._topics = topics
        self.keyring = Keyring(master)

    def row(self, record: Incoming, sealing: Sealing) -> Row:
        """Return the row of a record, masked and sealed. Never raises: after an error no content is kept."""
        row = self._row(record, sealing)
        claim = None if row.privacy is None else _claim_of(record)
        if row.privacy is None or claim is None:
            return row
        return row._replace(privacy=replace(Note.read(row.privacy), claim=claim).text)

    def _row(self, record: Incoming, sealing: Sealing) -> Row:
        row = row_of(record, self._topics)
        try:
            digest = row.record_sha256
            subject = subject_of(record, row.agent_id, self._subjects)
            masked = self._masked(record, row)
            if masked is not None:
                row = self._changed(row, masked)
            return row if subject is None else _sealed(row, digest, sealing.key_of(subject), subject)
        except Exception as error:
            event(log, logging.ERROR, Event.CONTENT_WITHHELD, error=type(error).__name__)
            row = row_of(record, self._topics)
            digest = self._master.digest(row.record_sha256)
            return _hidden(row, lambda _: "[masked]", None, digest, Note((Reason.INTERNAL.value,), b""))

    def _masked(self, record: Incoming, row: Row) -> Masked | None:
        topic, kind = record.topic, row.kind
        if topic == self._topics.dead.name:  # a dead letter is masked like the original record
            place = dict(record.headers).get("ce_origin") or b""
            origin = place.decode("utf-8", "replace").rpartition("@")[0].rpartition("/")[0]
            topic, kind = origin or topic, None
        rules = self._masking.rules(topic, kind)
        if not rules:
            return None
        names = {str(content) for content in (getattr(row, name) for name in _NAMES) if content is not None}
        return self._masking.mask(record, rules, names)

    def _changed(self, row: Row, masked: Masked) -> Row:
        record = masked.record
        cleaned = _cleaned(row, masked.clean)._replace(
            key=record.key,
            value=record.value,
            headers=header_pairs(record.headers),
            payload=payload_of(record.value),
            record_sha256=self._master.digest(row.record_sha256),
            privacy=Note(masked.rules, b"").text,
        )
        return cleaned.digested(record.headers)


def _claim_of(record: Incoming) -> str | None:
    """Return the digest of the large value that the record, or the original of a dead letter, refers to."""
    for name, content in record.headers:
        # Kafka allows null.
        if name in _NAMES_A_VALUE and content and (digest := _DIGEST.search(content)):
            return digest[0].decode()
    return None


def _cleaned(row: Row, clean: Callable[[str], str]) -> Row:
    """Return the row with masked text columns; `unreadable` is cut, as it may quote the whole record."""
    changed: dict[str, Any] = {
        name: clean(content) for name in _TEXTS if (content := getattr(row, name)) is not None
    }
    for name in ("message_id", "causation_id", "job_id"):
        content = getattr(row, name)
        if content is not None and clean(str(content)) != str(content):
            changed[name] = None
    if row.unreadable is not None:
        code, _, _ = row.unreadable.partition(":")
        changed["unreadable"] = f"{code}: what is wrong may quote what is not kept here"
    return row._replace(**changed)


def _sealed(row: Row, record_sha256: bytes, key: DataKey, subject: str) -> Row:
    origin = (row.topic, row.partition, row.offset)
    rules = Note.read(row.privacy).rules if row.privacy else ()

    def clean(text: str) -> str:
        hidden = text == subject or (len(subject) >= _LEAST and subject in text)
        return text.replace(subject, "[sealed]") if hidden else text

    content = key.seal(origin, packed(RecordContent(row.key, row.value, row.headers)))
    return _hidden(row, clean, content, key.digest(record_sha256), Note(rules, b"", key.subject, key.id))


def _hidden(row: Row, clean: Callable[[str], str], value: bytes | None, digest: bytes, note: Note) -> Row:
    """Return the row with `value` in place of the record's content, and its other columns masked."""
    bare = _cleaned(row, clean)._replace(key=None, value=value, headers="[]", payload=None)
    return bare._replace(record_sha256=digest, privacy=note.text).digested(())
