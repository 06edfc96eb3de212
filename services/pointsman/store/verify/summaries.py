"""Checks that `audit.job`, with one row per job, matches the jobs' messages: recomputes it from the rows.

A job's messages are spread over lanes, so their facts are kept in a temporary file until all are read. If two
messages have the same time, Postgres may have taken either as the first or last: both are accepted.
"""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from pointsman.store.append.row import Row
from pointsman.store.times import microseconds
from pointsman.store.verify.exact_json import at

_SUBMITTED, _ROUTED, _CALLED, _DEAD = "job.submitted.v1", "job.routed.v1", "call.finished.v1", "job.dead.v1"
_OUTCOMES = frozenset(
    f"job.{name}.v1" for name in ("completed", "failed", "rejected", "expired", "cancelled")
)
#: Kinds of messages that any client can write: for them the broker's time counts.
_BROKER_S = frozenset((None, _SUBMITTED, "job.cancel.v1"))
_EXACT = Context(prec=1_000)
_AT_ONCE = 1_000
_MESSAGE, _LIMIT = 500, 100
_STARTED = re.compile(
    r"(?P<year>(?!0000)[0-9]{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-2][0-9]|3[01])[T ]"
    r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9])(?P<part>\.[0-9]{1,9})?"
    r"(?:Z|(?P<sign>[+-])(?P<zone_hours>0[0-9]|1[0-4]):?(?P<zone_minutes>[0-5][0-9]))\Z"
)

#: Groups of columns that one message decides, and the combinations of values that each may have.
Allowed = dict[tuple[str, ...], set[tuple[Any, ...]]]


class Fact(NamedTuple):
    """The facts of one message about its job; times are microseconds since 1970."""

    at: int
    seen: int
    kind: str | None
    agent_id: str | None
    status: str | None
    error_type: str | None
    tier: str | None
    rule: str | None
    policy_version: str | None
    provider: str | None
    model: str | None
    model_asked: str | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: str | None
    task_kind: str | None
    prompt_chars: int | None
    began: int
    duration_ms: float | None
    message: str | None
    limit: str | None


def fact_of(row: Row, body: Any) -> Fact:
    """Return the facts of a row's message. `body`: its payload as `exact_json` parses it, or None."""
    broker = row.broker_at
    happened = broker if row.kind in _BROKER_S else row.produced_at or broker
    began = microseconds(happened)
    kind = chars = named = message = limit = None
    if row.kind == _ROUTED:
        kind = at(body, "job", "kind")
        chars = _prompt_chars(_within(_within(body, "job"), "request"))
    elif row.kind == _SUBMITTED:
        kind = at(body, "kind")
        request = body.get("request", body) if isinstance(body, dict) else None
        chars = _prompt_chars(request)
    elif row.kind == _CALLED:
        named = at(body, "model")
        began = began_at(at(body, "started_at"), began)
    elif row.kind in _OUTCOMES:
        message, limit = at(body, "message"), at(body, "limit")
    return Fact(
        microseconds(happened), microseconds(broker), row.kind, row.agent_id, row.status, row.error_type,
        row.tier, row.rule, row.policy_version, row.provider, row.model, named, row.tokens_in, row.tokens_out,
        None if row.cost_usd is None else format(row.cost_usd, "f"), kind, chars, began, row.duration_ms,
        message and message[:_MESSAGE], limit and limit[:_LIMIT],
    )  # fmt: skip


def began_at(text: str | None, otherwise: int) -> int:
    """Return when the call says it began, else `otherwise`.

    As `audit.call_began_at`, it lets days exceed the month.
    """
    parts = _STARTED.match(text or "")
    if parts is None:
        return otherwise
    first = datetime(int(parts["year"]), int(parts["month"]), 1, tzinfo=UTC)
    passed = timedelta(
        days=int(parts["day"]) - 1, hours=int(parts["hour"]), minutes=int(parts["minute"]),
        seconds=int(parts["second"]), microseconds=round(Decimal("0" + (parts["part"] or "")) * 1_000_000),
    )  # fmt: skip
    offset = timedelta(hours=int(parts["zone_hours"] or 0), minutes=int(parts["zone_minutes"] or 0))
    passed += offset if parts["sign"] == "-" else -offset
    return microseconds(first) + passed // timedelta(microseconds=1)


