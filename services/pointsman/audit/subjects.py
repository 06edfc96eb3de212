"""Finds a record's data subject: the one that it names, else the one that the privacy file gives."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

import orjson

from pointsman.audit.privacy_file import Subject
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.dead import ORIGINAL
from pointsman_schemas.envelope import DATA_SUBJECT
from pointsman_schemas.jobs import subject_in

_HEADERS = frozenset((DATA_SUBJECT, f"{ORIGINAL}{DATA_SUBJECT}"))
_SAID = re.compile(rb'"data_subject"\s*:\s*(?:"((?:[^"\\]|\\.)+)|([^"\s,}\]]+))')


def subject_of(record: Incoming, agent_id: str | None, rules: Sequence[Subject]) -> str | None:
    """Return the subject's name; None if there is none. Also works on records that cannot be decoded."""
    for name, content in record.headers:
        if name in _HEADERS and content:
            return content.decode("utf-8", "surrogateescape")
    value = record.value or b""
    return _in_body(value) or _by_rules(value, agent_id, rules)


def _in_body(value: bytes) -> str | None:
    if b"data_subject" not in value and b"\\u" not in value:
        return None
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return _amid_rubble(value)
    if not isinstance(body, dict):
        return None
    job = body.get("job")
    inner = job.get("metadata") if isinstance(job, dict) else None
    return subject_in(body.get("metadata")) or subject_in(inner)


def _amid_rubble(value: bytes) -> str | None:
    """Return the subject named in a value that is truncated or otherwise not JSON."""
    hit = _SAID.search(value)
    if hit is None:
        return None
    name: bytes = hit[1] or hit[2]
    try:
        return str(orjson.loads(b'"%b"' % name))
    except orjson.JSONDecodeError:
        return name.decode("utf-8", "surrogateescape")


def _by_rules(value: bytes, agent_id: str | None, rules: Sequence[Subject]) -> str | None:
    for rule in rules:
        if rule.agent is not None and fnmatchcase(agent_id or "", rule.agent):
            return rule.subject
        if rule.query is not None and (subject := _at(rule, value)):
            return subject
    return None


def _at(rule: Subject, value: bytes) -> str | None:
    from jsonpath_rfc9535 import JSONPathError

    assert rule.query is not None
    try:
        node = rule.query.find_one(orjson.loads(value))
    except (orjson.JSONDecodeError, JSONPathError, RecursionError):
        return None
    node_value = None if node is None else node.value
    return str(node_value) if isinstance(node_value, str | int | float) and node_value != "" else None
