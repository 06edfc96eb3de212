"""Claim checks: a value that is too large for Kafka is kept in a store, and the record refers to it.

The store has the whole value, byte for byte, under its digest. The record has an abridged value: the message
without its large fields, plus the claim. The header `ce_dataref` (a CloudEvents extension) marks such a
record.
"""

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from pointsman_schemas.base import Json, Value

#: The CloudEvents extension attribute `dataref`: where the whole value is stored.
DATAREF = "ce_dataref"

#: The large fields of each message type, which an abridged value leaves out. Nested names are joined by dots.
BULK: dict[str, tuple[str, ...]] = {
    "job.submitted.v1": ("request",),
    "job.routed.v1": ("job.request",),
    "job.undecided.v1": ("job.request",),
    "call.finished.v1": ("request", "response", "response_raw"),
    "job.completed.v1": ("response",),
}

#: The first bytes of an abridged value that pointsman writes.
FRONT = b'{"claim":'

#: Placeholders for fields that were left out, so that a reader can decode the remaining fields.
STAND_INS: dict[str, Json | None] = {
    "request": {"messages": [{"role": "user"}]},
    "response": {},
    "response_raw": None,
}


class Claim(Value):
    """A reference to the whole value: its digest, size and location."""

    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    bytes: int = Field(ge=1)
    store: str = Field(
        max_length=1024,
        description="where it was stored, for people; readers use the store in their own settings",
    )

    @property
    def sha256(self) -> str:
        """The digest's 64 hexadecimal digits."""
        return self.digest.removeprefix("sha256:")


def has_dataref(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Whether the headers say that the value is in a store."""
    for name, _ in headers:  # noqa: SIM110 -- `any` makes a generator for each record
        if name == DATAREF:
            return True
    return False


def abridge(kind: str, message: Json, claim: Claim) -> Json:
    """`message`, of the type `kind`, with the claim first and without its large fields."""
    short = {"claim": claim.model_dump(), **message}
    for path in BULK[kind]:
        *way, last = path.split(".")
        node = short
        for name in way:
            inner = node.get(name)
            node[name] = node = dict(inner) if isinstance(inner, dict) else {}
        node.pop(last, None)
    return short


def readable(routed: bytes) -> bytes:
    """A recorded `job.routed.v1` made decodable: an abridged one gets a placeholder for its request."""
    if not routed.startswith(FRONT):
        return routed
    return json.dumps(fill_in("job.routed.v1", json.loads(routed))).encode()


def fill_in(kind: str, abridged: Json) -> Json:
    """An abridged value made decodable: without the claim, with placeholders for the large fields."""
    filled = {name: value for name, value in abridged.items() if name != "claim"}
    for path in BULK.get(kind, ()):
        *way, last = path.split(".")
        node = filled
        for name in way:
            inner = node.get(name)
            node[name] = node = dict(inner) if isinstance(inner, dict) else {}
        node.setdefault(last, STAND_INS[last])
    return filled
