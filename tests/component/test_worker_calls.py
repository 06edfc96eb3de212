"""The worker's calls, over real HTTP on the loopback."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest
from tests.support.routed_jobs import AGENT, calls, header, job_id, outcome, routed
from tests.support.tiny_provider import ANSWER, Asked, Respond, Tiny, http, never, tiny_provider

from pointsman.bus.records import Outgoing
from pointsman.runtime.clock import utc_now
from pointsman.worker.cancellations import Cancellations
from pointsman.worker.handlers import WorkerHandler
from pointsman.worker.prices import Prices
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow, TierRow
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason
from pointsman_schemas.topics import Topics

KEY = "sk-5ecret/of+the=house"
MODEL = "gpt-4.1-nano"


@asynccontextmanager
async def provider_of(tiny_or_url: Tiny | str, **row: Any) -> AsyncIterator[Provider]:
    url = tiny_or_url if isinstance(tiny_or_url, str) else tiny_or_url.base_url
    known = ProviderRow.model_validate({"name": "tiny", "base_url": url, "key_env": "TINY_KEY", **row})
    provider = Provider(known, known.key({"TINY_KEY": KEY}), max_in_flight=100)
    yield provider
    await provider.close()


class Worker:
    """A handler with everything around it real but Kafka."""

    def __init__(self, provider: Provider, **tier: Any) -> None:
        row = TierRow.model_validate(
            {"provider": "tiny", "model": MODEL, "first_wait_s": 0.001, "max_wait_s": 0.002, **tier}
        )
        self.cancellations = Cancellations()
        self.handler = WorkerHandler(
            "small", row, provider, Prices("openai"), Topics(), cancellations=self.cancellations
        )

    async def do(self, *args: Any, **request: Any) -> list[Outgoing]:
        return await self.handler(routed(*args, **request))


@asynccontextmanager
async def working(
    respond: Respond, *, row: dict[str, Any] | None = None, **tier: Any
) -> AsyncIterator[tuple[Tiny, Worker]]:
    async with tiny_provider(respond) as tiny, provider_of(tiny, **row or {}) as provider:
        yield tiny, Worker(provider, **tier)


def in_turn(*answers: bytes | Callable[[Asked], Any]) -> Respond:
    """One answer per request, the last one for all that follow."""
    left = list(answers)

    def respond(asked: Asked) -> Any:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, bytes) else answer(asked)

    return respond


async def test_a_request_arrives_as_the_agent_wrote_it() -> None:
    request: dict[str, Any] = {
        "messages": [
            {"role": "system", "content": "Be brief.", "name": "house"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Größe? 😀"},
                    {"type": "image_url", "image_url": {"url": "data:,x"}},
                ],
            },
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
                "content": None,
            },
            {"role": "tool", "tool_call_id": "c1", "content": "7"},
        ],
        "temperature": 0.1,
        "top_p": 1,
        "seed": 2**53 + 1,
        "stop": None,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
            }
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "a_parameter_of_tomorrow": {"nested": [1, 2.5, "three", None, False]},
    }
    async with working(in_turn(http())) as (tiny, worker):
        records = await worker.do(
            **request, model="the agent's wish", stream=True, stream_options={"include_usage": True}
        )
    expected = {**request, "model": MODEL}
    assert tiny.asked[0].json == expected
    assert calls(records)[0].request == expected


async def test_an_answer_is_passed_on_as_the_provider_wrote_it() -> None:
    body = {
        **ANSWER,
        "created": 1_700_000_000,
        "a_field_of_tomorrow": {"deep": [0.1, 1e-7, 12345678901234567, "é\n\u2028", None, True, {}]},
    }
    async with working(in_turn(http(body=body))) as (_, worker):
        records = await worker.do()
    done = outcome(records)
    assert isinstance(done, JobCompleted)
    assert done.response == body == calls(records)[0].response
    assert (done.model, done.provider, done.tier) == ("gpt-4.1-nano-2025-04-14", "tiny", "small")


async def test_a_job_ends_with_its_call_and_one_outcome() -> None:
    async with working(in_turn(http())) as (_, worker):
        records = await worker.do()
    assert [record.topic for record in records] == [Topics().calls.name, Topics().results.name]
    assert {record.key for record in records} == {str(job_id(1)).encode()}
    assert header(records[0], "ce_attempt") == "1"
    assert {header(record, "ce_causationid") for record in records} == {str(job_id(1))}
    assert {header(record, "ce_agentid") for record in records} == {AGENT}
    (call,) = calls(records)
    assert (call.status, call.http_status, call.attempt, call.error) == ("ok", 200, 1, None)
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (1000, 500)
    # gpt-4.1-nano: 0.10 and 0.40 dollars for a million tokens in and out
    assert call.cost_usd == Decimal("0.0003")
    assert outcome(records).cost_usd == Decimal("0.0003")  # type: ignore[attr-defined]
    assert call.prices is not None and call.prices.startswith("genai-prices ")


async def test_the_same_record_gives_the_same_ids() -> None:
    async with working(in_turn(http(500), http())) as (_, worker):
        first = await worker.do()
    async with working(in_turn(http(500), http())) as (_, worker):
        again = await worker.do()
    ids = [header(record, "ce_id") for record in first]
    assert ids == [header(record, "ce_id") for record in again]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (
            400,
            {"error": {"message": "temperature: at most 2", "code": "invalid_value"}},
            FailReason.BAD_REQUEST,
        ),
        (400, {"error": {"message": "no", "code": "content_filter"}}, FailReason.CONTENT_FILTER),
        (401, {"error": {"message": "no key"}}, FailReason.AUTHENTICATION),
        (403, {"error": "forbidden"}, FailReason.AUTHENTICATION),
        (404, {"detail": "no such model"}, FailReason.MODEL_NOT_FOUND),
        (413, b"<html>too large</html>", FailReason.BAD_REQUEST),
        (422, {"message": "unprocessable"}, FailReason.BAD_REQUEST),
        (304, b"", FailReason.BAD_RESPONSE),
    ],
)
async def test_what_would_fail_again_is_not_tried_again(
    status: int, body: object, reason: FailReason
) -> None:
    async with working(in_turn(http(status, body))) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 1
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempts, failed.cost_usd) == (reason, 1, 0)
    assert failed.message.startswith(f"tiny answered {status}: ")
    (call,) = calls(records)
    assert (call.status, call.http_status, call.error_type) == ("reject", status, reason)
    assert call.response == (body if isinstance(body, dict) else None)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(408, b""), FailReason.TIMEOUT),
        (http(409, {"error": {"message": "locked"}}), FailReason.SERVER_ERROR),
        (http(429, {"error": {"message": "slow down"}}), FailReason.RATE_LIMITED),
        (http(500, b""), FailReason.SERVER_ERROR),
        (http(503, b"<html>busy</html>"), FailReason.SERVER_ERROR),
        (http(529, {"error": {"message": "overloaded"}}), FailReason.SERVER_ERROR),
        (http(200, b""), FailReason.BAD_RESPONSE),
        (http(200, b'{"choices": ['), FailReason.BAD_RESPONSE),
        (http(200, b"[]"), FailReason.BAD_RESPONSE),
        (http(200, b'{"choices": [{"message": {"content": "\\ud800"}}]}'), FailReason.BAD_RESPONSE),
        (http(200, {"choices": []}), FailReason.BAD_RESPONSE),
        (http(200, {"choices": [{}]}), FailReason.BAD_RESPONSE),
        (http(200, {"error": {"message": "upstream is down"}}), FailReason.BAD_RESPONSE),
        (http()[:-9], FailReason.CONNECTION),
        (b"not HTTP at all\r\n\r\n", FailReason.CONNECTION),
        (b"", FailReason.CONNECTION),
    ],
)
async def test_what_may_go_well_another_time_is_tried_again(answer: bytes, reason: FailReason) -> None:
    async with working(in_turn(answer, http())) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 2
    assert isinstance(outcome(records), JobCompleted)
    failed, done = calls(records)
    assert (failed.attempt, failed.status, failed.error_type) == (1, "retry", reason)
    assert (done.attempt, done.status, done.error_type) == (2, "ok", None)
    assert failed.error is not None and failed.error.isprintable()
    assert failed.retry_after_s is not None and failed.retry_after_s < 0.002


async def test_attempts_come_to_an_end() -> None:
    async with working(in_turn(http(500, {"error": {"message": "on fire"}})), attempts=3) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 3  # the SDK tries nothing on its own
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempts) == (FailReason.SERVER_ERROR, 3)
    assert failed.message == "tiny answered 500: on fire -- given up after 3 attempts"
    assert [call.attempt for call in calls(records)] == [1, 2, 3]
    assert calls(records)[-1].retry_after_s is None


async def test_retry_after_in_seconds_is_a_floor() -> None:
    async with working(in_turn(http(429, {}, retry_after="0.05"), http())) as (_, worker):
        first, second = calls(await worker.do())
    assert first.retry_after_s is not None and 0.05 <= first.retry_after_s <= 0.051
    waited = (second.started_at - first.started_at).total_seconds() - first.duration_ms / 1000
    assert waited >= 0.045  # two clocks measure it


async def test_retry_after_as_a_date_is_understood() -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    async with (
        tiny_provider(in_turn(http(503, {}, retry_after=in_an_hour))) as tiny,
        provider_of(tiny) as provider,
    ):
        records = await Worker(provider).do()
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert "it asks to wait 3" in failed.message
    assert len(tiny.asked) == 1


async def test_no_attempt_is_begun_that_the_deadline_forbids() -> None:
    soon = utc_now() + timedelta(seconds=30)
    async with working(in_turn(http(429, {}, retry_after="60"))) as (tiny, worker):
        records = await worker.do(deadline=soon)
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.deadline, expired.attempts, len(tiny.asked)) == (soon, 1, 1)


async def test_a_deadline_passed_before_the_start_costs_no_call() -> None:
    async with working(in_turn(http())) as (tiny, worker):
        records = await worker.do(deadline=utc_now() - timedelta(seconds=1))
    assert isinstance(outcome(records), JobExpired)
    assert (len(records), tiny.asked) == (1, [])


async def test_the_deadline_ends_a_call() -> None:
    async with working(never) as (tiny, worker):
        records = await worker.do(deadline=utc_now() + timedelta(seconds=0.3))
        await tiny.until(lambda: tiny.left == 1)
    expired = outcome(records)
    assert isinstance(expired, JobExpired)
    assert (expired.attempts, expired.cost_usd) == (1, None)  # it may have been charged
    (call,) = calls(records)
    assert (call.status, call.response, call.error) == (
        "expired",
        None,
        "the deadline passed during the call",
    )


async def test_a_cancelled_job_is_not_begun() -> None:
    async with working(in_turn(http())) as (tiny, worker):
        worker.cancellations.cancel(job_id(1), by="on-call", reason="wrong customer")
        records = await worker.do()
    cancelled = outcome(records)
    assert isinstance(cancelled, JobCancelled)
    assert (cancelled.cancelled_by, cancelled.message, cancelled.attempts) == ("on-call", "wrong customer", 0)
    assert tiny.asked == []


async def test_cancelling_a_job_closes_its_connection() -> None:
    async with working(never) as (tiny, worker):
        working_on = asyncio.create_task(worker.do())
        await tiny.until(lambda: tiny.under_way == 1)
        worker.cancellations.cancel(job_id(2), by="on-call")  # another job: nothing happens
        worker.cancellations.cancel(job_id(1), by="on-call", reason="wrong customer")
        worker.cancellations.cancel(job_id(1), by="someone-else")
        records = await working_on
        await tiny.until(lambda: tiny.left == 1)
    cancelled = outcome(records)
    assert isinstance(cancelled, JobCancelled)
    assert (cancelled.cancelled_by, cancelled.attempts) == ("on-call", 1)
    assert [call.status for call in calls(records)] == ["cancelled"]


async def test_cancelling_a_job_that_waits_for_its_next_attempt_ends_it() -> None:
    async with working(in_turn(http(429, {}, retry_after="100"))) as (tiny, worker):
        working_on = asyncio.create_task(worker.do())
        await tiny.until(lambda: len(tiny.asked) == 1 and tiny.under_way == 0)
        worker.cancellations.cancel(job_id(1), by="on-call")
        records = await working_on
    assert isinstance(outcome(records), JobCancelled)
    assert [call.status for call in calls(records)] in (["cancelled"], ["retry"])


async def test_a_job_that_is_handed_back_has_no_outcome() -> None:
    """The lane cancels the task: nothing may be returned, or the next owner would end the job twice."""
    async with working(never) as (tiny, worker):
        working_on = asyncio.create_task(worker.do(deadline=utc_now() + timedelta(hours=1)))
        await tiny.until(lambda: tiny.under_way == 1)
        working_on.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working_on
        assert working_on.cancelled()
        await tiny.until(lambda: tiny.left == 1)


async def test_a_provider_that_is_too_slow_is_left() -> None:
    async with working(in_turn(never, http()), row={"timeout_s": 0.2}) as (tiny, worker):
        failed, done = calls(await worker.do())
        await tiny.until(lambda: tiny.left == 1)
    assert (failed.status, failed.error_type, done.status) == ("retry", FailReason.TIMEOUT, "ok")
    assert failed.error == "tiny did not answer within 0.2 s (its timeout_s in providers.yaml)"
    assert failed.cost_usd is None


async def test_a_provider_that_is_not_there_is_named_with_its_address() -> None:
    async with tiny_provider(in_turn(http())) as gone:
        pass
    async with provider_of(gone) as provider:
        records = await Worker(provider, attempts=1).do()
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.cost_usd) == (FailReason.CONNECTION, 0)
    assert failed.message.startswith(f"tiny cannot be reached at {gone.base_url} (")


async def test_no_more_calls_are_under_way_than_the_tier_allows() -> None:
    released = asyncio.Event()

    async def when_released(asked: Asked) -> bytes:
        await released.wait()
        return http()

    async with working(when_released, max_in_flight=3) as (tiny, worker):
        jobs = [asyncio.create_task(worker.do(number)) for number in range(1, 11)]
        await tiny.until(lambda: tiny.under_way == 3)
        released.set()
        ended = [outcome(records) for records in await asyncio.gather(*jobs)]
    assert all(isinstance(each, JobCompleted) for each in ended)
    assert (len(tiny.asked), tiny.most_under_way) == (10, 3)


async def test_a_job_that_waits_for_its_next_attempt_holds_up_nobody() -> None:
    def respond(asked: Asked) -> bytes:
        return http(429, {}, retry_after="100") if "question 1" in asked.body.decode() else http()

    async with working(respond, max_in_flight=1) as (tiny, worker):
        waiting = asyncio.create_task(worker.do(1))
        await tiny.until(lambda: len(tiny.asked) == 1 and tiny.under_way == 0)
        assert isinstance(outcome(await worker.do(2)), JobCompleted)
        assert not waiting.done()
        worker.cancellations.cancel(job_id(1), by="test")
        await waiting


async def test_the_cost_of_a_job_is_that_of_all_its_attempts() -> None:
    without_answer = {**ANSWER, "choices": []}
    async with working(in_turn(http(200, without_answer), http(500), http())) as (_, worker):
        records = await worker.do()
    assert [call.cost_usd for call in calls(records)] == [Decimal("0.0003"), 0, Decimal("0.0003")]
    assert outcome(records).cost_usd == Decimal("0.0006")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "change", [{"model": "nobodys-7b"}, {"usage": None}, {"usage": {"prompt_tokens": -1}}]
)
async def test_what_is_not_known_to_cost_costs_null(change: dict[str, Any]) -> None:
    async with working(in_turn(http(500), http(200, {**ANSWER, **change}))) as (_, worker):
        records = await worker.do()
    assert [call.cost_usd for call in calls(records)] == [0, None]
    assert (outcome(records).cost_usd, calls(records)[1].prices) == (None, None)  # type: ignore[attr-defined]


async def test_ids_go_only_to_a_provider_that_is_meant_to_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ours")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    async with working(in_turn(http())) as (tiny, worker):
        await worker.do()
    async with working(in_turn(http()), row={"trace_headers": True, "headers": {"x-tenant": "7"}}) as (
        told,
        worker,
    ):
        await worker.do()
    foreign, ours = tiny.asked[0].headers, told.asked[0].headers
    sent = json.dumps(foreign)
    assert not [name for name in foreign if "pointsman" in name or name.startswith("openai-")]
    assert str(job_id(1)) not in sent and AGENT not in sent and "ours" not in sent and "admin" not in sent
    assert (ours["x-pointsman-job"], ours["x-pointsman-agent"]) == (str(job_id(1)), AGENT)
    assert ours["x-tenant"] == "7"


async def test_the_key_goes_to_the_provider_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    complaint = http(401, {"error": {"message": f"Incorrect API key provided: {KEY}."}})
    plain = http(500, f"no backend for Bearer {KEY}".encode())
    async with (
        tiny_provider(in_turn(plain, http(200, {"error": KEY}), complaint)) as tiny,
        provider_of(tiny) as provider,
    ):
        worker = Worker(provider)
        records = await worker.do()
        result = await provider.call({}, job_id=job_id(1), agent_id=AGENT)
        told = [
            repr(provider),
            repr(provider.row),
            repr(worker.handler),
            repr(result),
            str(vars(provider.row)),
        ]
    assert tiny.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert isinstance(outcome(records), JobFailed)
    assert "*** -- check" not in outcome(records).message  # type: ignore[attr-defined]
    assert "provided: ***. -- check the key in the environment variable TINY_KEY" in outcome(records).message  # type: ignore[attr-defined]
    told += [caplog.text, *(str(record) for record in records)]
    assert not [text for text in told if KEY in text]


async def test_a_defect_of_ours_ends_the_job_and_leaves_a_dead_letter(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(in_turn(http(500), http())) as (_, worker):
        real, count = Provider.call, 0

        async def broken(self: Provider, *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == 2:
                raise ZeroDivisionError("with a secret in it")
            return await real(self, *args, **kwargs)

        monkeypatch.setattr(Provider, "call", broken)
        records = await worker.do()
    assert [record.topic for record in records] == [
        Topics().dead.name,
        Topics().calls.name,
        Topics().calls.name,
        Topics().results.name,
    ]
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempts) == (FailReason.INTERNAL, 2)
    assert failed.message == "a defect in the worker (ZeroDivisionError), see its log -- send the job again"
    assert (header(records[0], "ce_reason"), header(records[0], "ce_stage")) == ("internal", "worker")
    assert records[0].value == routed().value
    assert "Traceback" in caplog.text and "ZeroDivisionError" in caplog.text
