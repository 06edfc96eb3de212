"""LangChain and LangGraph: chat completions, and Responses where asked for."""

from typing import Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("langchain_openai")
pytest.importorskip("langgraph")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def chat_model(base_url: str, api_key: str) -> Any:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(base_url=base_url, api_key=api_key, model="tier:small")
    return model


def responses_model(base_url: str, api_key: str) -> Any:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(base_url=base_url, api_key=api_key, model="tier:small", use_responses_api=True)
    return model


@pytest.fixture(params=[chat_model, responses_model])
def model(request: pytest.FixtureRequest, base_url: str) -> Any:
    return request.param(base_url, KEY)


@pytest.fixture
def agent(model: Any, towns: list[str]) -> Any:
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    @tool
    def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    return create_agent(model, tools=[weather], system_prompt="Be brief")


def asked(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


async def test_a_tool_is_called_and_its_result_answered(agent: Any, towns: list[str]) -> None:
    messages = (await agent.ainvoke(asked(ASKED)))["messages"]
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai"]
    assert messages[2].content == f"rain in {towns[0]}"
    assert messages[3].text
    assert messages[3].usage_metadata["total_tokens"] > 0


async def test_a_structured_answer(model: Any) -> None:
    assert isinstance(await model.with_structured_output(Forecast).ainvoke("Bergen tomorrow"), Forecast)


async def test_a_structured_answer_of_an_agent(model: Any) -> None:
    from langchain.agents import create_agent

    agent = create_agent(model, tools=[], response_format=Forecast)
    assert isinstance((await agent.ainvoke(asked("Bergen tomorrow")))["structured_response"], Forecast)


async def test_a_stream(model: Any) -> None:
    pieces = [piece async for piece in model.astream("Tell me of lighthouses")]
    assert len([piece for piece in pieces if piece.text]) > 1
    whole = await model.ainvoke("Tell me of lighthouses")
    assert "".join(piece.text for piece in pieces) == whole.text


async def test_an_agents_steps_are_streamed(agent: Any, towns: list[str]) -> None:
    nodes = [name async for step in agent.astream(asked(ASKED), stream_mode="updates") for name in step]
    assert nodes == ["model", "tools", "model"]
    assert len(towns) == 1


async def test_a_conversation_goes_on(agent: Any, towns: list[str]) -> None:
    first = await agent.ainvoke(asked(ASKED))
    messages = [*first["messages"], {"role": "user", "content": "And tomorrow? [tool:weather]"}]
    assert (await agent.ainvoke({"messages": messages}))["messages"][-1].text
    assert len(towns) == 2


async def test_responses_go_on_by_their_ids(base_url: str) -> None:
    model = responses_model(base_url, KEY).model_copy(update={"use_previous_response_id": True})
    first = await model.ainvoke("Name a colour")
    assert (await model.ainvoke([("user", "Name a colour"), first, ("user", "And another?")])).text
