"""Where the audit database is."""

from pydantic import Field

from pointsman.runtime.settings import Part


class PostgresPart(Part):
    """The database's address; it may hold a password, so it stays out of what is printed."""

    postgres: str = Field(
        default="postgresql://pointsman@127.0.0.1:15432/pointsman",
        repr=False,
        description="address of the audit database, postgresql://user:password@host:port/database",
    )
