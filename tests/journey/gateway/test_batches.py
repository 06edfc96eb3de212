"""OpenAI's batches with its SDK, in several gateway processes, also when one dies."""

import asyncio
import json
from typing import Any

import openai
import pytest
from openai.types import Batch

from pointsman.dev.services.processes import wait_ready
from pointsman.gateway.batches.lines import lines_of
from tests.journey.gateway.conftest import openai_of
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

LONG_S = 150


def lines(*texts: str, **body: Any) -> bytes:
    return b"\n".join(
        json.dumps(
            {
                "custom_id": f"c{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "tier:small", "messages": [{"role": "user", "content": text}], **body},
            }
        ).encode()
        for number, text in enumerate(texts)
    )


async def begun(client: openai.AsyncOpenAI, content: bytes, **more: Any) -> Batch:
    file = await client.files.create(file=("in.jsonl", content), purpose="batch")
    assert (await client.files.content(file.id)).content == content
    return await client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", **more
    )


async def ended(system: System, batch: Batch, name: str = "gateway") -> Batch:
    latest: list[Batch] = []
    async with openai_of(system, name) as client:

        async def is_over() -> bool:
            latest[:] = [await client.batches.retrieve(batch.id)]
            return latest[0].status in ("completed", "failed", "expired", "cancelled")

        await system.until(is_over, LONG_S, "the end of the batch")
    return latest[0]


async def results(client: openai.AsyncOpenAI, file_id: str | None) -> dict[str, Any]:
    if file_id is None:
        return {}
    content = (await client.files.content(file_id)).content
    return {line["custom_id"]: line for line in map(json.loads, content.splitlines())}


async def test_another_gateway_continues_the_batch_of_a_dead_one(system: System) -> None:
    system.add("gateway-2", like="gateway")
    await asyncio.to_thread(wait_ready, [system.processes["gateway-2"]])
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "latency", "ms": 1_500}})
    before = (await system.provider_stats())["total"]
    texts = [f"slowly {number}" for number in range(150)]
    async with openai_of(system) as client:
        batch = await begun(client, lines(*texts))
    for name, reached in (("gateway", 40), ("gateway-2", 80)):  # one of them processes the batch

        async def goes_on(calls: int = before + reached) -> bool:
            return (await system.provider_stats())["total"] >= calls

        await system.until(goes_on, LONG_S, "some calls")
        system.kill(name)
        system.processes[name].start()
        await asyncio.to_thread(wait_ready, [system.processes[name]])
    batch = await ended(system, batch, "gateway-2")
    assert batch.status == "completed"
    async with openai_of(system) as client:
        answers = await results(client, batch.output_file_id)
    assert len(answers) == len(texts) and batch.error_file_id is None
    assert (await system.provider_stats())["total"] == before + len(texts)
    ids = [str(line.job_id) for line in lines_of(batch.id, lines(*texts), 10_000)[0]]
    assert await system.problems(ids) == []
    await system.order_faults()


async def test_a_batch_and_its_files(system: System) -> None:
    await system.order_faults({"prompt": "forbidden", "effect": {"kind": "content_filter"}})
    async with openai_of(system) as client:
        batch = await begun(client, lines("one", "two", "forbidden"), metadata={"of": "test"})
        assert batch.status in ("validating", "in_progress") and batch.metadata == {"of": "test"}
        batch = await ended(system, batch)
        assert batch.status == "completed"
        counts = batch.request_counts
        assert counts is not None and (counts.total, counts.completed, counts.failed) == (3, 2, 1)
        answers = await results(client, batch.output_file_id)
        assert sorted(answers) == ["c0", "c1"]
        assert answers["c0"]["response"]["body"]["choices"][0]["message"]["content"]
        assert (await results(client, batch.error_file_id))["c2"]["error"]["code"] == "content_filter"
        assert batch.id in [listed.id async for listed in client.batches.list(limit=1)]
        assert (await client.files.retrieve(batch.output_file_id or "")).purpose == "batch_output"
    await system.order_faults()


async def test_an_invalid_file_fails_with_line_numbers(system: System) -> None:
    async with openai_of(system) as client:
        batch = await ended(system, await begun(client, b'{"custom_id": "a"}\n{'))
        assert batch.status == "failed" and batch.errors is not None
        assert [problem.line for problem in batch.errors.data or ()] == [1, 2]
        for wrong in ({"endpoint": "/v1/embeddings"}, {"completion_window": "1h"}):
            asked: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h", **wrong}
            with pytest.raises(openai.BadRequestError):
                await client.batches.create(input_file_id=batch.input_file_id, **asked)
        with pytest.raises(openai.NotFoundError):
            await client.batches.retrieve(f"batch_{1:032x}")
        with pytest.raises(openai.NotFoundError):
            await client.files.content(f"file-{1:032x}")
        with pytest.raises(openai.BadRequestError, match="purpose"):
            await client.files.create(file=("a", b"x"), purpose="vision")


async def test_a_batch_is_cancelled(system: System) -> None:
    await system.order_faults({"prompt": "for ever", "effect": {"kind": "hang"}})
    async with openai_of(system) as client:
        batch = await begun(client, lines("at once", *["for ever"] * 60))

        async def first_is_there() -> bool:
            return (await system.provider_stats())["total"] > 10

        await system.until(first_is_there, LONG_S, "the first calls")
        assert (await client.batches.cancel(batch.id)).status in ("cancelling", "cancelled")
        batch = await ended(system, batch)
        assert batch.status == "cancelled"
        failed = await results(client, batch.error_file_id)
        assert {line["error"]["code"] for line in failed.values()} == {"batch_cancelled"}
        assert len(failed) + len(await results(client, batch.output_file_id)) == 61
    await system.order_faults()
