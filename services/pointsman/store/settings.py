"""Settings with the audit database's address for each kind of user."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from pointsman.runtime.settings import SettingsPart

if TYPE_CHECKING:
    from pointsman.store.privacy.sealing import MasterKey


class PostgresPart(SettingsPart):
    """The database's address; it may hold a password, so it is never printed."""

    postgres: str = Field(
        default="postgresql://pointsman@127.0.0.1:15432/pointsman",
        repr=False,
        description="address of the audit database, postgresql://user:password@host:port/database; "
        "for commands that read, its user need only be a member of pointsman_auditor",
    )


class WriterPart(PostgresPart):
    """The address for the audit process, whose user need only be a member of pointsman_audit_writer."""

    postgres_writer: str = Field(
        default="", repr=False, description="address for the process that adds rows; without it, `postgres`"
    )

    @property
    def writer_dsn(self) -> str:
        return self.postgres_writer or self.postgres


class PrivacyKeyPart(SettingsPart):
    """The master key for masking and sealing: for the audit process, and for people who may read or erase."""

    audit_privacy_key: str = Field(
        default="", repr=False, description="master key for what is masked or sealed: 64 hex digits"
    )
    audit_privacy_key_file: Path | None = Field(default=None, description="a file with that key")

    @property
    def master_key(self) -> "MasterKey | None":
        """The master key; None if none is set.

        Raises:
            KeyUnreadableError: it has the wrong form.
            OSError: its file cannot be read.
        """
        from pointsman.store.privacy.sealing import MasterKey

        text = self.audit_privacy_key or (
            self.audit_privacy_key_file and self.audit_privacy_key_file.read_text()
        )
        return MasterKey.parse(text) if text else None


class EraserPart(PostgresPart, PrivacyKeyPart):
    """The address for people who erase a subject; no service has it."""

    postgres_eraser: str = Field(
        default="", repr=False, description="address for a member of pointsman_audit_eraser; else `postgres`"
    )

    @property
    def eraser_dsn(self) -> str:
        return self.postgres_eraser or self.postgres


class OwnerPart(PostgresPart):
    """The address for people who change the schema or drop days; no service has it."""

    postgres_owner: str = Field(
        default="", repr=False, description="address of the schema's owner; without it, `postgres`"
    )

    @property
    def owner_dsn(self) -> str:
        return self.postgres_owner or self.postgres
