"""A report's large calls each have their own request and answer."""

from dataclasses import replace
from typing import Any

from pointsman.cli.page.large import with_large
from tests.support.bus.example_records import story
from tests.unit.cli.show.test_cli_show_story import START, steps_of


async def test_calls_of_a_cascade_are_distinguished() -> None:
    call = next(step for step in steps_of(story(1, START)) if step.kind == "call.finished.v1")
    steps = [
        replace(call, tier=tier, attempt=1, payload={"request": f"of {tier}", "response": f"by {tier}"})
        for tier in ("small", "medium")
    ]

    async def rows(name: str) -> list[dict[str, Any]]:
        return [
            {"tier": tier, "attempt": 1, "request": None, "response": None} for tier in ("medium", "small")
        ]

    calls = await with_large(rows, steps)("calls")
    assert [(row["request"], row["response"]) for row in calls] == [
        ("of medium", "by medium"),
        ("of small", "by small"),
    ]
