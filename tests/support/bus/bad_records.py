"""Malformed records for the intake, each with the expected reason."""

import json
from dataclasses import dataclass
from uuid import UUID

from pointsman_schemas.reasons import Reason

#: A job id that the corpus uses twice; `GOOD_FIRST` is the record that rightly owns it.
TAKEN = UUID("0190a000-0000-7000-8000-00000000abcd")

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Bad:
    """One record and the reason expected on its dead letter."""

    name: str
    value: bytes | None
    reason: Reason
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"bad"


def _json(**fields: object) -> bytes:
    return json.dumps({"agent_id": "math-tutor", "prompt": "What is 2 + 2?", **fields}).encode()


def _envelope(**changes: bytes | None) -> tuple[tuple[str, bytes], ...]:
    headers: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": b"0190a000-0000-7000-8000-000000000001",
        "ce_source": b"test",
        "ce_type": b"pointsman.job.submitted.v1",
        "ce_time": b"2026-01-01T00:00:00Z",
        "ce_agentid": b"math-tutor",
    }
    headers.update({f"ce_{name}": value for name, value in changes.items()})
    return tuple((name, value) for name, value in headers.items() if value is not None)


#: Submitted before the corpus, so that the duplicate below is one.
GOOD_FIRST = _json(job_id=str(TAKEN))

