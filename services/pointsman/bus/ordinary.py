"""The ordinary plain job, read without building its model classes: as most records are one.

Invariants:
- What is read here, `decode_intake` accepts, and it reads the very same job from it.
- Whatever is unusual (headers, ids in another form, a deadline, an order key, a wrong type, ...) is not read
  here; `decode_intake` looks at it properly and says what is wrong, if anything is.
"""

import re
from typing import Any, NamedTuple

import orjson

from pointsman.bus.json import MAX_DEPTH, may_hold_long_integer
from pointsman.bus.records import Incoming
from pointsman_schemas.base import AGENT_ID, Json
from pointsman_schemas.jobs import SUBJECT

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_TIER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_SCALARS = frozenset((str, int, bool, float, type(None)))
#: Types that hold no number of more than 64 bits, which is read as a float in silence.
_HARMLESS = frozenset((str, int, bool, type(None)))
#: Names that mean something else than a parameter of the request.
_UNUSUAL = frozenset(("type", "request", "deadline", "order_key", "version", "schema_version", "specversion"))


class Ordinary(NamedTuple):
    """A job as JSON has it. `job_id` None: the publisher chose none. `chars`: of text in all messages."""

    job_id: str | None
    agent_id: str
    kind: str | None
    tier: str | None
    metadata: Json
    request: Json
    chars: int


def read_ordinary(record: Incoming, max_bytes: int) -> Ordinary | None:
    """The job in `record`, or None where it has to be looked at properly."""
    value = record.value
    if not value or record.headers or len(value) > max_bytes:
        return None
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH or b"\\u0000" in value:
        return None
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if type(body) is not dict or not _UNUSUAL.isdisjoint(body):
        return None
    job = _job(body)
    if job is None or (not _holds_short_integers(job) and may_hold_long_integer(value)):
        return None
    return job


def _job(body: Json) -> Ordinary | None:
    agent_id, job_id = body.pop("agent_id", None), body.pop("job_id", None)
    kind, tier = body.pop("kind", None), body.pop("tier", None)
    metadata = body.pop("metadata", None)
    if type(agent_id) is not str or AGENT_ID.match(agent_id) is None:
        return None
    if job_id is not None and (type(job_id) is not str or _UUID.match(job_id) is None):
        return None
    if kind is not None and (type(kind) is not str or not 0 < len(kind) <= 64):
        return None
    if tier is not None and (type(tier) is not str or _TIER.match(tier) is None):
        return None
    if metadata is None:
        metadata = {}
    elif (
        type(metadata) is not dict
        or len(metadata) > 64
        or SUBJECT in metadata
        or not _SCALARS.issuperset(map(type, metadata.values()))
    ):
        return None
    read = _request(body)
    return None if read is None else Ordinary(job_id, agent_id, kind, tier, metadata, *read)


def _request(body: Json) -> tuple[Json, int] | None:
    """The request with its messages first, as it is written, and the characters in them."""
    if "prompt" in body:
        prompt = body.pop("prompt")
        if type(prompt) is not str or not prompt.strip() or "messages" in body:
            return None
        return {"messages": [{"role": "user", "content": prompt}], **body}, len(prompt)
    messages = body.pop("messages", None)
    if type(messages) is not list or not messages:
        return None
    chars = 0
    for message in messages:
        length = _length(message)
        if length < 0:
            return None
        chars += length
    return {"messages": messages, **body}, chars


def _length(message: Any) -> int:
    """Characters of a message of role and text, in this order; -1 for any other."""
    if type(message) is not dict or len(message) != 2:
        return -1
    (first, role), (second, content) = message.items()
    if first != "role" or second != "content" or type(role) is not str or type(content) is not str:
        return -1
    return len(content) if 0 < len(role) <= 32 else -1


def _holds_short_integers(job: Ordinary) -> bool:
    """Whether the types alone say that no number is too long; messages are texts."""
    others = map(type, [value for name, value in job.request.items() if name != "messages"])
    return _HARMLESS.issuperset(map(type, job.metadata.values())) and _HARMLESS.issuperset(others)
