"""Requests by Google's SDK and by the worker are the same on the wire, and so are the answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from pointsman.dev.simulator import SimulatorSettings
from pointsman.worker.calls.answer import Answer, Failure
from pointsman.worker.providers import as_sent
from tests.conformance.test_openai_chat import KEY, by_us, told
from tests.conformance.test_streamed_answer import by_us as called
from tests.support.running.simulated import serving
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import MODEL, in_turn, provider_of

SCHEMA = {"type": "object", "properties": {"city_name": {"type": "string"}}, "required": ["city_name"]}
PNG = "iVBORw0KGgo="
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Größe? 😀"}]}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city_name":"Bonn"}'},
    "extra_content": {"google": {"thought_signature": "c2ln"}},
}
TOOL = {"type": "function", "function": {"name": "weather", "description": "now", "parameters": SCHEMA}}
ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "4"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1},
    "modelVersion": "gemini-x",
    "responseId": "r1",
}
#: What its client writes as its API does not: the API takes both.
SPELT = {
    "mime_type": "mimeType",
    "file_uri": "fileUri",
    "parameters_json_schema": "parametersJsonSchema",
    "thinking_budget": "thinkingBudget",
    "thinking_level": "thinkingLevel",
    "include_thoughts": "includeThoughts",
}


def said(*parts: types.Part, role: str = "user") -> types.Content:
    return types.Content(role=role, parts=list(parts))


WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="weather", description="now", parameters_json_schema=SCHEMA)
    ]
)
PLAIN = said(types.Part(text="Größe? 😀"))


def config(**options: Any) -> types.GenerateContentConfig:
    off = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=off, **options)


def calling(mode: str, *names: str) -> types.ToolConfig:
    return types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode(mode), allowed_function_names=list(names) or None
        )
    )


#: What a job asks for, and what Google's own client is told to ask for the same.
PAIRS: dict[str, tuple[dict[str, Any], list[types.Content], types.GenerateContentConfig]] = {
    "plain": (ASKED, [PLAIN], config()),
    "bounds": (
        {**ASKED, "max_tokens": 5, "temperature": 0.2, "top_p": 0.9, "top_k": 3, "stop": ["a"], "seed": 7,
         "frequency_penalty": 0.1, "presence_penalty": 0.2, "n": 1, "logprobs": False, "user": "u"},
        [PLAIN],
        config(max_output_tokens=5, temperature=0.2, top_p=0.9, top_k=3, stop_sequences=["a"], seed=7,
               frequency_penalty=0.1, presence_penalty=0.2),
    ),
    "the system": (
        {
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "developer", "content": "and kind"},
                *ASKED["messages"],
            ]
        },
        [PLAIN],
        config(system_instruction=said(types.Part(text="be brief"), types.Part(text="and kind"))),
    ),
    "pictures and documents": (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "what?", "cache_control": {"type": "ephemeral"}},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        {"type": "image_url", "image_url": {"url": "https://a.test/p.png?x=1"}},
                        {"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PNG}"}},
                    ],
                }
            ]
        },
        [
            said(
                types.Part(text="what?"),
                types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\x89PNG\r\n\x1a\n")),
                types.Part(
                    file_data=types.FileData(mime_type="image/png", file_uri="https://a.test/p.png?x=1")
                ),
                types.Part(inline_data=types.Blob(mime_type="application/pdf", data=b"\x89PNG\r\n\x1a\n")),
            )
        ],
        config(),
    ),
    "calls and their results": (
        {
            "messages": [
                *ASKED["messages"],
                {"role": "assistant", "content": "hm", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "user", "content": "and now?"},
            ],
            "tools": [TOOL],
            "tool_choice": "required",
        },
        [
            PLAIN,
            said(
                types.Part(text="hm"),
                types.Part(
                    function_call=types.FunctionCall(
                        id="call_1", name="weather", args={"city_name": "Bonn"}
                    ),
                    thought_signature=b"sig",
                ),
                role="model",
            ),
            said(
                types.Part(
                    function_response=types.FunctionResponse(
                        id="call_1", name="weather", response={"output": "rain"}
                    )
                ),
                types.Part(text="and now?"),
            ),
        ],
        config(tools=[WEATHER], tool_config=calling("ANY")),
    ),
    "a call that must be": (
        {
            **ASKED,
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "reasoning_effort": "none",
        },
        [PLAIN],
        config(
            tools=[WEATHER],
            tool_config=calling("ANY", "weather"),
            thinking_config=types.ThinkingConfig(thinking_budget=0),
        ),
    ),
    "an answer by a schema, with effort": (
        {
            **ASKED,
            "reasoning_effort": "high",
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
        },
        [PLAIN],
        config(
            response_mime_type="application/json",
            response_json_schema=SCHEMA,
            thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.HIGH),
        ),
    ),
    "any JSON": (
        {**ASKED, "response_format": {"type": "json_object"}},
        [PLAIN],
        config(response_mime_type="application/json"),
    ),
}  # fmt: skip


@asynccontextmanager
async def sdk(url: str) -> AsyncIterator[Any]:
    async with httpx2.AsyncClient(trust_env=False) as http_client:  # aiohttp warns of how it would be used
        options = types.HttpOptions(base_url=url.removesuffix("/v1"), httpx_async_client=http_client)
        client = genai.Client(api_key=KEY, http_options=options, vertexai=False)
        try:
            yield client.aio.models
        finally:
            client.close()


def spelt(value: Any) -> Any:
    match value:
        case dict():
            return {SPELT.get(name, name): spelt(member) for name, member in value.items()}
        case list():
            return [spelt(member) for member in value]
        case _:
            return value


def as_asked(asked: Asked) -> tuple[str, dict[str, str], Any]:
    line, headers, body = told(asked)
    if body.get("generationConfig") == {}:  # its client says that it has nothing to say
        del body["generationConfig"]
    return line, {name: headers[name] for name in ("host", "content-type", "x-goog-api-key")}, spelt(body)


@pytest.mark.parametrize(("pair", "path"), [*((pair, "") for pair in PAIRS), ("plain", "/v1/")])
async def test_a_request_is_the_same_on_the_wire(pair: str, path: str) -> None:
    chat, contents, options = PAIRS[pair]
    async with tiny_provider(in_turn(http(body=ANSWER))) as tiny:
        address = tiny.base_url.removesuffix("/v1") + path
        result = await by_us(address, {"model": "gemini-x", **chat}, format="google")
        assert isinstance(result, Answer), result
        async with sdk(tiny.base_url) as models:
            await models.generate_content(model="gemini-x", contents=contents, config=options)
    ours, theirs = tiny.asked
    assert as_asked(ours) == as_asked(theirs)
    assert "authorization" not in ours.headers


async def test_a_stream_is_asked_for_in_the_same_way() -> None:
    async with tiny_provider(in_turn(http(400, {"error": {"message": "no"}}))) as tiny:
        await by_us(tiny.base_url, as_sent({**ASKED, "stream": True}, "m", streamed=True), format="google")
        async with sdk(tiny.base_url) as models:
            with pytest.raises(errors.ClientError):
                async for _ in await models.generate_content_stream(model="m", contents=[PLAIN]):
                    pass
    ours, theirs = tiny.asked
    assert as_asked(ours) == as_asked(theirs)
    assert ours.line == "POST /v1/models/m:streamGenerateContent?alt=sse HTTP/1.1"


async def test_an_address_with_a_version_of_its_own_is_left_as_it_is() -> None:
    async with tiny_provider(in_turn(http(body=ANSWER))) as tiny:
        address = tiny.base_url.removesuffix("/v1") + "/v1beta1/projects/p/locations/l/publishers/google"
        await by_us(address, {"model": "models/a/b?c", **ASKED}, format="google")
    (ours,) = tiny.asked
    assert ours.line.split()[1] == (
        "/v1beta1/projects/p/locations/l/publishers/google/models/a%2Fb%3Fc:generateContent"
    )


TALKS = ["plain", "bounds", "calls and their results", "an answer by a schema, with effort"]


@pytest.mark.parametrize("pair", TALKS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_an_answer_is_what_the_official_client_found(pair: str, streamed: bool) -> None:
    chat, contents, options = PAIRS[pair]
    settings = SimulatorSettings.model_validate({"latency_ms": {"small": 1}})
    async with serving(settings) as url, provider_of(url, format="google") as provider, sdk(url) as models:
        result, _ = await called(provider, chat, streamed=streamed)
        if streamed:
            stream = await models.generate_content_stream(model=MODEL, contents=contents, config=options)
            theirs = [piece async for piece in stream]
        else:
            theirs = [await models.generate_content(model=MODEL, contents=contents, config=options)]
    assert isinstance(result, Answer)
    message, usage = result.response["choices"][0]["message"], result.usage
    parts = [part for piece in theirs for part in piece.candidates[0].content.parts]
    assert (message["content"] or "") == "".join(part.text for part in parts if part.text)
    calls = [(part.function_call.id, part.function_call.name) for part in parts if part.function_call]
    assert [(call["id"], call["function"]["name"]) for call in message.get("tool_calls", ())] == calls
    last = theirs[-1]
    assert usage is not None
    assert usage.input_tokens == last.usage_metadata.prompt_token_count
    assert usage.output_tokens == last.usage_metadata.candidates_token_count
    assert result.model == last.model_version
    assert last.candidates[0].finish_reason in (types.FinishReason.STOP, types.FinishReason.MAX_TOKENS)


@pytest.mark.parametrize(
    ("kind", "error"), [("rate_limit", errors.ClientError), ("server_error", errors.ServerError)]
)
async def test_an_error_is_one_for_both(kind: str, error: type[errors.APIError]) -> None:
    settings = SimulatorSettings.model_validate({"faults": [{"effect": {"kind": kind}}]})
    async with serving(settings) as url, provider_of(url, format="google") as provider, sdk(url) as models:
        result, _ = await called(provider, ASKED, streamed=False)
        with pytest.raises(error) as theirs:
            await models.generate_content(model=MODEL, contents=[PLAIN])
    assert isinstance(result, Failure)
    assert result.http_status == theirs.value.code
    assert result.response == theirs.value.details
