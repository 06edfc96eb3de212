"""Records whose value is in the store of large values: their claims, and reading them without the value."""

from collections.abc import Iterable

import orjson
from pydantic import ValidationError

from pointsman.bus.codec.records import Fetched, Incoming
from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.base import Json
from pointsman_schemas.claims import DATAREF, Claim, fill_in, has_dataref
from pointsman_schemas.envelope import TYPE_PREFIX
from pointsman_schemas.reasons import Reason


def kind_of(headers: Iterable[tuple[str, bytes]]) -> str:
    """Return the message type in a record's headers; empty if there is none."""
    ce_type = dict(headers).get("ce_type") or b""
    return ce_type.decode("utf-8", "replace").removeprefix(TYPE_PREFIX)


class LostError(RefusedError):
    """The record is valid, but its value cannot be fetched from the store."""


def claim_of(record: Incoming) -> Claim | None:
    """Return the claim that the record has instead of its value; None if it has its value."""
    if not record.headers or not has_dataref(record.headers) or isinstance(record, Fetched):
        return None
    return claim_in(_body(record.value))


def stand_in(record: Incoming) -> Incoming:
    """Return the record as it can be read without the store, with its large fields empty."""
    if not record.headers or not has_dataref(record.headers):
        return record
    body = _body(record.value)
    if body is None or claim_in(body) is None:
        return record
    try:
        value = orjson.dumps(fill_in(kind_of(record.headers), body))
    except orjson.JSONEncodeError:  # nested too deep for orjson
        return record
    return Fetched.of(record, value)


def small_fields(record: Incoming) -> Json | None:
    """Return the fields on Kafka of a record whose value is stored; None if the record has its value."""
    if not record.headers or not has_dataref(record.headers):
        return None
    body = _body(record.on_kafka)
    return None if claim_in(body) is None else body


def see_whole(record: Incoming) -> None:
    """Check that the record has its whole value. Raises: LostError: it has not."""
    if isinstance(record, Fetched):
        if record.lost is not None:
            raise LostError(Reason.TOO_LARGE if record.too_large else Reason.MISSING_FIELD, record.lost)
        return
    claim = claim_of(record)
    if claim is not None:
        raise LostError(
            Reason.MISSING_FIELD,
            f"its value of {claim.bytes:,} bytes was put into {claim.store}, and no store is set here: "
            "set POINTSMAN_CLAIMS",
        )


def dataref(record: Incoming) -> list[tuple[str, bytes]]:
    """Return the header that marks a stub, to put on its copies; empty if the record has its value."""
    if not isinstance(record, Fetched):
        return []
    return [(name, value) for name, value in record.headers if name == DATAREF][:1]


def _body(value: bytes | None) -> Json | None:
    try:
        body = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def claim_in(body: Json | None) -> Claim | None:
    """Return the claim in a value; None if there is none."""
    try:
        return Claim.model_validate((body or {}).get("claim"))
    except ValidationError:
        return None
