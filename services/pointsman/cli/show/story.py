"""Turn a job's recorded messages into the events of a waterfall."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from rich.text import Text

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.cli.formats import block, count, duration, gist, moment, money, printable
from pointsman.cli.show.passing import short_topic
from pointsman.cli.show.waterfall import TimelineEvent
from pointsman.cli.show.words import kind, last_message_text, summary
from pointsman.review.case import WAITING
from pointsman.store.ask.answers import JobState, Step
from pointsman_schemas.base import Message
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.catalog import MESSAGES
from pointsman_schemas.jobs import JobSubmitted
from pointsman_schemas.outcomes import JobCompleted
from pointsman_schemas.reviews import ReviewChanged, ReviewRequested
from pointsman_schemas.topics import Topics

#: Most characters of a prompt or an answer, and of a reason, which also says what to do next.
SAID, REASON = 120, 500

#: Colours of a job's final states; a job in progress has the default.
COLOURS = {
    "completed": "green", "failed": "red", "rejected": "red", "dead": "red", "unreadable": "red",
    "expired": "yellow", "cancelled": "yellow",
}  # fmt: skip


def story(steps: Sequence[Step], topics: Topics) -> list[TimelineEvent]:
    """Return an event for each message. The review's own copy of a request is left out."""
    return [
        _event(step, topics)
        for step in steps
        if step.kind != ReviewRequested.TYPE or step.topic != topics.reviews_state.name
    ]


def case_on_record(steps: Sequence[Step]) -> ReviewChanged | None:
    """Return the latest revision of the job's case, if one is recorded and readable."""
    changes = [step.payload for step in steps if step.kind == ReviewChanged.TYPE and step.payload is not None]
    try:
        cases = [ReviewChanged.model_validate(payload) for payload in changes]
    except ValidationError:
        return None
    return max(cases, key=lambda case: case.revision, default=None)


def where_it_waits(steps: Sequence[Step]) -> str:
    """Return which command shows what a job without an outcome waits for."""
    case = case_on_record(steps)
    if case is not None and case.status in WAITING:
        return f"it waits for a person: pointsman review show {case.job_id}"
    return "`pointsman lag` shows what waits, and where"


def payloads(steps: Sequence[Step], topics: Topics) -> Text:
    """Return each message's complete payload, under its lane and kind."""
    text = Text()
    for step in steps:
        shown = json.dumps(step.payload, indent=2, ensure_ascii=False) if step.payload else _hidden(step)
        if step.payload and step.unreadable:
            shown = f"{shown}\n{step.unreadable}"
        text.append(f"\n{_lane(step, topics)}  {step.kind or 'unreadable'}\n", "bold")
        text.append(block(shown or step.unreadable or "(no payload)") + "\n")
    return text


def headline(state: JobState) -> Text:
    """Draw the job's id and state, agent, time, tier, duration and cost."""
    facts = [state.agent_id or "unknown agent", moment(state.submitted_at)]
    if state.tier:
        facts.append(f"tier {state.tier}")
    if state.took is not None:
        facts.append(duration(state.took.total_seconds()))
    facts.append(count(state.calls, "call"))
    if state.calls:
        is_lower_bound = state.cost_usd is not None and state.unpriced_calls > state.failed_calls
        facts.append(f"at least {money(state.cost_usd)}" if is_lower_bound else money(state.cost_usd))
    return Text.assemble(
        f"job {state.job_id}  ",
        (state.state, f"bold {COLOURS.get(state.state, 'cyan')}"),
        ("\n" + ", ".join(map(printable, facts)), "dim"),
    )


def _event(step: Step, topics: Topics) -> TimelineEvent:
    word, colour = kind(step.kind or "")
    message = _message(step)
    end = start = step.at
    if isinstance(message, CallFinished):
        start = message.started_at
        end = start + timedelta(milliseconds=message.duration_ms)
    return TimelineEvent(start, end, word, colour, _text(step, message), _lane(step, topics))


def _lane(step: Step, topics: Topics) -> str:
    return f"{short_topic(step.topic, topics)}/{step.partition}@{step.offset}"


def _text(step: Step, message: Message | None) -> str:
    if step.unreadable is not None and message is not None:
        return gist(f"{summary(message) or step.agent_id or ''} -- {step.unreadable}", REASON)
    if step.kind == JobSubmitted.TYPE:
        return gist(f"by {step.agent_id or 'unknown'}: {_prompt(step)}", SAID)
    if isinstance(message, JobCompleted):
        counted = next((f", {step.detail}" for step in message.cascade if step.accepted), "")
        return gist(f"by {message.model}{counted}: {summary(message)}", SAID)
    if message is not None:
        return gist(summary(message), REASON)
    parts = [step.error_type, step.detail or _hidden(step) or step.unreadable]
    return gist(": ".join(part for part in parts if part), REASON) or "(its payload cannot be shown)"


def _message(step: Step) -> Message | None:
    message_type = MESSAGES.get(step.kind or "")
    if message_type is None or step.payload is None:
        return None
    try:
        return message_type.model_validate(step.payload)
    except ValidationError:
        return None


def _hidden(step: Step) -> str | None:
    return None if step.hidden is None else _HIDDEN.get(step.hidden, step.hidden)


_HIDDEN = {
    "sealed": "(sealed for whom it is about)",
    "erased": "(erased)",
    "broken": "(sealed, and changed since: pointsman audit verify)",
}


def _prompt(step: Step) -> str:
    """Return the text of the request, in whatever format it was submitted."""
    if step.payload is None:
        return _hidden(step) or step.unreadable or "(its payload cannot be shown)"
    value = json.dumps(step.payload).encode()
    record = Incoming(step.topic, step.partition, step.offset, 0, None, value, ())
    decoded: Any = decode_intake(record, len(value))
    return decoded.message if isinstance(decoded, Malformed) else last_message_text(decoded.job.request)
