"""Requests by OpenAI's SDK for Azure and by the worker are the same on the wire."""

from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from pointsman.worker.calls.answer import Answer
from tests.conformance.test_openai_chat import KEY, REQUESTS, by_us, told
from tests.support.worker.tiny_provider import http, tiny_provider
from tests.support.worker.working import in_turn

VERSION = "2024-10-21"


async def by_the_sdk(request: dict[str, Any], **settings: Any) -> None:
    http_client = openai.DefaultAioHttpClient(trust_env=False, follow_redirects=False)
    async with openai.AsyncAzureOpenAI(max_retries=0, http_client=http_client, **settings) as client:
        client.organization = client.project = None
        await client.post("/chat/completions", cast_to=httpx2.Response, body=dict(request))


@pytest.mark.parametrize(
    ("request_", "below"), [*((request, "") for request in REQUESTS), (REQUESTS[0], "/openai/")]
)
async def test_a_request_to_a_deployment_is_the_same_on_the_wire(
    request_: dict[str, Any], below: str
) -> None:
    request_ = {**request_, "model": "gpt-4.1"}
    async with tiny_provider(in_turn(http())) as tiny:
        address = tiny.base_url.removesuffix("/v1")
        answer = await by_us(address + below, request_, format="azure", api_version=VERSION)
        assert isinstance(answer, Answer)
        await by_the_sdk(request_, azure_endpoint=address, api_version=VERSION, api_key=KEY)
    ours, theirs = tiny.asked
    assert told(ours) == told(theirs)
    assert ours.headers["api-key"] == KEY
    assert ours.line == (f"POST /openai/deployments/gpt-4.1/chat/completions?api-version={VERSION} HTTP/1.1")


async def test_a_deployment_may_stand_in_the_address_of_the_row() -> None:
    async with tiny_provider(in_turn(http())) as tiny:
        address = tiny.base_url.removesuffix("/v1")
        deployment = f"{address}/openai/deployments/cheap"
        await by_us(deployment, REQUESTS[0], format="azure", api_version=VERSION)
        await by_the_sdk(
            REQUESTS[0],
            azure_endpoint=address,
            azure_deployment="cheap",
            api_version=VERSION,
            api_key=KEY,
        )
    ours, theirs = tiny.asked
    assert told(ours) == told(theirs)


@pytest.mark.parametrize("version", [None, "preview"])
async def test_the_newer_address_has_no_deployment(version: str | None) -> None:
    """OpenAI's plain client sends the same request except for the key's header."""
    async with tiny_provider(in_turn(http())) as tiny:
        address = tiny.base_url.removesuffix("/v1") + "/openai/v1"
        await by_us(f"{address}/", REQUESTS[2], format="azure", api_version=version)
        query: dict[str, Any] = {} if version is None else {"default_query": {"api-version": version}}
        http_client = openai.DefaultAioHttpClient(trust_env=False)
        async with openai.AsyncOpenAI(
            api_key=KEY, base_url=address, http_client=http_client, default_headers={"api-key": KEY}, **query
        ) as client:
            client.organization = client.project = None
            await client.post("/chat/completions", cast_to=httpx2.Response, body=dict(REQUESTS[2]))
    ours, theirs = tiny.asked
    line, headers, body = told(theirs)
    del headers["authorization"]
    assert told(ours) == (line, headers, body)


async def test_a_token_of_entra_is_sent_as_the_sdk_sends_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("eyJ.entra.token\n")
    async with tiny_provider(in_turn(http())) as tiny:
        address = tiny.base_url.removesuffix("/v1")
        row = {"format": "azure", "api_version": VERSION, "key_env": None, "token": {"file": str(file)}}
        await by_us(address, REQUESTS[0], **row)
        await by_the_sdk(
            REQUESTS[0], azure_endpoint=address, api_version=VERSION, azure_ad_token="eyJ.entra.token"
        )
    ours, theirs = tiny.asked
    assert told(ours) == told(theirs)
    assert "api-key" not in ours.headers


async def test_a_name_of_a_deployment_stays_one_part_of_the_path() -> None:
    async with tiny_provider(in_turn(http())) as tiny:
        address = tiny.base_url.removesuffix("/v1")
        await by_us(address, {**REQUESTS[0], "model": "a/../b?c#d"}, format="azure", api_version=VERSION)
    (ours,) = tiny.asked
    assert ours.line.split()[1] == (
        f"/openai/deployments/a%2F..%2Fb%3Fc%23d/chat/completions?api-version={VERSION}"
    )
