"""Base classes and shared field types of all messages."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

#: The first and the last time that Python can represent in UTC. Times with an offset may lie outside.
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def in_utc(time: datetime) -> datetime:
    """`time` in UTC, clamped to `FIRST` and `LAST`."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return FIRST if time.year == 1 else LAST


def within_utc(time: datetime) -> datetime:
    """`time` unchanged if UTC can represent it, else `FIRST` or `LAST`."""
    utc = in_utc(time)
    return time if utc == time else utc


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return in_utc(time).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


#: The id of an agent or a person. Letters, digits and `. _ : @ / -`, at most 128 characters.
AGENT_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}\Z")
AgentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$")]

#: A tier's name is part of a topic name, so it uses only characters that Kafka allows there.
TierName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]

#: A JSON object as it was received.
Json = dict[str, Any]

#: A time with a time zone, clamped to the times that UTC can represent.
Timestamp = Annotated[AwareDatetime, AfterValidator(within_utc)]


class Value(BaseModel):
    """An immutable part of a message. Unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    """The value of one record. `type` is `<name>.v<version>`; the envelope repeats it in `ce_type`."""

    TYPE: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        annotation = cls.__annotations__.get("type")
        if annotation is not None:
            (cls.TYPE,) = annotation.__args__


class NamedModel(Value):
    """A model file, identified by its content."""

    name: str
    version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file")
