"""A model that decisions are made by, named by its content."""

from pydantic import Field

from pointsman_schemas.base import Value


class NamedModel(Value):
    """A learned score, by its content."""

    name: str
    version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file's bytes")
