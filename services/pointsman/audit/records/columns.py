"""Makes values fit their columns: what Postgres would refuse becomes null or is escaped."""

from base64 import b64encode
from datetime import UTC, datetime
from decimal import Decimal

import orjson

from pointsman.bus.codec.json import fits_jsonb
from pointsman_schemas.base import AGENT_ID
from pointsman_schemas.envelope import Headers

INT4_MAX = 2**31 - 1
INT8_MAX = 2**63 - 1
_MAX_EXPONENT = 100
_MAX_REASON = 2_000


def header_pairs(headers: Headers) -> str:
    """`[[name, value], ...]` as JSON, in order; what is no text, or holds NUL, is `{"base64": ...}`."""
    try:
        pairs = orjson.dumps([(name, value.decode()) for name, value in headers])
    except (UnicodeDecodeError, AttributeError, TypeError):
        pairs = b"\\u0000"
    if b"\\u0000" in pairs:
        pairs = orjson.dumps([(_part(name), _part(value)) for name, value in headers])
    return pairs.decode()


def _part(part: str | bytes | None) -> str | dict[str, str] | None:
    """One side of a header; Kafka allows a value to be null."""
    if part is None:
        return None
    raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"base64": b64encode(raw).decode()} if "\0" in text else text


def payload_of(value: bytes | None) -> str | None:
    """The value as JSON text where it is some that jsonb takes, whatever else may be wrong with it."""
    if value is None or b"\\u0000" in value:
        return None
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return value.decode() if fits_jsonb(value) else None


def reason_text(text: str) -> str:
    """A reason that quotes what somebody sent, made storable and cut to a readable length."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_MAX_REASON]


def agent_or_none(claimed: str | None) -> str | None:
    """The agent's id if it has the form of one."""
    return claimed if claimed and AGENT_ID.match(claimed) else None


def time_or_none(time: datetime) -> datetime | None:
    """The time in UTC; null for the edges of the calendar, where changing the zone leaves it."""
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return None


def count_or_none(count: int | None, limit: int) -> int | None:
    """A count that its column can hold."""
    return count if count is None or 0 <= count <= limit else None


def cost_or_none(cost: Decimal | None) -> Decimal | None:
    """An amount that `numeric` can hold; nobody's price has a hundred digits."""
    if cost is None or not cost.is_finite():
        return None
    exponent = cost.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= -_MAX_EXPONENT and cost.adjusted() <= _MAX_EXPONENT
    return cost if fits else None
