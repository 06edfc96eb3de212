"""What every message has in common: it is frozen, closed and names its own type and version."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

#: The first and the last time that UTC has: with an offset, the years 1 and 9999 reach beyond.
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def in_utc(time: datetime) -> datetime:
    """`time` in UTC; the first or the last that there is, where it would lie beyond."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return FIRST if time.year == 1 else LAST


def within_utc(time: datetime) -> datetime:
    """`time` as it stands, or the nearest to it that UTC has."""
    utc = in_utc(time)
    return time if utc == time else utc


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return in_utc(time).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


#: Who acts: an agent or a person. Letters, digits and `. _ : @ / -`, at most 128 characters.
AGENT_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}\Z")
AgentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$")]

#: A tier's name is part of a topic's name, so it keeps to what Kafka allows there.
TierName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]

#: A JSON object as the other side sent it.
Json = dict[str, Any]

#: A time with its zone; brought to the nearest that UTC has, where that is beyond the calendar.
Timestamp = Annotated[AwareDatetime, AfterValidator(within_utc)]


class Value(BaseModel):
    """A frozen part of a message; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Value):
    """One record's value. `type` is `<name>.v<version>`; the envelope carries it as `ce_type`."""

    TYPE: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        annotation = cls.__annotations__.get("type")
        if annotation is not None:
            (cls.TYPE,) = annotation.__args__


class NamedModel(Value):
    """A learned score, by its content."""

    name: str
    version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file's bytes")
