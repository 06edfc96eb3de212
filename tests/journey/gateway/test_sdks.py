"""Requests by the official SDKs of OpenAI and Anthropic through the whole system."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anthropic
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic, beta_async_tool
from anthropic.types import MessageParam, ToolParam
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel

from pointsman import starter
from tests.journey.gateway.conftest import base_url, openai_of
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a town",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Answer(BaseModel):
    name: str
    score: int


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def test_a_whole_answer_and_its_headers(system: System) -> None:
    async with openai_of(system) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="tier:medium", messages=said("What is 2 + 2?")
        )
        completion = raw.parse()
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens > 0
    assert raw.headers["x-pointsman-tier"] == "medium"
    assert float(raw.headers["x-pointsman-cost-usd"]) > 0
    assert raw.headers["x-pointsman-rule"]
    assert float(raw.headers["x-pointsman-provider-ms"]) > 0
    assert float(raw.headers["x-pointsman-waited-ms"]) > 0
    job_id = UUID(raw.headers["x-pointsman-job-id"])
    assert completion._request_id == str(job_id)

    async def on_record() -> bool:
        rows = await system.fetch("select agent_id from audit.message where job_id = $1", job_id)
        return len(rows) >= 4 and {row["agent_id"] for row in rows} == {"app"}

    await system.until(on_record, 60, "the job's record")


async def test_a_stream_is_the_whole_answer_with_its_usage(system: System) -> None:
    async with openai_of(system) as client:
        whole = await client.chat.completions.create(
            model="tier:small", messages=said("Tell me of lighthouses")
        )
        stream = await client.chat.completions.create(
            model="tier:small",
            messages=said("Tell me of lighthouses"),
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


async def test_a_tool_is_called_in_a_stream_and_in_a_whole_answer(system: System) -> None:
    bergen = said("The weather in Bergen?")
    async with openai_of(system) as client:
        whole = await client.chat.completions.create(
            model="auto", messages=bergen, tools=[WEATHER], tool_choice="required"
        )
        async with client.chat.completions.stream(
            model="auto", messages=bergen, tools=[WEATHER], tool_choice="required"
        ) as stream:
            streamed = await stream.get_final_completion()
    calls = [(answer.choices[0].message.tool_calls or [])[0].function for answer in (whole, streamed)]
    assert calls[0].name == calls[1].name == "weather"
    assert json.loads(calls[0].arguments) == json.loads(calls[1].arguments)


async def test_a_structured_answer_is_parsed(system: System) -> None:
    async with openai_of(system) as client:
        completion = await client.chat.completions.parse(
            model="tier:frontier", messages=said("Name and score of the winner"), response_format=Answer
        )
    assert isinstance(completion.choices[0].message.parsed, Answer)


async def test_models_are_the_tiers_and_auto(system: System) -> None:
    async with openai_of(system) as client:
        names = [model.id async for model in client.models.list()]
        assert names[:4] == ["auto", "tier:small", "tier:medium", "tier:frontier"]
        assert (await client.models.retrieve("tier:small")).id == "tier:small"
        anything = await client.chat.completions.create(model="gpt-nine", messages=said("Hello"))
        assert anything.model.startswith("gpt-4.1")
        with pytest.raises(openai.NotFoundError, match="tier:small") as refused:
            await client.chat.completions.create(model="tier:nine", messages=said("Hello"))
    assert refused.value.code == "model_not_found"
    assert refused.value.param == "model"


async def test_errors_name_the_field(system: System) -> None:
    async with openai_of(system) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="auto", messages=[])
        assert refused.value.param == "messages"
    async with httpx2.AsyncClient(base_url=base_url(system)) as client:
        for content, status, code in (
            (b"", 400, "empty"),
            (b"\xff{}", 400, "not_utf8"),
            (b"[1]", 400, "not_an_object"),
            (b'{"a":' * 200 + b"1" + b"}" * 200, 400, "too_deep"),
            (b'{"model":"auto","messages":[{"role":"user","content":NaN}]}', 400, "bad_number"),
            (b'{"messages":[' + b" " * 3_000_000 + b"]}", 413, "too_large"),
        ):
            answer = await client.post("/chat/completions", content=content)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        nowhere = await client.get("/chats")
        assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")


async def test_a_providers_refusal_keeps_its_status_and_is_not_retried(system: System) -> None:
    await system.order_faults({"prompt": "forbidden words", "effect": {"kind": "content_filter"}})
    async with openai_of(system) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="tier:small", messages=said("forbidden words"))
        assert refused.value.code == "content_filter"
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(
                model="tier:small", messages=said("forbidden words"), stream=True
            )
    await system.order_faults()


async def test_one_key_is_one_job(system: System) -> None:
    key = str(uuid4())
    async with openai_of(system) as client:

        async def ask(text: str = "Once only") -> tuple[str, str | None]:
            raw = await client.chat.completions.with_raw_response.create(
                model="tier:small", messages=said(text), extra_headers={"idempotency-key": key}
            )
            return raw.headers["x-pointsman-job-id"], raw.parse().choices[0].message.content

        both = await asyncio.gather(ask(), ask())
        assert both[0] == both[1] == await ask()
        with pytest.raises(openai.ConflictError) as refused:
            await ask("Something else")
    assert refused.value.code == "idempotency_key_reused"


async def test_a_clients_own_retry_is_the_same_job(system: System) -> None:
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "latency", "ms": 2_500}})
    before = (await system.provider_stats())["total"]
    async with openai_of(system, timeout=1.5, max_retries=6) as client:
        completion = await client.chat.completions.create(model="tier:small", messages=said("slowly"))
    assert completion.choices[0].message.content
    assert (await system.provider_stats())["total"] == before + 1
    await system.order_faults()


async def test_disconnecting_cancels_the_job(system: System) -> None:
    await system.order_faults({"prompt": "for ever", "effect": {"kind": "hang"}})
    async with openai_of(system, max_retries=0) as client:
        for stream in (False, True):
            with pytest.raises(openai.APITimeoutError):
                await client.chat.completions.create(
                    model="tier:small", messages=said("for ever"), timeout=1, stream=stream
                )

    async def cancelled() -> bool:
        rows = await system.fetch("select 1 from audit.message where kind = 'job.cancelled.v1'")
        return len(rows) >= 2

    await system.until(cancelled, 60, "the cancellation of both")
    await system.order_faults()


async def test_responses_whole_streamed_and_continued(system: System) -> None:
    async with openai_of(system) as client:
        first = await client.responses.create(
            model="tier:small", input="Name a colour", instructions="Be brief", metadata={"topic": "colours"}
        )
        assert first.metadata == {"topic": "colours"}
        assert first.status == "completed"
        assert first.output_text
        second = await client.responses.create(
            model="tier:small", input="And another?", previous_response_id=first.id
        )
        assert second.output_text
        async with client.responses.stream(model="tier:small", input="Name a colour") as stream:
            kinds = [event.type async for event in stream]
            final = await stream.get_final_response()
        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.completed"
        assert final.output_text
        looked_up = await client.responses.retrieve(final.id)
        assert looked_up.output_text == final.output_text
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(f"resp_{uuid4().hex}")


async def test_embeddings_by_model_name_and_by_tier(system: System) -> None:
    async with openai_of(system, max_retries=0) as client:
        for model in ("text-embedding-3-small", "tier:small"):
            made = await client.embeddings.create(model=model, input=["Hello", "there"], dimensions=8)
            assert [len(item.embedding) for item in made.data] == [8, 8]
            assert made.model == "text-embedding-3-small"
            assert made.usage.prompt_tokens > 0
        with pytest.raises(openai.BadRequestError, match="name a tier that makes embeddings"):
            await client.embeddings.create(model="tier:medium", input="Hello")


async def test_a_response_in_the_background_is_polled_and_cancelled(system: System) -> None:
    await system.order_faults({"prompt": "for ever", "effect": {"kind": "hang"}})
    async with openai_of(system) as client:
        queued = await client.responses.create(model="tier:small", input="Name a fish", background=True)
        assert queued.status in ("queued", "in_progress")

        async def answered() -> bool:
            return bool((await client.responses.retrieve(queued.id)).output_text)

        await system.until(answered, 60, "the answer in the background")
        stuck = await client.responses.create(model="tier:small", input="for ever", background=True)
        assert (await client.responses.cancel(stuck.id)).status == "cancelled"
    await system.order_faults()


TOOL: ToolParam = {
    "name": "weather",
    "description": "The weather of a town",
    "input_schema": {
        "type": "object",
        "properties": {"town": {"type": "string"}},
        "required": ["town"],
        "additionalProperties": False,
    },
}


@asynccontextmanager
async def anthropic_of(system: System) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=system.processes["gateway"].url, api_key="any") as client:
        yield client


def told(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


async def test_anthropic_a_message_whole_and_streamed(system: System) -> None:
    async with anthropic_of(system) as client:
        asked = told("Tell me of bridges")
        whole = await client.messages.create(
            model="tier:small", max_tokens=300, messages=asked, system="Be brief"
        )
        async with client.messages.stream(
            model="tier:small", max_tokens=300, messages=asked, system="Be brief"
        ) as stream:
            streamed = await stream.get_final_message()
    assert whole.content[0].type == "text"
    assert whole.stop_reason == "end_turn"
    assert whole.usage.output_tokens > 0
    assert whole._request_id
    assert streamed.content[0].text == whole.content[0].text
    assert (streamed.stop_reason, streamed.usage.output_tokens) == ("end_turn", whole.usage.output_tokens)


async def test_anthropic_a_tool_is_used_and_its_result_answered(system: System) -> None:
    async with anthropic_of(system) as client:
        asked = told("The weather in Bergen?")
        first = await client.messages.create(
            model="tier:medium", max_tokens=300, messages=asked, tools=[TOOL], tool_choice={"type": "any"}
        )
        (use,) = [block for block in first.content if block.type == "tool_use"]
        assert (first.stop_reason, use.name) == ("tool_use", "weather")
        assert "town" in use.input
        last = await client.messages.create(
            model="tier:medium",
            max_tokens=300,
            tools=[TOOL],
            messages=[
                *asked,
                {"role": "assistant", "content": first.content},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"}],
                },
            ],
        )
    assert last.content[0].type == "text"


async def test_anthropic_the_tool_runner_continues(system: System) -> None:
    @beta_async_tool
    async def weather(town: str) -> str:
        """The weather of a town."""
        return f"rain in {town}"

    async with anthropic_of(system) as client:
        runner = client.beta.messages.tool_runner(
            model="tier:small",
            max_tokens=300,
            messages=[{"role": "user", "content": "Look [tool:weather]"}],
            tools=[weather],
        )
        turns = [message async for message in runner]
    assert [turn.stop_reason for turn in turns] == ["tool_use", "end_turn"]


async def test_anthropic_errors_have_its_format(system: System) -> None:
    async with anthropic_of(system) as client:
        with pytest.raises(anthropic.NotFoundError, match="tier:small"):
            await client.messages.create(model="tier:nine", max_tokens=5, messages=told("Hello"))
        with pytest.raises(anthropic.BadRequestError, match="messages"):
            await client.messages.create(model="auto", max_tokens=5, messages=[])


async def test_anthropic_thinking_and_cache_marks_reach_the_provider_and_return(
    system: System, tmp_path: Path
) -> None:
    """The simulated provider rejects thinking blocks that it did not sign, and counts cached tokens."""
    worker = system.processes["worker-frontier"]
    before = worker.environment
    providers = tmp_path / "providers.yaml"
    providers.write_text(
        starter.PROVIDERS.read_text()
        .replace("embeddings: ", "# ")
        .replace(
            'base_url: "${POINTSMAN_SIMULATOR:-http://127.0.0.1:18080}/v1"',
            'base_url: "${POINTSMAN_SIMULATOR:-http://127.0.0.1:18080}"\n    format: anthropic',
        )
    )
    system.kill(worker.name)
    worker.environment = {**before, "POINTSMAN_PROVIDERS": str(providers)}
    worker.start()
    asked: dict[str, object] = {
        "model": "tier:frontier",
        "max_tokens": 3_000,
        "thinking": {"type": "enabled", "budget_tokens": 2_000},
        "system": [{"type": "text", "text": "Be brief", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": [TOOL],
    }
    conversation = told("The weather in Bergen? [tool:weather]")
    async with anthropic_of(system) as client:
        for _ in range(2):
            async with client.messages.stream(**asked, messages=conversation) as stream:  # type: ignore[arg-type]
                streamed = await stream.get_final_message()
            whole = await client.messages.create(**asked, messages=conversation)  # type: ignore[call-overload]
            assert [block.type for block in streamed.content] == [block.type for block in whole.content]
            assert whole.content[0].type == "thinking" and whole.content[0].signature
            assert streamed.content[0] == whole.content[0]
            assert streamed.usage.cache_read_input_tokens == whole.usage.cache_read_input_tokens > 0
            assert whole.usage.cache_creation.ephemeral_1h_input_tokens > 0
            conversation = [*conversation, {"role": "assistant", "content": streamed.content}]
            uses = [block for block in streamed.content if block.type == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"} for use in uses]
            answer: Any = {"role": "user", "content": results or "And now?"}
            conversation.append(answer)
    system.kill(worker.name)
    worker.environment = before
    worker.start()
