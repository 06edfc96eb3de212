"""Put prompts, requests and answers that are stored as claims into the rows of a page."""

from collections.abc import Sequence
from typing import Any

from pointsman.cli.page.gather import Ask
from pointsman.router.policy.facts import count_chars
from pointsman.store.ask.answers import Step
from pointsman_schemas.base import Json
from pointsman_schemas.calls import CallFinished
from pointsman_schemas.jobs import ChatRequest, JobRouted, JobSubmitted


def with_large(ask: Ask, steps: Sequence[Step]) -> Ask:
    """Return `ask` with missing content filled in from `steps`, or with the reason why it is lost."""

    async def whole(name: str) -> list[dict[str, Any]]:
        rows = await ask(name)
        for row in rows:
            if name == "calls" and row["request"] is None:
                row.update(_call(row, steps))
            elif name == "asked" and row["messages"] is None:
                row.update(_request_of(steps))
        return rows

    return whole


def _call(row: dict[str, Any], steps: Sequence[Step]) -> Json:
    key = (row["tier"], row["attempt"])  # each tier of a cascade counts its own attempts
    for step in steps:
        if step.kind == CallFinished.TYPE and (step.tier, step.attempt) == key and step.payload is not None:
            if step.unreadable is not None:
                return {"request": step.unreadable, "response": step.unreadable}
            return {name: step.payload.get(name) for name in ("request", "response", "response_raw")}
    return {}


def _request_of(steps: Sequence[Step]) -> Json:
    for step in sorted(steps, key=lambda step: step.kind != JobRouted.TYPE):
        if step.kind in (JobRouted.TYPE, JobSubmitted.TYPE) and step.payload is not None:
            if step.unreadable is not None:
                return {"messages": step.unreadable}
            job = step.payload["job"] if step.kind == JobRouted.TYPE else step.payload
            messages = job["request"]["messages"]
            return {
                "messages": messages,
                "prompt_chars": count_chars(ChatRequest(messages=messages).messages),
            }
    return {}
