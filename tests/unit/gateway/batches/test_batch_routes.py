"""Files and batches with the official SDK: agents see only their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import anthropic
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic

from pointsman.bus.errors import KafkaUnavailableError
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.door import Door
from pointsman.gateway.routes import batches as routes
from pointsman.gateway.settings import GatewaySettings
from pointsman.gateway.web import web_app
from pointsman.runtime.clock import utc_now
from pointsman_schemas.control.batches import BatchChanged
from tests.support.gateway.batches import FakeBoard, FakeStore

ENDPOINT: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


class FakeDoor(Door):
    """The API key is the agent's id."""

    def __init__(self, files: FakeStore | None) -> None:
        self.settings, self.clock = GatewaySettings(prefix="t"), utc_now
        self.batches, self.files = FakeBoard(), cast(Any, files)
        self.uploads = asyncio.Semaphore(1)
        names = {"authorization": lambda headers: headers["authorization"].split()[-1]}
        self.callers = cast(Any, SimpleNamespace(agent=lambda headers, _: names["authorization"](headers)))


@asynccontextmanager
async def client_of(door: Door, agent: str = "app") -> AsyncIterator[openai.AsyncOpenAI]:
    transport = httpx2.ASGITransport(app=web_app(door))
    async with (
        httpx2.AsyncClient(transport=transport) as http,
        openai.AsyncOpenAI(
            base_url="http://gateway/v1", api_key=agent, http_client=http, max_retries=0
        ) as client,
    ):
        yield client


