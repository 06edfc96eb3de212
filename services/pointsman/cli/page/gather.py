"""Collect everything that the audit database has about one job into a page."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pointsman.cli.formats import count, duration, moment, money
from pointsman.cli.page.page import Page, Section, Table, Text, TimelineBar
from pointsman.cli.page.texts import answer_text, body_text, messages_text, pretty
from pointsman.store.ask.answers import Ended, JobState
from pointsman.store.ask.asking import read_only_query
from pointsman.store.sql import query

_WITHIN = timedelta(seconds=60)
_CALL = "calling the model"  # a stage of audit.stages

_HIDDEN = "Its content is sealed for whom it is about, or erased; pointsman trace says which, and opens it."

#: Returns the rows of a named query, each as a dict by column.
Ask = Callable[[str], Awaitable[list[dict[str, Any]]]]


def asking(dsn: str, job_id: UUID) -> Ask:
    """Return a function that runs the named queries `report_<name>` for this job."""

    async def ask(name: str) -> list[dict[str, Any]]:
        async with read_only_query(dsn, query(f"report_{name}"), job_id, within=_WITHIN) as answer:
            rows, _ = await answer.first(0)
            return [dict(zip(answer.columns, row, strict=True)) for row in rows]

    return ask


async def page_of(ask: Ask, state: JobState, ended: Ended | None, *, payloads: bool, footer: str) -> Page:
    """Return the page; without `payloads` it contains neither prompts nor answers.

    Raises:
        QuestionError, StoreUnavailableError: raised by `ask`.
    """
    calls = await ask("calls")
    suspects = [row for row in await ask("suspects") if payloads or "word" not in (row["dimension"] or "")]
    sections = [
        await _request_section(ask, payloads=payloads),
        await _why(ask),
        await _stages(ask),
        _calls(calls, payloads=payloads),
        _outcome(ended, payloads=payloads),
        _table("Who acted", await ask("actors")),
        _table("What was new for it, in the day before", await ask("changes"), empty="Nothing."),
        _table(
            "What failures of that time had in common",
            suspects,
            lead="From an hour before the job to an hour after it; the likeliest cause comes first.",
            empty="Nothing failed from an hour before the job to an hour after it.",
        ),
        _table("Every message on record", await ask("messages")),
    ]
    return Page(
        f"Job {state.job_id}", state.state, _verdict(state, ended), _facts(state), tuple(sections), footer
    )


def _verdict(state: JobState, ended: Ended | None) -> str:
    if ended is None:
        return f"It has no outcome; it has come as far as `{state.state}`."
    reason = f": {ended.error_type}" if ended.error_type else ""
    detail = f" -- {ended.message}" if ended.message else ""
    return f"It {_ENDS.get(ended.status, ended.status)}{reason}{detail}"


_ENDS = {
    "completed": "was completed", "failed": "failed", "rejected": "was rejected", "expired": "expired",
    "cancelled": "was cancelled",
}  # fmt: skip


def _facts(state: JobState) -> list[tuple[str, str]]:
    is_lower_bound = state.cost_usd is not None and state.unpriced_calls > state.failed_calls
    return [
        ("agent", state.agent_id or "unknown"),
        ("submitted", moment(state.submitted_at)),
        ("ended", moment(state.finished_at) if state.finished_at else "not yet"),
        ("took", duration(state.took.total_seconds()) if state.took is not None else "-"),
        ("tier", f"{state.tier} by rule {state.rule}" if state.tier else "never routed"),
        ("model", state.model or "-"),
        ("policy", state.policy_version or "-"),
        ("calls", f"{count(state.calls, 'call')}, {state.failed_calls} failed"),
        ("cost", ("at least " if is_lower_bound else "") + money(state.cost_usd) if state.calls else "$0.00"),
    ]


async def _request_section(ask: Ask, *, payloads: bool) -> Section:
    rows = await ask("asked")
    if not rows:
        return Section("What was asked", "It was never submitted, as far as the record goes.")
    row = rows[0]
    if row["messages"] is None:
        return Section("What was asked", _HIDDEN)
    parts = [f"kind {row['task_kind'] or 'not given'}", f"{row['prompt_chars'] or 0:,} characters"]
    parts += [f"tier {row['tier_asked']} was asked for"] if row["tier_asked"] else []
    parts += [f"wanted before {row['deadline']}"] if row["deadline"] else []
    parts += [f"metadata {pretty(row['metadata'], indent=None)}"] if row["metadata"] else []
    texts = (Text("messages", messages_text(row["messages"])),) if payloads else ()
    return Section("What was asked", ", ".join(parts) + ".", texts=texts)


async def _why(ask: Ask) -> Section:
    rows = await ask("why")
    if not rows:
        return Section("Why it went there", "It was never routed.")
    row = rows[-1]
    if row["reason"] is None:
        return Section("Why it went there", f"To {row['tier']} by rule {row['rule']}. {_HIDDEN}")
    policy = f"rule {row['rule']} of policy {row['policy_version']}"
    lead = f"To {row['tier']} by {policy}: {_sentence(row['reason'])}"
    if row["runner_up_tier"]:
        second = f"{row['runner_up_tier']} ({row['runner_up_rule']})"
        lead += f" Second was {second}: {_sentence(row['runner_up_reason'])}"
    if row["score"] is not None:
        lead += f" Score {row['score']:.4f} against {row['threshold']:.4f}."
    checks = [
        (check["layer"], check["name"], check["passed"], check["detail"]) for check in row["checks"] or []
    ]
    return Section("Why it went there", lead, Table(("layer", "check", "passed", "compared"), checks))


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


async def _stages(ask: Ask) -> Section:
    rows = await ask("stages")
    if not rows:
        return Section("Where the time went", "There is one message only.")
    first: datetime = rows[0]["began_at"]
    bars = tuple(
        TimelineBar(
            f"{row['model']}, attempt {row['attempt']}" if row["stage"] == _CALL else row["stage"],
            max(0.0, (row["began_at"] - first).total_seconds()),
            max(0.0, row["took"].total_seconds()),
            kind="wait" if row["stage"] != _CALL else "bad" if row["status"] != "ok" else "good",
        )
        for row in rows
    )
    longest = max(rows, key=lambda row: row["took"])
    lead = f"Longest: {longest['stage']}, {duration(longest['took'].total_seconds())}."
    return Section("Where the time went", lead, bars=bars)


def _calls(calls: Sequence[dict[str, Any]], *, payloads: bool) -> Section:
    if not calls:
        return Section("Calls to the provider", "None was made.")
    shown = ("tier", "attempt", "provider", "model", "status", "error_type", "error", "http_status",
             "duration_ms", "tokens_in", "tokens_out", "cost_usd")  # fmt: skip
    table = Table(shown, [[row[name] for name in shown] for row in calls])
    texts = []
    for row in calls if payloads else ():
        call = f"{row['tier']}, attempt {row['attempt']}"
        texts.append(Text(f"{call}: request", pretty(row["request"])))
        texts.append(Text(f"{call}: response", pretty(row["response"])))
        if isinstance(raw := row["response_raw"], dict):
            about_body, text = body_text(raw)
            texts.append(Text(f"{call}: body as it came {about_body}", text))
    return Section("Calls to the provider", table=table, texts=tuple(texts))


def _outcome(ended: Ended | None, *, payloads: bool) -> Section:
    if ended is None:
        return Section("Outcome", "None on record.")
    lead = f"{ended.status} at {moment(ended.at)}" + (f": {ended.message}" if ended.message else "")
    answer = answer_text((ended.payload or {}).get("response")) if payloads else None
    return Section("Outcome", lead, texts=(Text("answer", answer),) if answer else ())


def _table(title: str, rows: Sequence[dict[str, Any]], *, lead: str = "", empty: str = "None.") -> Section:
    if not rows:
        return Section(title, empty)
    return Section(title, lead, Table(tuple(rows[0]), [list(row.values()) for row in rows]))
