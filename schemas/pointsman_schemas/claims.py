"""A claim check: what stands on Kafka in place of a value that is too large for it.

The whole value, byte for byte, lies in a store under its digest. On Kafka the value is an abridgement: the
message without its bulky fields, and the claim. The header `ce_dataref` (CloudEvents' own extension for this)
says that it is one.
"""

import json
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, StringConstraints

from pointsman_schemas.base import Json, Value

#: CloudEvents' extension attribute `dataref`: where the data is that the record does not carry.
DATAREF = "ce_dataref"

#: Where the bulk of each message type is: what an abridgement leaves out, dots between nested names.
BULK: dict[str, tuple[str, ...]] = {
    "job.submitted.v1": ("request",),
    "job.routed.v1": ("job.request",),
    "job.undecided.v1": ("job.request",),
    "call.finished.v1": ("request", "response", "response_raw"),
    "job.completed.v1": ("response",),
}

#: What an abridgement of ours begins with.
FRONT = b'{"claim":'

#: The least that stands for a field that was left out, where a reader needs the small fields alone.
STAND_INS: dict[str, Json | None] = {
    "request": {"messages": [{"role": "user"}]},
    "response": {},
    "response_raw": None,
}


class Claim(Value):
    """The value of the record: its digest, its size, and where it was put, for people."""

    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
    bytes: int = Field(ge=1)
    store: str = Field(max_length=1024, description="where it was put; readers look in the store they know")

    @property
    def sha256(self) -> str:
        """The digest's 64 hexadecimal digits."""
        return self.digest.removeprefix("sha256:")


def has_dataref(headers: Iterable[tuple[str, bytes]]) -> bool:
    """Whether the headers say that the data is elsewhere."""
    for name, _ in headers:  # noqa: SIM110 -- `any` makes a generator for each record
        if name == DATAREF:
            return True
    return False


def abridge(kind: str, message: Json, claim: Claim) -> Json:
    """`message`, of the type `kind`, with the claim in front and without its bulk."""
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
    """A `job.routed.v1` as it is on record, to be read as one: of an abridgement all but the request."""
    if not routed.startswith(FRONT):
        return routed
    return json.dumps(fill_in("job.routed.v1", json.loads(routed))).encode()


def fill_in(kind: str, abridged: Json) -> Json:
    """An abridgement that can be read as a message: without its claim, with stand-ins for its bulk."""
    filled = {name: value for name, value in abridged.items() if name != "claim"}
    for path in BULK.get(kind, ()):
        *way, last = path.split(".")
        node = filled
        for name in way:
            inner = node.get(name)
            node[name] = node = dict(inner) if isinstance(inner, dict) else {}
        node.setdefault(last, STAND_INS[last])
    return filled
