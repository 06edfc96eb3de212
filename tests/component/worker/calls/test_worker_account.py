"""Errors of the account go to a fallback at once, and the account is paused."""

from typing import Any

import pytest

from pointsman.worker.calls.call_context import target
from pointsman.worker.calls.prices import Prices
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.tiny_provider import ANSWER, http, tiny_provider
from tests.support.worker.working import MODEL, in_turn, provider_of, working

USED_UP = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
REFUSALS: list[tuple[int, Any]] = [
    (402, {"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}}),
    (429, USED_UP),
    (400, [{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}]),
    (200, {"error": {"message": "No auth credentials found", "code": 401}}),
    (307, b""),
]


@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_errors_of_the_account_go_to_a_fallback_at_once(status: int, body: Any) -> None:
    async with (
        tiny_provider(in_turn(http())) as next_one,
        provider_of(next_one, name="other") as other,
        working(in_turn(http(status, body)), fallback=[target(other, Prices("openai"), MODEL)]) as (
            tiny,
            worker,
        ),
    ):
        records = await worker.do()
    assert (len(tiny.asked), len(next_one.asked)) == (1, 1)
    assert isinstance(outcome(records), JobCompleted)
    assert [call.status for call in calls(records)] == ["reject", "ok"]


async def test_an_exhausted_account_is_paused() -> None:
    async with (
        tiny_provider(in_turn(http())) as next_one,
        provider_of(next_one, name="other") as other,
        working(in_turn(http(429, USED_UP)), fallback=[target(other, Prices("openai"), MODEL)]) as (
            tiny,
            worker,
        ),
    ):
        await worker.do(1)
        records = await worker.do(2)
        left = worker.call_context.limits.available(f"tiny/{MODEL}")
    assert (len(tiny.asked), len(next_one.asked)) == (1, 2)
    assert isinstance(outcome(records), JobCompleted)
    assert left > 200


async def test_without_a_fallback_the_account_is_named() -> None:
    async with working(in_turn(http(429, USED_UP))) as (tiny, worker):
        failed = outcome(await worker.do())
    assert len(tiny.asked) == 1
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.cost_usd) == (FailReason.AUTHENTICATION, 0)
    assert "the account at tiny has nothing left: look at its balance" in failed.message


async def test_a_rate_limit_in_a_200_answer_is_retried() -> None:
    limited = {"error": {"message": "Upstream limit reached", "code": 429}}
    async with working(in_turn(http(200, limited), http())) as (_, worker):
        records = await worker.do()
    assert isinstance(outcome(records), JobCompleted)
    assert [call.error_type for call in calls(records)] == [FailReason.RATE_LIMITED, None]


@pytest.mark.parametrize("change", [
    {"finish_reason": "error"},
    {"finish_reason": "error", "error": {"code": 502, "message": "upstream broke off"}},
    {"error": {"message": "upstream broke off"}},
    {"finish_reason": "insufficient_system_resource"},
])  # fmt: skip
async def test_a_choice_with_an_error_is_not_an_answer(change: dict[str, Any]) -> None:
    broken = {**ANSWER, "choices": [{"message": {"content": "half"}, **change}]}
    async with working(in_turn(http(200, broken), http())) as (_, worker):
        records = await worker.do()
    assert isinstance(outcome(records), JobCompleted)
    first, _ = calls(records)
    assert first.status == "retry"
    assert first.cost_usd is not None and first.cost_usd > 0  # it may have been charged, as it reports usage
