"""Pydantic AI: OpenAI's chat completions and Responses, and Anthropic's messages."""

from typing import Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("pydantic_ai")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def chat_model(base_url: str, api_key: str) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=api_key)
    model = OpenAIChatModel("tier:small", provider=provider)
    return model


def responses_model(base_url: str, api_key: str) -> Any:
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=api_key)
    model = OpenAIResponsesModel("tier:small", provider=provider)
    return model


def anthropic_model(base_url: str, api_key: str) -> Any:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(base_url=base_url.removesuffix("/v1"), api_key=api_key)
    model = AnthropicModel("tier:small", provider=provider)
    return model


@pytest.fixture(params=[chat_model, responses_model, anthropic_model])
def model(request: pytest.FixtureRequest, base_url: str) -> Any:
    return request.param(base_url, KEY)


@pytest.fixture
def agent(model: Any, towns: list[str]) -> Any:
    from pydantic_ai import Agent

    def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    return Agent(model, instructions="Be brief", tools=[weather])


async def test_a_tool_is_called_and_its_result_answered(agent: Any, towns: list[str]) -> None:
    result = await agent.run(ASKED)
    assert result.output
    assert len(towns) == 1
    assert len(result.all_messages()) == 4


async def test_a_structured_answer(model: Any) -> None:
    from pydantic_ai import Agent

    agent = Agent(model, output_type=Forecast)
    assert isinstance((await agent.run("Bergen tomorrow")).output, Forecast)


@pytest.mark.parametrize("made_by", [chat_model, responses_model, anthropic_model])
async def test_a_structured_answer_by_a_schema(made_by: Any, base_url: str) -> None:
    from pydantic_ai import Agent, NativeOutput

    model = made_by(base_url, KEY)
    if made_by is anthropic_model:  # which of Anthropic's models can do that is known by their names
        profile = {**model.profile, "supports_json_schema_output": True}
        model = type(model)(model.model_name, provider=model._provider, profile=profile)
    agent = Agent(model, output_type=NativeOutput(Forecast))
    assert isinstance((await agent.run("Bergen tomorrow")).output, Forecast)


async def test_a_conversation_goes_on(agent: Any, towns: list[str]) -> None:
    first = await agent.run(ASKED)
    second = await agent.run("And tomorrow? [tool:weather]", message_history=first.all_messages())
    assert second.output
    assert len(towns) == 2


async def test_a_stream(agent: Any, towns: list[str]) -> None:
    async with agent.run_stream(ASKED) as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
        assert "".join(pieces) == await result.get_output()
    assert len(pieces) > 1
    assert len(towns) == 1
