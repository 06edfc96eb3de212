"""Records whose value is kept in a store: their claim, and reading them without the value."""

from dataclasses import fields

import orjson
from pydantic import ValidationError

from pointsman.bus.codec.records import Fetched, Incoming
from pointsman.bus.codec.refused import RefusedError
from pointsman_schemas.base import Json
from pointsman_schemas.claims import DATAREF, Claim, fill_in, has_dataref
from pointsman_schemas.envelope import TYPE_PREFIX
from pointsman_schemas.reasons import Reason


class LostError(RefusedError):
    """The record is valid, but its value cannot be fetched from the store."""


def claim_of(record: Incoming) -> Claim | None:
    """The claim that stands in the record instead of its value; None where the value is what it seems."""
    if not record.headers or not has_dataref(record.headers) or isinstance(record, Fetched):
        return None
    return claim_in(_body(record.value))


def stand_in(record: Incoming) -> Incoming:
    """The record as it can be read without its store: its small fields are there, its bulk is empty."""
    if not record.headers or not has_dataref(record.headers):
        return record
    body = _body(record.value)
    if body is None or claim_in(body) is None:
        return record
    kind = (dict(record.headers).get("ce_type") or b"").decode("utf-8", "replace")
    try:
        value = orjson.dumps(fill_in(kind.removeprefix(TYPE_PREFIX), body))
    except orjson.JSONEncodeError:  # deeper than can be written
        return record
    own = {field.name: getattr(record, field.name) for field in fields(Incoming)}
    return Fetched(**(own | {"value": value}), stub=record.value or b"")


def small_fields(record: Incoming) -> Json | None:
    """What stands on Kafka itself of a record whose value is kept elsewhere; None for a whole one."""
    if not record.headers or not has_dataref(record.headers):
        return None
    body = _body(record.on_kafka)
    return None if claim_in(body) is None else body


def see_whole(record: Incoming) -> None:
    """Raises: LostError, where the value is not the whole of it."""
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
    """The header by which a copy of the record's stub is known for one; none for a whole record."""
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
    """The claim in a value; None where it has none."""
    try:
        return Claim.model_validate((body or {}).get("claim"))
    except ValidationError:
        return None
