"""Requests that are too long and empty answers go to the fallback if configured."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pointsman.worker.calls.answer import Answer, Result
from pointsman.worker.calls.attempts import Attempts
from pointsman.worker.calls.call_context import call_context_of, target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.calls.unsuited import is_empty
from pointsman.worker.providers.refusal import from_status
from pointsman.worker.providers_file import ProviderRow, TierRow
from pointsman_schemas.calls import Usage
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import FailReason
from tests.support.worker.alone import alone

USAGE = Usage(input_tokens=3, output_tokens=1)


def answer(finish: str | None = "stop", **message: Any) -> Answer:
    body = {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish}]}
    return Answer(http_status=200, response=body, model="m", usage=USAGE)


def refused(message: str, status: int = 400, **error: Any) -> Result:
    row = ProviderRow(name="p0", base_url="http://127.0.0.1:9/v1")
    body = json.dumps({"error": {"message": message, **error}}).encode()
    return from_status(row, status, body, headers={}, now=datetime.now(UTC))


TOO_LONG = refused("maximum context length is 8192 tokens", code="context_length_exceeded")


class Scripted:
    """A provider with one result."""

    def __init__(self, name: str, result: Result) -> None:
        self.row = ProviderRow(name=name, base_url="http://127.0.0.1:9/v1")
        self.result = result
        self.calls = 0

    async def call(self, *_: Any, **__: Any) -> Result:
        self.calls += 1
        return self.result


@asynccontextmanager
async def trying(
    first: Result, second: Result | None, **tier: Any
) -> AsyncIterator[tuple[Attempts, list[Scripted]]]:
    providers = [Scripted(f"p{place}", result) for place, result in enumerate((first, second)) if result]
    row = TierRow.model_validate({"provider": "p0", "model": "m", **tier})
    targets = [target(provider, Prices(None), "m") for provider in providers]  # type: ignore[arg-type]
    job = Job.model_validate(
        {"job_id": UUID(int=1), "agent_id": "a", "request": {"messages": [{"role": "user", "content": "?"}]}}
    )
    yield Attempts(call_context_of("small", row, targets, alone()), job), providers


@pytest.mark.parametrize("unsuited", [TOO_LONG, answer(content="")])
async def test_the_fallback_is_called(unsuited: Result) -> None:
    good = answer(content="42")
    async with trying(unsuited, good) as (attempts, providers):
        assert await attempts.run() == good
        assert [provider.calls for provider in providers] == [1, 1]
        assert attempts.calls[0].status in ("retry", "reject")
        assert (attempts.calls[1].status, attempts.calls[1].provider) == ("ok", "p1")


@pytest.mark.parametrize("unsuited", [TOO_LONG, answer(content="")])
async def test_the_fallback_can_be_disabled(unsuited: Result) -> None:
    async with trying(unsuited, answer(content="42"), fallback_on=[]) as (attempts, providers):
        assert await attempts.run() == unsuited
        assert [provider.calls for provider in providers] == [1, 0]


@pytest.mark.parametrize("unsuited", [TOO_LONG, answer(content="")])
async def test_without_a_fallback_the_job_fails(unsuited: Result) -> None:
    async with trying(unsuited, None) as (attempts, _):
        assert await attempts.run() == unsuited


async def test_a_bad_request_is_not_sent_elsewhere() -> None:
    bad = refused("temperature must be below 2")
    async with trying(bad, answer(content="42")) as (attempts, _):
        assert await attempts.run() == bad


async def test_the_cost_of_an_empty_answer_is_recorded() -> None:
    async with trying(answer(content=None), answer(content="42")) as (attempts, _):
        await attempts.run()
        assert (attempts.calls[0].usage, attempts.calls[0].error_type) == (USAGE, FailReason.BAD_RESPONSE)


@pytest.mark.parametrize(
    ("found", "empty"),
    [
        (answer(content=""), True),
        (answer(content=" \n"), True),
        (answer(content=None), True),
        (answer(), True),
        (answer(content=[]), True),
        (answer(content=[{"type": "text", "text": " "}]), True),
        (answer("length", content="", reasoning_content="hm"), True),
        (answer(content="0"), False),
        (answer(content=[{"type": "text", "text": "0"}]), False),
        (answer("tool_calls", content=None, tool_calls=[{"id": "1"}]), False),
        (answer(content=None, refusal="No."), False),
        (answer(content=None, audio={"id": "1"}), False),
        (answer("content_filter", content=""), False),
    ],
)
def test_empty_answers(found: Answer, empty: bool) -> None:
    assert is_empty(found) is empty
