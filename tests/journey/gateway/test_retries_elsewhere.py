"""A client's own retry in another gateway process is the same job."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest

from pointsman.bus.read.follow import Follower
from tests.journey.gateway.conftest import base_url, openai_of
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

LONG_S = 120


class Balanced(httpx2.AsyncHTTPTransport):
    """Behind a load balancer: each request goes to the next process."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__()
        self._urls = urls
        self.counts: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        target = httpx2.URL(self._urls[len(self.counts) % len(self._urls)])
        self.counts.append(request.headers["x-stainless-retry-count"])
        request.url = request.url.copy_with(host=target.host, port=target.port)
        request.headers["host"] = f"{target.host}:{target.port}"
        return await super().handle_async_request(request)


@asynccontextmanager
async def balanced(system: System, *names: str, **options: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    transport = Balanced([base_url(system, name) for name in names])
    async with (
        httpx2.AsyncClient(transport=transport) as http,
        openai_of(system, http_client=http, **options) as client,
    ):
        yield client


async def test_a_request_and_its_retry_are_one_job_and_one_call(system: System, second: str) -> None:
    """The first process neither submits a second job nor cancels the shared one when its client leaves.

    The client leaves after the retry has joined the job: a later retry could find it cancelled and start
    another.
    """
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "latency", "ms": 6_000}})

    async def ask(name: str, retries: int) -> openai.types.chat.ChatCompletion:
        async with balanced(system, name, timeout=LONG_S) as client:
            return await client.chat.completions.create(
                model="tier:small",
                messages=[{"role": "user", "content": "slowly, and elsewhere"}],
                extra_headers={"x-stainless-retry-count": str(retries)},
            )

    before = (await system.provider_stats())["total"]
    async with (
        asyncio.timeout(LONG_S),
        Follower(system.settings, [system.topics.requests.name]) as follower,
        aclosing(aiter(follower)) as records,
    ):
        first = asyncio.create_task(ask("gateway", 0))
        await anext(records)
        retry = asyncio.create_task(ask(second, 1))
        await anext(records)
        first.cancel()
        answer = await retry
    assert answer.choices[0].message.content
    assert (await system.provider_stats())["total"] == before + 1


async def test_a_client_that_loses_its_gateway_finds_the_job_in_another(system: System, second: str) -> None:
    await system.order_faults({"prompt": "lost", "effect": {"kind": "latency", "ms": 6_000}})
    before = (await system.provider_stats())["total"]
    numbers = range(10)

    async def ask(number: int) -> openai.types.chat.ChatCompletion:
        async with balanced(system, second, "gateway", timeout=LONG_S, max_retries=2) as client:
            return await client.chat.completions.create(
                model="tier:small", messages=[{"role": "user", "content": f"lost {number}"}]
            )

    asking = [asyncio.create_task(ask(number)) for number in numbers]

    async def all_called() -> bool:
        return (await system.provider_stats())["total"] >= before + len(numbers)

    await system.until(all_called, LONG_S, "the calls")
    system.kill(second)
    answers = await asyncio.gather(*asking)
    assert all(answer.choices[0].message.content for answer in answers)
    assert len({answer._request_id for answer in answers}) == len(numbers)
    assert (await system.provider_stats())["total"] == before + len(numbers)


async def test_two_equal_requests_are_two_jobs(system: System, second: str) -> None:
    async def ask(name: str) -> str | None:
        async with balanced(system, name) as client:
            answer = await client.chat.completions.create(
                model="tier:small", messages=[{"role": "user", "content": "Once each"}]
            )
            return answer._request_id

    jobs = [await ask(name) for name in ("gateway", second, second, "gateway")]
    assert len(set(jobs)) == 4


async def test_a_job_is_cancelled_after_its_client_has_disconnected(system: System, second: str) -> None:
    """The process that received the last retry cancels it."""
    await system.order_faults({"prompt": "never", "effect": {"kind": "hang"}})
    async with balanced(system, "gateway", second, timeout=2, max_retries=1) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.chat.completions.create(
                model="tier:small", messages=[{"role": "user", "content": "never"}]
            )

    async def cancelled() -> bool:
        rows = await system.fetch("select distinct job_id from audit.message where kind = 'job.cancelled.v1'")
        return len(rows) >= 1  # two if a late retry started another job

    await system.until(cancelled, LONG_S, "the cancellation")