async def test_agents_cannot_read_each_others_files_and_batches() -> None:
    door = FakeDoor(FakeStore())
    async with client_of(door) as app, client_of(door, "stranger") as stranger:
        file = await app.files.create(file=("in.jsonl", b"x\n"), purpose="batch")
        batch = await app.batches.create(input_file_id=file.id, **ENDPOINT)
        assert (await app.files.retrieve(file.id)).filename == "in.jsonl"
        assert (await app.files.content(file.id)).content == b"x\n"
        assert [listed.id async for listed in app.batches.list()] == [batch.id]
        assert [listed.id async for listed in stranger.batches.list()] == []
        assert [listed.id async for listed in stranger.files.list()] == []
        for refused in (
            stranger.files.retrieve(file.id),
            stranger.files.content(file.id),
            stranger.files.delete(file.id),
            stranger.batches.create(input_file_id=file.id, **ENDPOINT),
            stranger.batches.retrieve(batch.id),
            stranger.batches.cancel(batch.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await cast(Any, refused)
        assert door.batches.cancels == {}
        assert (await app.batches.cancel(batch.id)).status == "cancelling"


async def test_lists_are_paginated() -> None:
    door = FakeDoor(FakeStore())
    async with client_of(door) as client:
        file = await client.files.create(file=("in.jsonl", b"x"), purpose="batch")
        made = [(await client.batches.create(input_file_id=file.id, **ENDPOINT)).id for _ in range(5)]
        assert [listed.id async for listed in client.batches.list(limit=2)] == made[::-1]
        with pytest.raises(openai.BadRequestError, match="after"):
            await client.batches.list(after="batch_x")


async def test_files_are_listed_and_deleted() -> None:
    door = FakeDoor(FakeStore())
    async with client_of(door) as client:
        made = [(await client.files.create(file=("in.jsonl", b"x"), purpose="batch")).id for _ in range(3)]
        assert [listed.id async for listed in client.files.list(limit=2)] == made[::-1]
        assert [listed.id async for listed in client.files.list(order="asc", purpose="batch")] == made
        assert [listed.id async for listed in client.files.list(purpose="batch_output")] == []
        batch = await client.batches.create(input_file_id=made[0], **ENDPOINT)
        with pytest.raises(openai.ConflictError, match=batch.id):
            await client.files.delete(made[0])
        assert (await client.files.delete(made[1])).deleted
        assert [listed.id async for listed in client.files.list()] == [made[2], made[0]]
        for attempt in (
            client.files.retrieve(made[1]),
            client.files.content(made[1]),
            client.files.delete(made[1]),
            client.batches.create(input_file_id=made[1], **ENDPOINT),
        ):
            with pytest.raises(openai.NotFoundError):
                await cast(Any, attempt)
        door.batches.fold(
            BatchChanged(
                batch_id=batch.id,
                agent_id="app",
                status="completed",
                total=1,
                completed=1,
                failed=0,
                at=utc_now(),
            )
        )
        assert (await client.files.delete(made[0])).deleted
        for wrong in ({"limit": 0}, {"limit": 10_001}, {"order": "up"}, {"after": made[0]}):
            with pytest.raises(openai.BadRequestError):
                await client.files.list(**cast(Any, wrong))


async def test_sizes_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_OPEN", 1)
    door = FakeDoor(FakeStore())
    door.settings = GatewaySettings(prefix="t", claims_max_bytes=1024)
    async with client_of(door) as client:
        with pytest.raises(openai.APIStatusError) as refused:
            await client.files.create(file=("in.jsonl", b"x" * 20_000), purpose="batch")
        assert refused.value.status_code == 413
        file = await client.files.create(file=("in.jsonl", b"x"), purpose="batch")
        for metadata in ({"a": "x" * 513}, {str(number): "" for number in range(17)}):
            with pytest.raises(openai.BadRequestError, match="metadata"):
                await client.batches.create(input_file_id=file.id, metadata=metadata, **ENDPOINT)
        await client.batches.create(input_file_id=file.id, **ENDPOINT)
        with pytest.raises(openai.RateLimitError, match="not done yet"):
            await client.batches.create(input_file_id=file.id, **ENDPOINT)


async def test_a_path_with_a_slash_behind_it_is_the_same() -> None:
    """A redirect would follow the client's `host` header."""
    transport = httpx2.ASGITransport(app=web_app(FakeDoor(FakeStore())))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        for path in ("/v1/files", "/v1/files/", "/v1/batches//"):
            answer = await client.get(path, headers={"authorization": "Bearer app"})
            assert (answer.status_code, answer.json()["data"]) == (200, [])
            answer = await client.post(path, content=b"", headers={"authorization": "Bearer app"})
            assert answer.status_code == 400


async def test_models_and_errors_have_the_format_of_each_api() -> None:
    door = FakeDoor(None)
    door.models = ModelNames(tiers=("small",), models={"gpt-mini": "small"})
    transport = httpx2.ASGITransport(app=web_app(door))
    async with (
        client_of(door) as client,
        httpx2.AsyncClient(transport=transport) as http,
        AsyncAnthropic(base_url="http://gateway", auth_token="app", http_client=http, max_retries=0) as other,
    ):
        names = [model.id async for model in client.models.list()]
        assert names == ["auto", "tier:small", "gpt-mini"]
        models = [model async for model in other.models.list()]
        assert [(model.id, model.display_name, model.type) for model in models] == [
            (name, name, "model") for name in names
        ]
        assert models[0].created_at.tzinfo is not None
        with pytest.raises(anthropic.NotFoundError) as refused:
            await other.models.retrieve("claude")
        assert cast(Any, refused.value.body)["error"]["type"] == "not_found_error"


async def test_without_a_store_there_are_no_files() -> None:
    async with client_of(FakeDoor(None)) as client:
        with pytest.raises(openai.BadRequestError, match="POINTSMAN_CLAIMS"):
            await client.files.create(file=("in.jsonl", b"x"), purpose="batch")


@pytest.mark.parametrize(
    "error", [KafkaUnavailableError("k", 1, "away"), ClaimsUnavailableError("the store is away")]
)
async def test_failures_of_kafka_or_the_store_are_retriable(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    door = FakeDoor(FakeStore())

    async def fails(*_: object) -> None:
        raise error

    async with client_of(door) as client:
        file = await client.files.create(file=("in.jsonl", b"x"), purpose="batch")
        monkeypatch.setattr(door.batches, "write", fails)
        # The first does not go by FastAPI, the second does.
        for asked in (
            client.batches.create(input_file_id=file.id, **ENDPOINT),
            client.files.delete(file.id),
        ):
            with pytest.raises(openai.InternalServerError, match="away") as refused:
                await cast(Any, asked)
            answer = refused.value.response
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
