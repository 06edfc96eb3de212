"""Where the audit database is, and as whom it is used for what."""

from pydantic import Field

from pointsman.runtime.settings import Part


class PostgresPart(Part):
    """The database's address; it may hold a password, so it stays out of what is printed."""

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
        """The address to add rows with."""
        return self.postgres_writer or self.postgres


class OwnerPart(PostgresPart):
    """The address for those who change the schema or drop whole days; no service has it."""

    postgres_owner: str = Field(
        default="", repr=False, description="address of the schema's owner; without it, `postgres`"
    )

    @property
    def owner_dsn(self) -> str:
        """The address to change the schema with."""
        return self.postgres_owner or self.postgres
