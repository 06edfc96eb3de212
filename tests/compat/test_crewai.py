"""CrewAI: chat completions, and Responses where asked for."""

from typing import Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("crewai")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def chat_model(base_url: str, api_key: str) -> Any:
    from crewai import LLM

    llm = LLM(model="tier:small", provider="openai", base_url=base_url, api_key=api_key)
    return llm


def responses_model(base_url: str, api_key: str) -> Any:
    from crewai import LLM

    llm = LLM(model="tier:small", provider="openai", api="responses", base_url=base_url, api_key=api_key)
    return llm


@pytest.fixture(params=[chat_model, responses_model])
def llm(request: pytest.FixtureRequest, base_url: str) -> Any:
    return request.param(base_url, KEY)


def crew(llm: Any, towns: list[str], description: str, **options: Any) -> Any:
    from crewai import Agent, Crew, Task
    from crewai.tools import tool

    @tool("weather")
    def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    agent = Agent(role="Forecaster", goal="Be right", backstory="Lives in Bergen", llm=llm, tools=[weather])
    task = Task(description=description, expected_output="A forecast", agent=agent, **options)
    return Crew(agents=[agent], tasks=[task])


async def test_a_tool_is_called_and_its_result_answered(llm: Any, towns: list[str]) -> None:
    assert (await crew(llm, towns, ASKED).kickoff_async()).raw
    assert towns


async def test_a_structured_answer(llm: Any, towns: list[str]) -> None:
    result = await crew(llm, towns, "Bergen tomorrow", output_pydantic=Forecast).kickoff_async()
    assert isinstance(result.pydantic, Forecast)


async def test_a_stream(llm: Any, towns: list[str]) -> None:
    from crewai.events import LLMStreamChunkEvent, crewai_event_bus

    pieces: list[str] = []
    with crewai_event_bus.scoped_handlers():

        @crewai_event_bus.on(LLMStreamChunkEvent)
        def add(source: object, event: Any) -> None:
            pieces.append(event.chunk)

        # CrewAI 1.15 forgets the tools that a streamed response calls: there only the text is streamed.
        calls_tools = llm.api != "responses"
        llm.stream = True
        answer = (await crew(llm, towns, ASKED if calls_tools else "Bergen tomorrow").kickoff_async()).raw
        crewai_event_bus.flush()
    assert answer
    assert len(pieces) > 1
    assert bool(towns) is calls_tools
