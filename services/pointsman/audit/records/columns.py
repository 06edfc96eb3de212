"""Makes values fit their columns: values that Postgres would refuse become null or are escaped."""

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
    """Return `[[name, value], ...]` as JSON, in order; NUL and invalid UTF-8 give `{"base64": ...}`."""
    try:
        pairs = orjson.dumps([(name, value.decode()) for name, value in headers])
    except (UnicodeDecodeError, AttributeError, TypeError):
        pairs = b"\\u0000"
    if b"\\u0000" in pairs:
        pairs = orjson.dumps([(_part(name), _part(value)) for name, value in headers])
    return pairs.decode()


def _part(part: str | bytes | None) -> str | dict[str, str] | None:
    """Encode a header's name or value; Kafka allows a value to be null."""
    if part is None:
        return None
    raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"base64": b64encode(raw).decode()} if "\0" in text else text


def payload_of(value: bytes | None) -> str | None:
    """Return the value as JSON text if jsonb accepts it, even if the message is invalid otherwise."""
    if value is None or b"\\u0000" in value:
        return None
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return value.decode() if fits_jsonb(value) else None


def reason_text(text: str) -> str:
    """Return a reason made storable and cut to a readable length, as it may quote text from outside."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_MAX_REASON]


def agent_or_none(claimed: str | None) -> str | None:
    """Return the agent's id if it has a valid form."""
    return claimed if claimed and AGENT_ID.match(claimed) else None


def time_or_none(time: datetime) -> datetime | None:
    """Return the time in UTC; None at the calendar's edges, where the conversion leaves its range."""
    if time.tzinfo is UTC:
        return time
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return None


def count_or_none(count: int | None, limit: int) -> int | None:
    """Return the count if its column can hold it."""
    return count if count is None or 0 <= count <= limit else None


def cost_or_none(cost: Decimal | None) -> Decimal | None:
    """Return the amount if `numeric` can hold it and it has no absurd number of digits."""
    if cost is None or not cost.is_finite():
        return None
    exponent = cost.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= -_MAX_EXPONENT and cost.adjusted() <= _MAX_EXPONENT
    return cost if fits else None
