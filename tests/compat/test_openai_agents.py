"""OpenAI's Agents SDK: Responses by default, chat completions where asked for."""

from typing import Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("agents")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def responses_model(base_url: str, api_key: str) -> Any:
    from agents import OpenAIResponsesModel
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=base_url, api_key=api_key)
    model = OpenAIResponsesModel(model="tier:small", openai_client=client)
    return model


def chat_model(base_url: str, api_key: str) -> Any:
    from agents import OpenAIChatCompletionsModel
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=base_url, api_key=api_key)
    model = OpenAIChatCompletionsModel(model="tier:small", openai_client=client)
    return model


@pytest.fixture(params=[responses_model, chat_model])
def model(request: pytest.FixtureRequest, base_url: str) -> Any:
    return request.param(base_url, KEY)


@pytest.fixture
def agent(model: Any, towns: list[str]) -> Any:
    from agents import Agent, function_tool

    @function_tool
    def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    return Agent(name="Forecaster", instructions="Be brief", model=model, tools=[weather])


async def test_by_the_environment_alone(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from agents import Agent, Runner

    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert (await Runner.run(Agent(name="Forecaster", model="auto"), "Name a colour")).final_output


async def test_a_tool_is_called_and_its_result_answered(agent: Any, towns: list[str]) -> None:
    from agents import Runner

    result = await Runner.run(agent, ASKED)
    assert result.final_output
    assert len(towns) == 1
    kinds = [item.type for item in result.new_items]
    assert kinds == ["tool_call_item", "tool_call_output_item", "message_output_item"]
    assert result.context_wrapper.usage.total_tokens > 0


async def test_a_structured_answer(model: Any) -> None:
    from agents import Agent, Runner

    agent = Agent(name="Forecaster", model=model, output_type=Forecast)
    assert isinstance((await Runner.run(agent, "Bergen tomorrow")).final_output, Forecast)


async def test_a_stream(agent: Any, towns: list[str]) -> None:
    from agents import Runner

    result = Runner.run_streamed(agent, ASKED)
    events = [event async for event in result.stream_events()]
    pieces = [
        event.data.delta
        for event in events
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    assert len(pieces) > 1
    assert "".join(pieces) == result.final_output
    assert len(towns) == 1


async def test_an_agent_hands_over_to_another(model: Any) -> None:
    from agents import Agent, Runner

    expert = Agent(name="Expert", model=model)
    desk = Agent(name="Desk", model=model, handoffs=[expert])
    result = await Runner.run(desk, "[tool:transfer_to_expert] The weather?")
    assert result.last_agent is expert
    assert result.final_output


async def test_a_conversation_goes_on(agent: Any, towns: list[str]) -> None:
    from agents import Runner

    first = await Runner.run(agent, ASKED)
    asked = [*first.to_input_list(), {"role": "user", "content": "And tomorrow? [tool:weather]"}]
    assert (await Runner.run(agent, asked)).final_output
    assert len(towns) == 2


async def test_responses_go_on_by_their_ids(base_url: str) -> None:
    from agents import Agent, Runner

    agent = Agent(name="Forecaster", model=responses_model(base_url, KEY))
    first = await Runner.run(agent, "Name a colour")
    second = await Runner.run(agent, "And another?", previous_response_id=first.last_response_id)
    assert second.final_output


async def test_two_tools_at_once_in_a_stream(model: Any, towns: list[str]) -> None:
    from agents import Agent, Runner, function_tool

    @function_tool
    def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    @function_tool
    def tides(town: str) -> str:
        """The tides of a town."""
        towns.append(town)
        return f"high in {town}"

    agent = Agent(name="Forecaster", model=model, tools=[weather, tides])
    result = Runner.run_streamed(agent, "Both of Bergen [tool:weather] [tool:tides]")
    async for _ in result.stream_events():
        pass
    assert result.final_output
    assert len(towns) == 2