def _prompt_chars(request: Any) -> int | None:
    """Count the characters of text in all messages, as `audit.prompt_chars` does; None if there are none."""
    messages, prompt = _within(request, "messages"), _within(request, "prompt")
    if not isinstance(messages, list):
        return len(prompt) if isinstance(prompt, str) else None
    lengths = [_content_chars(message.get("content")) for message in messages if isinstance(message, dict)]
    return sum(lengths) if lengths else None


def _content_chars(content: Any) -> int:
    if isinstance(content, str):
        return len(content)
    parts = content if isinstance(content, list) else []
    return sum(len(text) for part in parts if isinstance(text := _within(part, "text"), str))


def _within(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


class FactFile:
    """All facts by job, in a temporary SQLite file that is deleted with the connection."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("")
        self._file.execute("create table fact (job blob, fact blob)")
        self._new: list[tuple[bytes, bytes]] = []

    def add(self, job_id: UUID, fact: Fact) -> None:
        self._new.append((job_id.bytes, orjson.dumps(tuple(fact))))
        if len(self._new) >= _AT_ONCE:
            self._flush()

    def by_job(self) -> Iterator[tuple[UUID, list[Fact]]]:
        """Yield each job's facts, ordered by job id."""
        self._flush()
        rows = self._file.execute("select job, fact from fact order by job")
        for job, facts in groupby(rows, key=lambda row: bytes(row[0])):
            yield UUID(bytes=job), [Fact(*orjson.loads(fact)) for _, fact in facts]

    def close(self) -> None:
        self._file.close()

    def _flush(self) -> None:
        self._file.executemany("insert into fact values (?, ?)", self._new)
        self._new.clear()


async def mismatched_jobs(
    stored: AsyncIterator[Mapping[str, Any]], facts: FactFile, *, dropped_until: datetime | None
) -> AsyncIterator[tuple[UUID, str]]:
    """Yield jobs whose stored summary does not match their messages, and how. `stored` is ordered by job id.

    `dropped_until`: the end of the newest day that retention dropped. A job that began before it may have
    lost messages: then only the columns that its latest messages decide are compared.
    """
    messages = facts.by_job()
    of_job = next(messages, None)
    async for row in stored:
        job_id = UUID(int=row["job_id"].int)
        while of_job is not None and of_job[0] < job_id:
            yield of_job[0], "it has messages and is not there"
            of_job = next(messages, None)
        if of_job is None or of_job[0] != job_id:
            yield job_id, "it has no message"
            continue
        wrong = _differing(row, of_job[1], partly=_partly(row, len(of_job[1]), dropped_until))
        if wrong:
            yield job_id, f"its messages say otherwise: {', '.join(wrong)}"
        of_job = next(messages, None)
    while of_job is not None:
        yield of_job[0], "it has messages and is not there"
        of_job = next(messages, None)


def _partly(row: Mapping[str, Any], messages: int, dropped_until: datetime | None) -> bool:
    """Return whether messages of the job may have been dropped."""
    began = row["first_seen_at"]
    if dropped_until is None or not isinstance(began, datetime):
        return False
    return began <= dropped_until and row["messages"] > messages


def _differing(row: Mapping[str, Any], facts: list[Fact], *, partly: bool) -> list[str]:
    allowed = counted(facts)
    if partly:
        allowed = {group: allowed[group] for group in (("last_at",), ("last_seen_at",))}
    return [
        name
        for group, values in allowed.items()
        if tuple(_plain(row[name]) for name in group) not in values
        for name in group
    ]


def counted(facts: list[Fact]) -> Allowed:
    """Return the values that the summary of these messages may have."""
    submitted = [fact for fact in facts if fact.kind == _SUBMITTED]
    routed = [fact for fact in facts if fact.kind == _ROUTED]
    called = [fact for fact in facts if fact.kind == _CALLED]
    ended = [fact for fact in facts if fact.kind in _OUTCOMES]
    named = [fact for fact in facts if fact.agent_id is not None]
    failed = [fact for fact in facts if fact.error_type is not None]
    fails = [fact for fact in called if fact.status not in (None, "ok", "cancelled")]
    answers = [fact for fact in called if fact.status == "ok" or fact.error_type == "timeout"]
    answers = [fact for fact in answers if fact.duration_ms is not None]
    began = min((fact.began for fact in fails), default=None)
    slowest = max((fact.duration_ms for fact in answers if fact.duration_ms is not None), default=None)
    asked_at, first_at = _first(submitted), _first(facts)
    single: dict[str, Any] = {
        "agent_at": _first(named),
        "asked_at": asked_at,
        "first_at": first_at,
        "last_at": _last(facts),
        "first_seen_at": min(fact.seen for fact in facts),
        "last_seen_at": max(fact.seen for fact in facts),
        "submitted_at": first_at if asked_at is None else asked_at,
        "finished_at": _first(ended),
        "dead_letters": sum(fact.kind == _DEAD for fact in facts),
        "first_routed_at": _first(routed),
        "routed_at": _last(routed),
        "routes": len(routed),
        "called_at": _last(called),
        "calls": len(called),
        "failed_calls": sum(fact.status not in (None, "ok") for fact in called),
        "unpriced_calls": sum(fact.cost_usd is None for fact in called),
        "tokens_in": _sum(fact.tokens_in for fact in facts),
        "tokens_out": _sum(fact.tokens_out for fact in facts),
        "cost_usd": _sum(fact.cost_usd for fact in facts),
        "error_at": _last(failed),
        "messages": len(facts),
        "failed_call_at": began,
        "slowest_ms": slowest,
    }
    return {
        **{(name,): {(value,)} for name, value in single.items()},
        ("agent_id",): _of(_at(named, _first(named)), "agent_id"),
        ("outcome", "outcome_reason", "outcome_tier", "outcome_message", "outcome_limit"): _of(
            _at(ended, _first(ended)), "status", "error_type", "tier", "message", "limit"
        ),
        ("failed_by",): {(_by(fact),) for fact in fails if fact.began == began} or {(None,)},
        ("slowest_at", "slowest_by"): {
            (fact.began, _by(fact)) for fact in answers if fact.duration_ms == slowest
        }
        or {(None, None)},
        ("first_tier",): _of(_at(routed, _first(routed)), "tier"),
        ("tier", "rule", "policy_version"): _of(_at(routed, _last(routed)), "tier", "rule", "policy_version"),
        ("provider", "model", "model_asked", "called_tier"): _of(
            _at(called, _last(called)), "provider", "model", "model_asked", "tier"
        ),
        ("last_error",): _of(_at(failed, _last(failed)), "error_type"),
        ("task_kind",): _as_routed(routed, submitted, "task_kind"),
        ("prompt_chars",): _as_routed(routed, submitted, "prompt_chars"),
    }


def _as_routed(routed: list[Fact], submitted: list[Fact], name: str) -> set[tuple[Any, ...]]:
    """Return the allowed values: those of the routed messages, or of the submitted ones if they have none."""
    of_routed = {getattr(fact, name) for fact in routed}
    of_submitted = {getattr(fact, name) for fact in submitted} - {None}
    if routed and None not in of_routed:
        return {(value,) for value in of_routed}
    return {(value,) for value in (of_routed | of_submitted if routed else of_submitted or {None})}


def _by(fact: Fact) -> tuple[str | None, ...]:
    return fact.tier, fact.provider, fact.model_asked


def _first(facts: list[Fact]) -> int | None:
    return min((fact.at for fact in facts), default=None)


def _last(facts: list[Fact]) -> int | None:
    return max((fact.at for fact in facts), default=None)


def _at(facts: Iterable[Fact], time: int | None) -> list[Fact]:
    return [fact for fact in facts if fact.at == time]


def _of(facts: list[Fact], *names: str) -> set[tuple[Any, ...]]:
    return {tuple(getattr(fact, name) for name in names) for fact in facts} or {(None,) * len(names)}


def _sum(amounts: Iterable[int | str | None]) -> str | None:
    total: Decimal | None = None
    for amount in amounts:
        if amount is not None:
            total = Decimal(amount) if total is None else _EXACT.add(total, Decimal(amount))
    return None if total is None else format(total, "f")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return microseconds(value)
    if isinstance(value, list):
        return tuple(value)
    return format(value, "f") if isinstance(value, Decimal) else value
