"""Microsoft's Agent Framework: Responses by default, chat completions by another client."""

from typing import Annotated, Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("agent_framework")
pytest.importorskip("agent_framework.openai")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def responses_client(base_url: str, api_key: str) -> Any:
    from agent_framework.openai import OpenAIChatClient

    client = OpenAIChatClient(base_url=base_url, api_key=api_key, model="tier:small")
    return client


def chat_client(base_url: str, api_key: str) -> Any:
    from agent_framework.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(base_url=base_url, api_key=api_key, model="tier:small")
    return client


@pytest.fixture(params=[responses_client, chat_client])
def agent(request: pytest.FixtureRequest, base_url: str, towns: list[str]) -> Any:
    from agent_framework import Agent

    def weather(town: Annotated[str, "Its name"]) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    return Agent(client=request.param(base_url, KEY), instructions="Be brief", tools=[weather])


async def test_a_tool_is_called_and_its_result_answered(agent: Any, towns: list[str]) -> None:
    answer = await agent.run(ASKED)
    assert answer.text
    assert len(towns) == 1


async def test_a_structured_answer(agent: Any) -> None:
    answer = await agent.run("Bergen tomorrow", options={"response_format": Forecast})
    assert isinstance(answer.value, Forecast)


async def test_a_stream(agent: Any, towns: list[str]) -> None:
    pieces = [piece.text async for piece in agent.run(ASKED, stream=True) if piece.text]
    assert len(pieces) > 1
    assert len(towns) == 1


async def test_a_conversation_goes_on(agent: Any) -> None:
    session = agent.create_session()
    assert (await agent.run("Name a colour", session=session)).text
    assert (await agent.run("And another?", session=session)).text