BAD = [
    Bad("tombstone", None, Reason.TOMBSTONE),
    Bad("empty", b"", Reason.EMPTY),
    Bad("blank", b" \n\t ", Reason.EMPTY),
    Bad("truncated", _json()[:-9], Reason.NOT_JSON),
    Bad("trailing-comma", b'{"agent_id": "a", "prompt": "x",}', Reason.NOT_JSON),
    Bad("single-quotes", b"{'agent_id': 'a', 'prompt': 'x'}", Reason.NOT_JSON),
    Bad("plain-text", b"please answer this question", Reason.NOT_JSON),
    Bad("two-objects", _json() + _json(), Reason.NOT_JSON),
    Bad("byte-order-mark", b"\xef\xbb\xbf" + _json(), Reason.NOT_JSON),
    Bad("invalid-utf8", b'{"agent_id": "a", "prompt": "\xff\xfe"}', Reason.NOT_UTF8),
    Bad("latin-1", '{"agent_id": "a", "prompt": "Größe"}'.encode("latin-1"), Reason.NOT_UTF8),
    Bad("encoded-surrogate", b'{"agent_id": "a", "prompt": "\xed\xa0\x80"}', Reason.NOT_UTF8),
    Bad("binary", bytes(range(256)) * 4, Reason.NOT_UTF8),
    Bad("nul-byte", b'{"agent_id": "a", "prompt": "x\x00y"}', Reason.NUL_CHARACTER),
    Bad("nul-escape", b'{"agent_id": "a", "prompt": "x\\u0000y"}', Reason.NUL_CHARACTER),
    Bad(
        "nul-in-a-key", b'{"agent_id": "a", "prompt": "x", "metadata": {"\\u0000": 1}}', Reason.NUL_CHARACTER
    ),
    Bad("lone-surrogate", b'{"agent_id": "a", "prompt": "\\ud83d"}', Reason.LONE_SURROGATE),
    Bad("surrogates-swapped", b'{"agent_id": "a", "prompt": "\\ude00\\ud83d"}', Reason.LONE_SURROGATE),
    Bad("nan", b'{"agent_id": "a", "prompt": "x", "temperature": NaN}', Reason.BAD_NUMBER),
    Bad("infinity", b'{"agent_id": "a", "prompt": "x", "temperature": -Infinity}', Reason.BAD_NUMBER),
    Bad("1e-20000", b'{"agent_id": "a", "prompt": "x", "temperature": 1e-20000}', Reason.BAD_NUMBER),
    Bad("1e-16384", b'{"agent_id": "a", "prompt": "x", "logit_bias": {"7": [-1E-16384]}}', Reason.BAD_NUMBER),
    Bad("0e99999", b'{"agent_id": "a", "prompt": "x", "metadata": {"n": 0e99999}}', Reason.BAD_NUMBER),
    Bad(
        "16384-decimals",
        b'{"agent_id": "a", "prompt": "x", "n": 0.%b1}' % (b"0" * 16_383),
        Reason.BAD_NUMBER,
    ),
    Bad("1e400", b'{"agent_id": "a", "prompt": "x", "temperature": 1e400}', Reason.BAD_NUMBER),
    Bad("1e200000", b'{"agent_id": "a", "prompt": "x", "top_p": 1e200000}', Reason.BAD_NUMBER),
    Bad("70-bit-integer", _json(seed=2**70), Reason.BAD_NUMBER),
    Bad("5000-digits", b'{"agent_id": "a", "prompt": "x", "seed": ' + b"9" * 5000 + b"}", Reason.BAD_NUMBER),
    Bad("list", b"[" + _json() + b"]", Reason.NOT_AN_OBJECT),
    Bad("text", b'"hello"', Reason.NOT_AN_OBJECT),
    Bad("null", b"null", Reason.NOT_AN_OBJECT),
    Bad("number", b"42", Reason.NOT_AN_OBJECT),
    Bad(
        "deep-list",
        b'{"agent_id":"a","prompt":"x","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        Reason.TOO_DEEP,
    ),
    Bad(
        "deep-object",
        b'{"agent_id":"a","prompt":"x","x":' + b'{"a":' * 200 + b"1" + b"}" * 201,
        Reason.TOO_DEEP,
    ),
    Bad("one-megabyte", _json(prompt="x" * 1_000_000), Reason.TOO_LARGE),
    Bad("no-agent", b'{"prompt": "x"}', Reason.MISSING_AGENT),
    Bad("empty-agent", b'{"agent_id": "", "prompt": "x"}', Reason.MISSING_AGENT),
    Bad("null-agent", b'{"agent_id": null, "prompt": "x"}', Reason.MISSING_AGENT),
    Bad("agent-is-a-number", b'{"agent_id": 7, "prompt": "x"}', Reason.WRONG_TYPE),
    Bad("agent-with-spaces", b'{"agent_id": "my agent", "prompt": "x"}', Reason.WRONG_TYPE),
    Bad("agent-with-newline", b'{"agent_id": "a\\n", "prompt": "x"}', Reason.WRONG_TYPE),
    Bad("foreign-agent", _json(), Reason.FOREIGN_AGENT, _envelope(agentid=b"somebody-else")),
    Bad("kind-not-allowed", _json(agent_id="invoice-reader", kind="contract"), Reason.AGENT_NOT_ALLOWED),
    Bad("neither-prompt-nor-messages", b'{"agent_id": "a"}', Reason.MISSING_FIELD),
    Bad("blank-prompt", _json(prompt="  "), Reason.MISSING_FIELD),
    Bad("prompt-is-a-list", _json(prompt=["x"]), Reason.WRONG_TYPE),
    Bad("both", _json(messages=[{"role": "user", "content": "x"}]), Reason.WRONG_TYPE),
    Bad("messages-is-a-text", b'{"agent_id": "a", "messages": "x"}', Reason.WRONG_TYPE),
    Bad("no-messages", b'{"agent_id": "a", "messages": []}', Reason.WRONG_TYPE),
    Bad("message-is-a-text", b'{"agent_id": "a", "messages": ["x"]}', Reason.WRONG_TYPE),
    Bad("message-without-role", b'{"agent_id": "a", "messages": [{"content": "x"}]}', Reason.MISSING_FIELD),
    Bad("metadata-is-a-list", _json(metadata=["x"]), Reason.WRONG_TYPE),
    Bad("kind-is-a-number", _json(kind=5), Reason.WRONG_TYPE),
    Bad("tier-is-a-list", _json(tier=["small"]), Reason.WRONG_TYPE),
    Bad("unknown-tier", _json(tier="gigantic"), Reason.UNKNOWN_TIER),
    Bad("impossible-tier", _json(tier="../../etc"), Reason.UNKNOWN_TIER),
    Bad("job-id-no-uuid", _json(job_id="7"), Reason.WRONG_TYPE),
    Bad("job-id-is-a-number", _json(job_id=7), Reason.WRONG_TYPE),
    Bad("deadline-past", _json(deadline="2001-01-01T00:00:00Z"), Reason.DEADLINE_PASSED),
    Bad("deadline-naive", _json(deadline="2030-01-01T00:00:00"), Reason.WRONG_TYPE),
    Bad("deadline-in-words", _json(deadline="tomorrow"), Reason.WRONG_TYPE),
    Bad("deadline-is-a-number", _json(deadline=1_900_000_000), Reason.WRONG_TYPE),
    Bad("unknown-version", _json(version=99), Reason.UNKNOWN_VERSION),
    Bad("unknown-type-version", _json(type="job.submitted.v9"), Reason.UNKNOWN_VERSION),
    Bad(
        "unknown-header-version",
        _json(),
        Reason.UNKNOWN_VERSION,
        _envelope(type=b"pointsman.job.submitted.v2"),
    ),
    Bad("unknown-cloudevents", _json(), Reason.UNKNOWN_VERSION, _envelope(specversion=b"9.9")),
    Bad("unknown-type", _json(type="coffee.ordered.v1"), Reason.UNKNOWN_TYPE),
    Bad("type-of-another-topic", _json(), Reason.UNKNOWN_TYPE, _envelope(type=b"pointsman.job.completed.v1")),
    Bad("header-id-no-uuid", _json(), Reason.BAD_HEADERS, _envelope(id=b"1")),
    Bad("header-not-utf8", _json(), Reason.BAD_HEADERS, _envelope(source=b"\xff\xfe")),
    Bad("header-twice", _json(), Reason.BAD_HEADERS, (*_envelope(), ("ce_id", b"x"))),
    Bad("header-time-in-words", _json(), Reason.BAD_HEADERS, _envelope(time=b"yesterday")),
    Bad("many-headers", _json(), Reason.BAD_HEADERS, tuple((f"h{n}", b"x") for n in range(5_000))),
    Bad("large-headers", _json(), Reason.BAD_HEADERS, tuple((f"h{n}", b"x" * 50_000) for n in range(10))),
    Bad("duplicate-id", _json(job_id=str(TAKEN)), Reason.DUPLICATE_JOB, key=str(TAKEN).encode()),
    Bad("duplicate-id-no-key", _json(job_id=str(TAKEN)), Reason.DUPLICATE_JOB, key=None),
]
