"""Provider calls and their outcomes, over real HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from pointsman.worker.providers import Provider
from pointsman_schemas.jobs import REQUEST_DIGEST
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from pointsman_schemas.reasons import FailReason
from pointsman_schemas.topics import Topics
from tests.support.worker.routed_jobs import AGENT, calls, header, job_id, outcome, routed
from tests.support.worker.tiny_provider import ANSWER, http, tiny_provider
from tests.support.worker.working import MODEL, Worker, in_turn, provider_of, working


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
    # gpt-4.1-nano: 0.10 and 0.40 dollars per million tokens in and out
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
async def test_permanent_errors_are_not_retried(status: int, body: object, reason: FailReason) -> None:
    async with working(in_turn(http(status, body))) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 1
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempts, failed.cost_usd) == (reason, 1, 0)
    assert failed.message.startswith(f"tiny answered {status}: ")
    assert (failed.code == "context_length_exceeded") is (status == 413)
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
        (http(200, {"choices": []}), FailReason.BAD_RESPONSE),
        (http(200, {"choices": [{}]}), FailReason.BAD_RESPONSE),
        (http(200, {"error": {"message": "upstream is down"}}), FailReason.BAD_RESPONSE),
        (http()[:-9], FailReason.CONNECTION),
        (b"not HTTP at all\r\n\r\n", FailReason.CONNECTION),
        (b"", FailReason.CONNECTION),
    ],
)
async def test_retriable_errors_are_retried(answer: bytes, reason: FailReason) -> None:
    async with working(in_turn(answer, http())) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 2
    assert isinstance(outcome(records), JobCompleted)
    failed, done = calls(records)
    assert (failed.attempt, failed.status, failed.error_type) == (1, "retry", reason)
    assert (done.attempt, done.status, done.error_type) == (2, "ok", None)
    assert failed.error is not None and failed.error.isprintable()
    assert failed.retry_after_s is not None and failed.retry_after_s < 0.002


async def test_attempts_are_bounded() -> None:
    async with working(in_turn(http(500, {"error": {"message": "on fire"}})), attempts=3) as (tiny, worker):
        records = await worker.do()
    assert len(tiny.asked) == 3  # the HTTP library does not retry
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
    assert waited >= 0.045  # measured by two clocks


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


async def test_an_unreachable_provider_is_named_with_its_address() -> None:
    async with tiny_provider(in_turn(http())) as stopped:
        pass
    async with provider_of(stopped) as provider:
        records = await Worker(provider, attempts=1).do()
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.cost_usd) == (FailReason.CONNECTION, 0)
    assert failed.message.startswith(f"tiny cannot be reached at {stopped.base_url} (")


async def test_a_call_interrupted_before_its_answer_may_have_been_charged() -> None:
    async with working(in_turn(b""), attempts=1) as (_, worker):
        records = await worker.do()
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.cost_usd) == (FailReason.CONNECTION, None)
    assert failed.message.startswith("the connection to tiny broke off (")


async def test_the_cost_of_a_job_is_that_of_all_its_attempts() -> None:
    without_answer = {**ANSWER, "choices": []}
    async with working(in_turn(http(200, without_answer), http(500), http())) as (_, worker):
        records = await worker.do()
    assert [call.cost_usd for call in calls(records)] == [Decimal("0.0003"), 0, Decimal("0.0003")]
    assert outcome(records).cost_usd == Decimal("0.0006")  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [{"usage": None}, {"usage": {"prompt_tokens": -1}}])
async def test_an_unknown_cost_is_null(change: dict[str, Any]) -> None:
    async with working(in_turn(http(500), http(200, {**ANSWER, **change}))) as (_, worker):
        records = await worker.do()
    assert [call.cost_usd for call in calls(records)] == [0, None]
    assert (outcome(records).cost_usd, calls(records)[1].prices) == (None, None)  # type: ignore[attr-defined]


async def test_an_internal_error_ends_the_job_with_a_dead_letter(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = {REQUEST_DIGEST: "d1"}
    async with working(in_turn(http(500), http())) as (_, worker):
        real, count = Provider.call, 0

        async def broken(self: Provider, *args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == 2:
                raise ZeroDivisionError("with a secret in it")
            return await real(self, *args, **kwargs)

        monkeypatch.setattr(Provider, "call", broken)
        records = await worker.handler(routed(metadata=metadata))
    assert [record.topic for record in records] == [
        Topics().dead.name,
        Topics().calls.name,
        Topics().calls.name,
        Topics().results.name,
    ]
    failed = outcome(records)
    assert isinstance(failed, JobFailed)
    assert (failed.reason, failed.attempts) == (FailReason.INTERNAL, 2)
    assert failed.request_digest == "d1", "so that a gateway sees whose outcome it is"
    assert failed.message == "a defect in the worker (ZeroDivisionError), see its log -- send the job again"
    assert (header(records[0], "ce_reason"), header(records[0], "ce_stage")) == ("internal", "worker")
    assert records[0].value == routed(metadata=metadata).value
    assert "Traceback" in caplog.text and "ZeroDivisionError" in caplog.text
