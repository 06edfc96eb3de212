"""Draw a case: why it stopped, what is proposed, and what each choice does."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.table import Table

from pointsman.cli.formats import block, count, duration, gist, moment, money, printable
from pointsman.cli.show.words import because, decided, last_message_text
from pointsman.client.reviews import KnownCase
from pointsman.review.case import WAITING
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman.score.text import answered
from pointsman.store.ask.similar_reviews import SimilarReview
from pointsman_schemas.reviews import ReviewChanged, ReviewRequested

#: Most characters of a question or an answer to show.
_MOST = 4_000


def cases_table(cases: Sequence[ReviewChanged], now: datetime) -> Table:
    rows = plain_table("job", "queue", "state", "agent", "what", "why", "time left")
    for case in cases:
        seconds_left = (case.deadline - now).total_seconds()
        rows.add_row(
            str(case.job_id),
            case.queue,
            _state(case, now),
            printable(case.agent_id),
            case.stop.of,
            gist(case.stop.detail, 50),
            duration(seconds_left) if case.status in WAITING and seconds_left > 0 else "-",
        )
    return rows


def cases_waiting(cases: Sequence[ReviewChanged], queue: str) -> list[ReviewChanged]:
    """Return the waiting cases in their order; only those of `queue`, unless it is empty."""
    return [case for case in cases if case.status in WAITING and queue in ("", case.queue)]


def case_lines(known: KnownCase, now: datetime, options: str | None = None) -> Iterator[str]:
    """Yield everything a reviewer needs.

    With `options`, such as ` --by ID`, also the command for each choice, with these options.
    """
    case, request = known.case, known.request
    yield f"job {case.job_id} of {printable(case.agent_id)}"
    yield f"  state    {_state(case, now)}, revision {case.revision}"
    yield f"  queue    {case.queue}, until {moment(case.deadline)}"
    yield f"  stopped  {printable(case.stop.detail)}"
    stop = case.stop
    yield f"           rule {stop.rule}: {stop.source} of the {stop.of} must exceed {stop.threshold}"
    for decision in case.decisions:
        delay, reason = duration(decision.seconds), because(printable(decision.reason))
        yield f"  decided  {decided(decision)} by {printable(decision.by)}, {delay} after the claim{reason}"
    if request is not None:
        yield from _content(request)
        if options is not None:
            yield from _choices(request, str(case.job_id), options)


def similar_lines(similar: Sequence[SimilarReview]) -> Iterator[str]:
    """Yield how people decided cases of the same rule and agent; nothing if there are none."""
    if similar:
        yield ""
        yield "decided before, by the same rule and agent"
    for before in similar:
        choice = f"{before.choice} at {before.value or 'no confidence'}"
        by = printable(before.ended_by or "nobody")
        yield f"  {moment(before.ended_at)}  {choice} by {by}{because(gist(before.reason or '', 80))}"


def _state(case: ReviewChanged, now: datetime) -> str:
    if case.claim is not None and case.claim.until > now:
        time_left = duration((case.claim.until - now).total_seconds())
        return f"claimed by {printable(case.claim.by)} for {time_left}"
    return "open" if case.status in WAITING else case.status


def _content(request: ReviewRequested) -> Iterator[str]:
    yield f"  cost     {money(request.cost_usd)}, {count(request.attempts, 'call')} so far"
    if request.job.kind is not None:
        yield f"  kind     {printable(request.job.kind)}"
    yield ""
    yield "question"
    yield from _indented(last_message_text(request.job.request))
    yield ""
    if request.proposed is None:
        yield f"proposed: tier {request.decision.tier}, by rule {request.decision.rule}"
        yield from _indented(request.decision.reason)
    else:
        yield f"proposed answer, by {printable(request.proposed.model)}"
        yield from _indented(answered(request.proposed.response) or "(no text)")
    yield ""


def _choices(request: ReviewRequested, job: str, options: str) -> Iterator[str]:
    """Yield each command and its effect."""
    tiers = [] if request.decision.review is None else request.decision.review.tiers
    yield "choices"
    yield f"  pointsman review approve {job}{options}"
    if request.proposed is None:
        yield f"      the job goes to {request.decision.tier}"
    else:
        yield "      the agent gets the proposed answer as it is"
        yield f"  pointsman review edit {job} FILE --reason TEXT{options}"
        yield "      the agent gets the text in FILE (- for stdin) instead"
    yield f"  pointsman review send {job} TIER --reason TEXT{options}"
    yield f"      the job goes to TIER: {', '.join(tiers)}"
    yield f"  pointsman review reject {job} --reason TEXT{options}"
    yield "      the agent is told that the job is rejected, and why"


def _indented(text: str) -> Iterator[str]:
    shown = text[:_MOST]
    for line in block(shown).splitlines():
        yield f"  {line}"
    if len(text) > _MOST:
        yield f"  ... {len(text) - _MOST:,} characters more: --json has all"
