"""Requests by OpenAI's SDK and by the worker are the same on the wire."""

import json
from typing import Any
from uuid import UUID

import httpx2
import openai
import pytest
from pydantic import SecretStr

from pointsman.worker.calls.answer import Answer, Failure, Result
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.reasons import FailReason
from tests.support.worker.tiny_provider import ANSWER, Asked, http, tiny_provider
from tests.support.worker.working import in_turn

KEY = "sk-5ecret/of+the=house"
#: What a provider looks at; how a client names itself and what it can decode is its own affair.
OWN = ("user-agent", "accept-encoding", "connection", "x-stainless-")

MESSAGES = [{"role": "user", "content": "Größe? 😀\n\u2028"}]
REQUESTS: list[dict[str, Any]] = [
    {"model": "gpt-4.1-nano", "messages": MESSAGES},
    {"model": "ns/model:free", "messages": [{"role": "assistant", "content": None}, *MESSAGES], "stop": None},
    {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is it?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "7"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "temperature": 0.1,
        "seed": 2**53 + 1,
        "logprobs": True,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "metadata": {"a": "b"},
        "logit_bias": {"50256": -100},
    },
    {"model": "m", "messages": MESSAGES, "extra_of_tomorrow": {"nested": [1, 2.5, "three", None, False]}},
]


def row_of(url: str, **row: Any) -> ProviderRow:
    return ProviderRow.model_validate({"name": "tiny", "base_url": url, "key_env": "TINY_KEY", **row})


async def by_us(url: str, request: dict[str, Any], **row: Any) -> Result:
    provider = Provider(row_of(url, **row), SecretStr(KEY), max_in_flight=2)
    try:
        return await provider.call(request, job_id=UUID(int=7), agent_id="tester")
    finally:
        await provider.close()


async def by_the_sdk(url: str, request: dict[str, Any], **settings: Any) -> Any:
    http_client = openai.DefaultAioHttpClient(trust_env=False, follow_redirects=False)
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=url, max_retries=0, http_client=http_client, **settings
    ) as client:
        client.organization = client.project = None
        return await client.post("/chat/completions", cast_to=httpx2.Response, body=request)


def told(asked: Asked) -> tuple[str, dict[str, str], Any]:
    headers = {name: value for name, value in asked.headers.items() if not name.startswith(OWN)}
    del headers["content-length"]  # the same data, spaced in another way
    return asked.line, headers, asked.json


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("path", ["/v1", "/v1/", "", "/", "/openai/deployments/gpt-4.1%2Fnano/v1/"])
async def test_a_request_is_the_same_on_the_wire(request_: dict[str, Any], path: str) -> None:
    async with tiny_provider(in_turn(http())) as tiny:
        url = tiny.base_url.removesuffix("/v1") + path
        assert isinstance(await by_us(url, request_), Answer)
        await by_the_sdk(url, request_)
    ours, theirs = tiny.asked
    assert told(ours) == told(theirs)
    assert ours.line == f"POST {path.rstrip('/')}/chat/completions HTTP/1.1"


async def test_headers_of_the_row_are_what_the_sdk_calls_default_headers() -> None:
    headers = {
        "X-Tenant": "seven",
        "HTTP-Referer": "https://a.test/",
        "User-Agent": "ours/1",
        "api-v": "2",
    }
    async with tiny_provider(in_turn(http())) as tiny:
        await by_us(tiny.base_url, REQUESTS[0], headers=headers)
        await by_the_sdk(tiny.base_url, REQUESTS[0], default_headers=headers)
    ours, theirs = tiny.asked
    assert told(ours) == told(theirs)
    assert ours.headers["user-agent"] == theirs.headers["user-agent"] == "ours/1"


async def test_the_environment_does_not_change_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORG_ID", "PROJECT_ID", "ADMIN_KEY", "API_KEY", "BASE_URL"):
        monkeypatch.setenv(f"OPENAI_{name}", "http://not-ours.test/v1")
    async with tiny_provider(in_turn(http())) as tiny:
        await by_us(tiny.base_url, REQUESTS[0])
    (ours,) = tiny.asked
    assert "not-ours" not in json.dumps(ours.headers)
    assert sorted(ours.headers) == [
        *(
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        ),
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
async def test_neither_tries_again_by_itself(status: int) -> None:
    async with tiny_provider(in_turn(http(status, {"error": {"message": "no"}}))) as tiny:
        result = await by_us(tiny.base_url, REQUESTS[0])
        with pytest.raises(openai.APIStatusError) as theirs:
            await by_the_sdk(tiny.base_url, REQUESTS[0])
    assert len(tiny.asked) == 2
    assert isinstance(result, Failure)
    assert result.http_status == theirs.value.status_code == status
    assert result.response == {"error": {"message": "no"}}


async def test_the_answer_is_what_the_sdk_found() -> None:
    async with tiny_provider(in_turn(http())) as tiny:
        ours = await by_us(tiny.base_url, REQUESTS[0])
        theirs = await by_the_sdk(tiny.base_url, REQUESTS[0])
    assert isinstance(ours, Answer)
    assert ours.response == theirs.json() == ANSWER


async def test_connection_errors_are_classified_like_in_the_sdk() -> None:
    async with tiny_provider(in_turn(http())) as stopped:
        pass
    ours = await by_us(stopped.base_url, REQUESTS[0])
    with pytest.raises(openai.APIConnectionError):
        await by_the_sdk(stopped.base_url, REQUESTS[0])
    assert isinstance(ours, Failure)
    assert (ours.reason, ours.unbilled) == (FailReason.CONNECTION, True)
