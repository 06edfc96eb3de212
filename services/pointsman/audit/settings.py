"""The audit's settings."""

from pathlib import Path

from pydantic import Field

from pointsman.audit.heads import HeadsPart
from pointsman.bus.settings import LanePart
from pointsman.runtime.settings import HttpPart
from pointsman.store.settings import PrivacyKeyPart, WriterPart


class AuditSettings(LanePart, WriterPart, PrivacyKeyPart, HeadsPart, HttpPart):
    """Kafka, Postgres, keys, and the wait for another audit process."""

    audit_patience_s: float = Field(
        default=10,
        gt=0,
        description="a process that holds a lane without activity for this long is disconnected",
    )
    audit_key: str = Field(
        default="", repr=False, description="private key for checkpoints: Ed25519 as PEM, or 64 hex digits"
    )
    audit_key_file: Path | None = Field(default=None, description="a file with that key")
    privacy: Path | None = Field(
        default=None, description="privacy.yaml: what is masked, and who is a subject"
    )
    checkpoint_s: float = Field(default=10, gt=0, description="seconds between two signed checkpoints")
    checkpoint_rows: int = Field(
        default=10_000, gt=0, description="or after this many rows, if that is earlier"
    )
